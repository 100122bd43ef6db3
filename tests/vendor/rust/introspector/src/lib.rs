//! Asks the company's token service about each token: `POST {"token": "..."}` with the service's
//! own secret as bearer gives `{"active": true, "user": "...", "expires_at": ..., "scopes": [...],
//! "datahub_token": "..."}` or `{"active": false}`.

use std::time::Duration;

use plugin_api::sdk::{Failure, Identity, Request, Token, TokenValidator};
use reqwest::{Client, StatusCode, Url, redirect::Policy};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// Where the service is asked, such as `https://tokens.example.com/introspect`.
    #[schemars(with = "String", extend("format" = "uri"))]
    url: String,
    /// The secret that the service knows this host by.
    service_secret: Token,
    /// Whether the service may be asked without TLS.
    #[serde(default)]
    allow_http: bool,
}

#[derive(Deserialize)]
struct Answer {
    active: bool,
    user: Option<String>,
    expires_at: Option<u64>,
    #[serde(default)]
    scopes: Vec<String>,
    datahub_token: Option<String>,
}

struct Introspector {
    client: Client,
    url: Url,
    service_secret: Token,
}

/// An answer is short; what is longer is none.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

impl TokenValidator for Introspector {
    type Config = Options;

    fn create(options: Options) -> Result<Self, Failure> {
        let url = Url::parse(&options.url)
            .map_err(|error| Failure::misconfigured(format!("`url`: {error}")))?;
        if url.scheme() != "https" && !(options.allow_http && url.scheme() == "http") {
            return Err(Failure::misconfigured("`url` must start with https://"));
        }
        // A redirect would carry the person's token to wherever it points.
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(5))
            .build()
            .map_err(|error| Failure::internal(format!("no HTTP client: {error}")))?;
        Ok(Self {
            client,
            url,
            service_secret: options.service_secret,
        })
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        let answer = self.ask(&request).await?;
        if !answer.active {
            return Err(Failure::rejected("not active"));
        }
        let user = answer
            .user
            .ok_or_else(|| Failure::internal("active, but nobody's"))?;
        let mut identity = Identity::new(user).scopes(answer.scopes);
        if let Some(expires_at) = answer.expires_at {
            identity = identity.expires_at(expires_at);
        }
        // The service may revoke at any time: ask again soon.
        identity = identity.cache_ttl(Duration::from_secs(30));
        Ok(match answer.datahub_token {
            Some(token) => identity.resolved_token(token),
            None => identity.resolved_token(request.token.expose()),
        })
    }

    async fn health(&self) -> Result<(), Failure> {
        let reached = self.client.head(self.url.clone()).send().await;
        reached.map(drop).map_err(|error| unreachable(&error))
    }
}

impl Introspector {
    async fn ask(&self, request: &Request) -> Result<Answer, Failure> {
        let mut response = self
            .client
            .post(self.url.clone())
            .bearer_auth(self.service_secret.expose())
            .json(&std::collections::BTreeMap::from([(
                "token",
                request.token.expose(),
            )]))
            .send()
            .await
            .map_err(|error| unreachable(&error))?;
        match response.status() {
            StatusCode::OK => {}
            // The service refuses this host, which says nothing of the person's token.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                tracing::error!("the token service refuses `service_secret`");
                return Err(Failure::misconfigured(
                    "the token service refuses this host",
                ));
            }
            status => {
                return Err(Failure::unavailable(format!(
                    "the token service said {status}"
                )));
            }
        }
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| unreachable(&error))?
        {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(Failure::unavailable(
                    "the token service's answer is too long",
                ));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body)
            .map_err(|_| Failure::unavailable("the token service's answer makes no sense"))
    }
}

/// No answer is no reason to refuse the person: 503, never 401.
fn unreachable(error: &reqwest::Error) -> Failure {
    let what = if error.is_timeout() {
        "does not answer in time"
    } else {
        "cannot be reached"
    };
    Failure::unavailable(format!("the token service {what}")).retry_after(Duration::from_secs(2))
}

plugin_api::export_token_validators! { "introspector" => Introspector }

#[cfg(test)]
mod tests;

//! A client of DataHub's GraphQL API, for validators that have DataHub check a token.
//!
//! One document per call, without retries or caching. An error says which part failed: the token,
//! DataHub, or the configuration.

use std::time::Duration;

use plugin_api::sdk::Failure;
use reqwest::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION},
};
use serde_json::{Map, Value, json};
use thiserror::Error;
use url::Url;

use crate::{
    http::{Answer, Http, HttpError, Network, shown},
    jws::quoted,
};

const DEFAULT_RETRY: Duration = Duration::from_secs(2);

/// DataHub's GraphQL API.
#[derive(Debug, Clone)]
pub struct DataHub {
    http: Http,
    graphql: Url,
    config: Url,
}

/// The reason why DataHub returned no data.
#[derive(Debug, Clone, Error)]
pub enum DataHubError {
    /// HTTP 401: the token is invalid, or its owner is suspended.
    #[error("DataHub refuses the token (401)")]
    TokenRefused,
    /// The token's owner may not do this.
    #[error("DataHub does not permit it: {0}")]
    Forbidden(String),
    /// DataHub is down or overloaded.
    #[error("DataHub cannot be asked: {what}")]
    Unavailable {
        /// The failure.
        what: String,
        /// The time after which to retry.
        retry_after: Duration,
    },
    /// The server at the URL is not DataHub's GraphQL API.
    #[error("{0}: check `gms_url` (DATAHUB_GMS_URL)")]
    NotDataHub(String),
    /// DataHub answered with an error of its own.
    #[error("DataHub answers with an error: {0}")]
    Failed(String),
}

impl DataHubError {
    /// The failure of the validation, if the token that was sent is the one to be validated.
    pub fn into_failure(self) -> Failure {
        let text = self.to_string();
        match self {
            Self::TokenRefused | Self::Forbidden(_) => Failure::rejected(text),
            Self::Unavailable { retry_after, .. } => {
                Failure::unavailable(text).retry_after(retry_after)
            }
            Self::NotDataHub(_) => Failure::misconfigured(text),
            Self::Failed(_) => Failure::unavailable(text).retry_after(DEFAULT_RETRY),
        }
    }
}

impl DataHub {
    /// Prepares a client of the DataHub at `gms_url`.
    ///
    /// # Errors
    /// [`Failure::misconfigured`] with one line that says what to change.
    pub fn new(gms_url: Option<&str>, network: &Network) -> Result<Self, Failure> {
        let text = gms_url.filter(|text| !text.is_empty()).ok_or_else(|| {
            Failure::misconfigured("no DataHub is configured: set DATAHUB_GMS_URL")
        })?;
        let bad = |what: &str| {
            Failure::misconfigured(format!(
                "`gms_url` (DATAHUB_GMS_URL) {}: {what}",
                quoted(text)
            ))
        };
        let base = Url::parse(text.trim_end_matches('/'))
            .map_err(|_| bad("is not a URL, such as http://datahub-gms:8080"))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(bad("is not an HTTP URL"));
        }
        if base.query().is_some() || base.fragment().is_some() || !base.username().is_empty() {
            return Err(bad("must have no user, query or fragment"));
        }
        if base.path().ends_with("/graphql") {
            return Err(bad("leave out /api/graphql, it is added"));
        }
        let below = |path: &str| {
            let mut url = base.clone();
            url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
            url
        };
        let http = Http::new(network, [&base])
            .map_err(|error| Failure::misconfigured(error.to_string()))?;
        Ok(Self {
            http,
            graphql: below("/api/graphql"),
            config: below("/config"),
        })
    }

    /// Sends a document as the owner of `token` and returns the `data` of the response. Partial
    /// data counts as data; the caller checks that the parts it needs are present.
    ///
    /// # Errors
    /// [`DataHubError`].
    pub async fn ask(
        &self,
        document: &str,
        variables: &Value,
        token: &str,
    ) -> Result<Map<String, Value>, DataHubError> {
        let request = self
            .http
            .post(&self.graphql)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(ACCEPT, "application/json")
            .json(&json!({ "query": document, "variables": variables }));
        let answer = self
            .http
            .send(&self.graphql, request)
            .await
            .map_err(unreachable_hub)?;
        self.read(&answer)
    }

    /// Checks that DataHub answers at all, without a token.
    ///
    /// # Errors
    /// [`DataHubError::Unavailable`] or [`DataHubError::NotDataHub`].
    pub async fn health(&self) -> Result<(), DataHubError> {
        let answer = self
            .http
            .get(&self.config, "application/json")
            .await
            .map_err(unreachable_hub)?;
        if answer.is_overload() {
            Err(self.overloaded(&answer))
        } else {
            Ok(())
        }
    }

    fn read(&self, answer: &Answer) -> Result<Map<String, Value>, DataHubError> {
        let not_datahub =
            |what: &str| DataHubError::NotDataHub(format!("{} {what}", shown(&self.graphql)));
        match answer.status {
            StatusCode::UNAUTHORIZED => return Err(DataHubError::TokenRefused),
            // DataHub answers invalid documents with 400 and GraphQL errors.
            StatusCode::OK | StatusCode::BAD_REQUEST => {}
            _ if answer.is_overload() => return Err(self.overloaded(answer)),
            other => return Err(not_datahub(&format!("answers {}", other.as_u16()))),
        }
        let body: Value = serde_json::from_slice(&answer.body)
            .map_err(|_| not_datahub("answers with something other than GraphQL"))?;
        let errors = body.get("errors").and_then(Value::as_array);
        let code = |error: &Value| error.pointer("/extensions/code").and_then(Value::as_u64);
        let codes: Vec<_> = errors.into_iter().flatten().filter_map(code).collect();
        if codes.contains(&401) {
            return Err(DataHubError::TokenRefused);
        }
        let data = body.get("data").and_then(Value::as_object);
        match (data, errors.and_then(|errors| errors.first())) {
            (Some(data), _) if data.values().any(|value| !value.is_null()) => Ok(data.clone()),
            (_, Some(error)) => {
                let message = error
                    .get("message")
                    .and_then(Value::as_str)
                    .unwrap_or("no message");
                let message = quoted(message);
                Err(if codes.contains(&403) {
                    DataHubError::Forbidden(message)
                } else {
                    DataHubError::Failed(message)
                })
            }
            (Some(data), None) => Ok(data.clone()),
            (None, None) => Err(not_datahub("answers with something other than GraphQL")),
        }
    }

    fn overloaded(&self, answer: &Answer) -> DataHubError {
        DataHubError::Unavailable {
            what: format!(
                "{} answers {}",
                shown(&self.graphql),
                answer.status.as_u16()
            ),
            retry_after: answer.retry_after().unwrap_or(DEFAULT_RETRY),
        }
    }
}

fn unreachable_hub(error: HttpError) -> DataHubError {
    match error {
        HttpError::Redirect { .. } => DataHubError::NotDataHub(error.to_string()),
        other => DataHubError::Unavailable {
            what: other.to_string(),
            retry_after: DEFAULT_RETRY,
        },
    }
}

//! The identity provider, towards which this server is an ordinary OAuth client.
//!
//! Endpoints are configured or discovered when first needed, so a provider that is down stops a
//! sign-in and not the start. Answers are read up to a cap, redirects are not followed, and what
//! the provider says in an error is checked before it goes anywhere.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::RwLock;
use reqwest::{Client, RequestBuilder, Response, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::{
    SettingsError, UpstreamAuth, UpstreamSettings, UpstreamToken,
    clock::{Clock, Instant},
    settings::is_loopback,
    types::{CodeChallenge, CodeVerifier, State},
};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of an answer is read.
const MAX_ANSWER_BYTES: usize = 256 * 1_024;
/// How long a discovery document is good.
const DISCOVERY_TTL: Duration = Duration::from_secs(3_600);
/// How soon discovery is tried again after it failed.
const DISCOVERY_RETRY: Duration = Duration::from_secs(3);
/// Parameters that the protocol needs as they are.
const RESERVED_PARAMETERS: [&str; 14] = [
    "client_assertion",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "request",
    "response_mode",
    "response_type",
    "state",
];

/// The provider could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpstreamError {
    /// It said no, with this error code (RFC 6749 section 5.2).
    #[error("the identity provider refused: {0}")]
    Refused(ProviderError),
    /// It did not answer, or with a 5xx or 429: may be tried again.
    #[error("the identity provider does not answer: {0}")]
    Unavailable(&'static str),
    /// It answered something else than OAuth says.
    #[error("the identity provider's answer is not usable: {0}")]
    Unusable(&'static str),
}

/// An error that the provider named; only characters that RFC 6749 allows, and of bounded length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProviderError {
    pub(super) code: String,
    pub(super) description: Option<String>,
}

impl std::fmt::Display for ProviderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.code)
    }
}

impl ProviderError {
    /// Checks what the provider sent.
    pub(super) fn new(code: &str, description: Option<&str>) -> Self {
        let allowed = |c: &char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
        let clean = |text: &str, most| text.chars().filter(allowed).take(most).collect::<String>();
        let code = clean(code, 64);
        Self {
            code: if code.is_empty() {
                "server_error".to_owned()
            } else {
                code
            },
            description: description
                .map(|text| clean(text, 300))
                .filter(|text| !text.is_empty()),
        }
    }
}

/// What a successful token request gave.
#[derive(Debug)]
pub(super) struct UpstreamTokens {
    /// The token that DataHub and the validators will see.
    pub(super) token: SecretString,
    pub(super) refresh: Option<SecretString>,
    /// When `token` ends, as far as the provider said.
    pub(super) expires: Option<Instant>,
    /// The granted scope, where it differs from what was asked for.
    pub(super) scope: Option<String>,
}

/// Where the provider's endpoints are.
#[derive(Debug, Clone)]
struct Endpoints {
    authorize: Url,
    token: Url,
    revoke: Option<Url>,
    /// Known where they were discovered; then an `iss` in the answer must equal it (RFC 9207).
    issuer: Option<String>,
}

/// See the module.
pub(super) struct Upstream {
    settings: UpstreamSettings,
    fixed: [Option<Url>; 2],
    callback: String,
    http: Client,
    clock: Clock,
    discovered: RwLock<Option<(Instant, Arc<Endpoints>)>>,
    discovering: tokio::sync::Mutex<Option<Instant>>,
}

impl Upstream {
    /// Checks the settings; asks nobody.
    pub(super) fn new(
        settings: &UpstreamSettings,
        callback: String,
        clock: Clock,
    ) -> Result<Self, SettingsError> {
        if settings.client_id.trim().is_empty() {
            return Err(SettingsError::NoClientId);
        }
        if settings.auth != UpstreamAuth::None && settings.client_secret.is_none() {
            return Err(SettingsError::NoClientSecret);
        }
        let reserved = settings
            .authorize_params
            .iter()
            .chain(&settings.token_params);
        if let Some((name, _)) = reserved
            .into_iter()
            .find(|(name, _)| RESERVED_PARAMETERS.contains(&&**name))
        {
            return Err(SettingsError::ReservedParameter(name.clone()));
        }
        let authorize = endpoint(
            "OAUTH_AUTHORIZE_ENDPOINT",
            settings.authorize_endpoint.as_deref(),
        )?;
        let token = endpoint("OAUTH_TOKEN_ENDPOINT", settings.token_endpoint.as_deref())?;
        let issuer = endpoint("OAUTH_ISSUER_URL", settings.issuer.as_deref())?;
        if issuer.is_none() && (authorize.is_none() || token.is_none()) {
            return Err(SettingsError::NoEndpoints);
        }
        let http = Client::builder()
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| SettingsError::HttpClient(error.to_string()))?;
        Ok(Self {
            settings: settings.clone(),
            fixed: [authorize, token],
            callback,
            http,
            clock,
            discovered: RwLock::default(),
            discovering: tokio::sync::Mutex::default(),
        })
    }

    /// Where the browser goes to sign in.
    pub(super) async fn authorize_url(
        &self,
        state: &State,
        challenge: &CodeChallenge,
        scope: &str,
        resource: &str,
    ) -> Result<String, UpstreamError> {
        let mut url = self.endpoints().await?.authorize.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.callback)
            .append_pair("scope", scope)
            .append_pair("state", state.expose())
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        if self.settings.forward_resource {
            query.append_pair("resource", resource);
        }
        query.extend_pairs(&self.settings.authorize_params);
        drop(query);
        Ok(url.into())
    }

    /// Whether `iss` of an answer may be this provider's (RFC 9207 section 2.4).
    pub(super) async fn is_issuer(&self, iss: &str) -> bool {
        match self.endpoints().await {
            Ok(endpoints) => endpoints
                .issuer
                .as_deref()
                .is_none_or(|issuer| issuer == iss),
            Err(_) => false,
        }
    }

    /// Redeems the provider's code.
    pub(super) async fn redeem(
        &self,
        code: &str,
        verifier: &CodeVerifier,
        resource: &str,
    ) -> Result<UpstreamTokens, UpstreamError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.callback),
            ("code_verifier", verifier.expose()),
        ];
        self.ask_for_tokens(&form, resource).await
    }

    /// Refreshes.
    pub(super) async fn refresh(
        &self,
        token: &str,
        resource: &str,
    ) -> Result<UpstreamTokens, UpstreamError> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.ask_for_tokens(&form, resource).await
    }

    /// Asks the provider to forget a token (RFC 7009), where it has an endpoint for that.
    pub(super) async fn revoke(&self, token: &str) -> Result<(), UpstreamError> {
        let Some(url) = self.endpoints().await?.revoke.clone() else {
            return Ok(());
        };
        let request = self.authenticated(url, &[("token", token)]);
        let answer = send(request).await?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(read_error(answer).await)
        }
    }

    async fn ask_for_tokens(
        &self,
        form: &[(&str, &str)],
        resource: &str,
    ) -> Result<UpstreamTokens, UpstreamError> {
        let url = self.endpoints().await?.token.clone();
        let mut form = form.to_vec();
        if self.settings.forward_resource {
            form.push(("resource", resource));
        }
        form.extend(
            self.settings
                .token_params
                .iter()
                .map(|(name, value)| (&**name, &**value)),
        );
        let answer = send(self.authenticated(url, &form)).await?;
        if !answer.status().is_success() {
            return Err(read_error(answer).await);
        }
        let body = read(answer).await?;
        self.choose(&body)
    }

    fn choose(&self, body: &[u8]) -> Result<UpstreamTokens, UpstreamError> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: Option<SecretString>,
            id_token: Option<SecretString>,
            refresh_token: Option<SecretString>,
            expires_in: Option<Value>,
            scope: Option<Value>,
        }
        let answer: Answer = serde_json::from_slice(body)
            .map_err(|_| UpstreamError::Unusable("the token answer is not JSON"))?;
        let (token, missing) = match self.settings.token {
            UpstreamToken::AccessToken => (answer.access_token, "no access_token in the answer"),
            UpstreamToken::IdToken => (
                answer.id_token,
                "no id_token in the answer; is `openid` among the scopes?",
            ),
        };
        let token = token
            .filter(|token| !token.expose_secret().is_empty())
            .ok_or(UpstreamError::Unusable(missing))?;
        // `expires_in` speaks of the access token; a JWT says itself when it ends.
        let lifetime = match self.settings.token {
            UpstreamToken::AccessToken => answer.expires_in.as_ref().and_then(seconds),
            UpstreamToken::IdToken => None,
        };
        let expires = [
            lifetime.map(|lifetime| self.clock.now().after(lifetime)),
            jwt_end(token.expose_secret()),
        ];
        Ok(UpstreamTokens {
            token,
            refresh: answer
                .refresh_token
                .filter(|token| !token.expose_secret().is_empty()),
            expires: expires.into_iter().flatten().min(),
            scope: answer
                .scope
                .as_ref()
                .and_then(Value::as_str)
                .and_then(clean_scope),
        })
    }

    fn authenticated(&self, url: Url, form: &[(&str, &str)]) -> RequestBuilder {
        let mut form = form.to_vec();
        let mut request = self.http.post(url).header("accept", "application/json");
        let secret = self
            .settings
            .client_secret
            .as_ref()
            .map(ExposeSecret::expose_secret);
        match (self.settings.auth, secret) {
            (UpstreamAuth::Basic, Some(secret)) => {
                // Both are form-encoded first (RFC 6749 section 2.3.1).
                request = request.basic_auth(
                    form_encoded(&self.settings.client_id),
                    Some(form_encoded(secret)),
                );
            }
            (UpstreamAuth::Post, Some(secret)) => {
                form.push(("client_id", &self.settings.client_id));
                form.push(("client_secret", secret));
            }
            _ => form.push(("client_id", &self.settings.client_id)),
        }
        request.form(&form)
    }

    async fn endpoints(&self) -> Result<Arc<Endpoints>, UpstreamError> {
        if let [Some(authorize), Some(token)] = &self.fixed {
            return Ok(Arc::new(Endpoints {
                authorize: authorize.clone(),
                token: token.clone(),
                revoke: None,
                issuer: None,
            }));
        }
        let known = self.discovered.read().clone();
        if let Some((until, endpoints)) = &known
            && self.clock.now() < *until
        {
            return Ok(Arc::clone(endpoints));
        }
        match (self.discover_once().await, known) {
            (Ok(endpoints), _) => Ok(endpoints),
            // Endpoints hardly ever move: old ones are better than none.
            (Err(error), Some((_, endpoints))) => {
                tracing::warn!(%error, "discovery failed, keeping the endpoints known before");
                Ok(endpoints)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// One discovery at a time, and none right after one that failed.
    async fn discover_once(&self) -> Result<Arc<Endpoints>, UpstreamError> {
        let mut retry_at = self.discovering.lock().await;
        let now = self.clock.now();
        if let Some((until, endpoints)) = &*self.discovered.read()
            && now < *until
        {
            return Ok(Arc::clone(endpoints));
        }
        if retry_at.is_some_and(|at| now < at) {
            return Err(UpstreamError::Unavailable("discovery failed a moment ago"));
        }
        match self.discover().await {
            Ok(endpoints) => {
                let endpoints = Arc::new(endpoints);
                let until = self.clock.now().after(DISCOVERY_TTL);
                *self.discovered.write() = Some((until, Arc::clone(&endpoints)));
                *retry_at = None;
                Ok(endpoints)
            }
            Err(error) => {
                *retry_at = Some(self.clock.now().after(DISCOVERY_RETRY));
                Err(error)
            }
        }
    }

    async fn discover(&self) -> Result<Endpoints, UpstreamError> {
        #[derive(Deserialize)]
        struct Document {
            issuer: String,
            authorization_endpoint: String,
            token_endpoint: String,
            revocation_endpoint: Option<String>,
        }
        let issuer = self.settings.issuer.as_deref().unwrap_or_default();
        let mut failure = UpstreamError::Unusable("no discovery document");
        for url in discovery_urls(issuer) {
            let answer = match send(self.http.get(url)).await {
                Ok(answer) if answer.status().is_success() => answer,
                Ok(_) => continue,
                Err(error) => {
                    failure = error;
                    continue;
                }
            };
            let document: Document = serde_json::from_slice(&read(answer).await?)
                .map_err(|_| UpstreamError::Unusable("the discovery document lacks endpoints"))?;
            if document.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
                return Err(UpstreamError::Unusable(
                    "the discovery document is of another issuer",
                ));
            }
            let [authorize, token] = self.fixed.clone();
            let url = |text: &str| {
                usable(text)
                    .map_err(|_| UpstreamError::Unusable("a discovered endpoint is not https"))
            };
            return Ok(Endpoints {
                authorize: authorize.map_or_else(|| url(&document.authorization_endpoint), Ok)?,
                token: token.map_or_else(|| url(&document.token_endpoint), Ok)?,
                revoke: document
                    .revocation_endpoint
                    .as_deref()
                    .map(url)
                    .transpose()?,
                issuer: Some(document.issuer),
            });
        }
        Err(failure)
    }
}

/// The two places of OpenID Connect Discovery and RFC 8414.
fn discovery_urls(issuer: &str) -> Vec<Url> {
    let openid = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let mut urls: Vec<Url> = Url::parse(&openid).into_iter().collect();
    if let Ok(mut url) = Url::parse(issuer) {
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        urls.push(url);
    }
    urls
}

fn endpoint(name: &'static str, value: Option<&str>) -> Result<Option<Url>, SettingsError> {
    value
        .map(|text| {
            usable(text).map_err(|why| SettingsError::Endpoint {
                name,
                value: text.to_owned(),
                why,
            })
        })
        .transpose()
}

fn usable(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "which is not a URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("but it must not hold a user name or password");
    }
    if url.fragment().is_some() {
        return Err("but it must not have a fragment");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err("but it must be https"),
    }
}

async fn send(request: RequestBuilder) -> Result<Response, UpstreamError> {
    request.send().await.map_err(|error| {
        UpstreamError::Unavailable(if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "no connection"
        } else {
            "the connection broke"
        })
    })
}

async fn read(mut answer: Response) -> Result<Vec<u8>, UpstreamError> {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER_BYTES => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => return Err(UpstreamError::Unusable("the answer is too large")),
            Err(_) => return Err(UpstreamError::Unavailable("the answer broke off")),
        }
    }
}

async fn read_error(answer: Response) -> UpstreamError {
    #[derive(Deserialize)]
    struct Body {
        error: String,
        error_description: Option<String>,
    }
    let status = answer.status();
    if status.is_server_error() || status.as_u16() == 429 {
        return UpstreamError::Unavailable("it answered with a 5xx or 429");
    }
    match read(answer)
        .await
        .map(|body| serde_json::from_slice::<Body>(&body))
    {
        Ok(Ok(body)) => UpstreamError::Refused(ProviderError::new(
            &body.error,
            body.error_description.as_deref(),
        )),
        Ok(Err(_)) => UpstreamError::Unusable("an error without an OAuth error code"),
        Err(error) => error,
    }
}

fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Seconds as a number or, as some providers send them, a string.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Scope tokens of RFC 6749 section 3.3, of bounded length.
fn clean_scope(text: &str) -> Option<String> {
    let allowed = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
    (!text.is_empty() && text.len() <= 1_024 && text.chars().all(allowed)).then(|| text.to_owned())
}

/// `exp` of a JWT, unverified: only to end our envelope no later than its content.
fn jwt_end(token: &str) -> Option<Instant> {
    #[derive(Deserialize)]
    struct Claims {
        exp: Value,
    }
    let payload = token.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    Some(Instant::from_seconds(seconds(&claims.exp)?.as_secs()))
}

#[cfg(test)]
mod tests;

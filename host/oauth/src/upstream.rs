//! The identity provider, of which this server is an ordinary OAuth client.
//!
//! Endpoints are configured or discovered when first needed, so a provider that is down prevents a
//! sign-in but not the start. The content of its error responses is checked before it is used.

mod answer;
mod discovery;
mod provider_error;
mod remedy;
mod subjects;
mod walk;

use std::{sync::Arc, time::Duration};

use foundation::clock::{Clock, UnixMillis};
use outbound::{AddressRule, Answer, Client, DOCUMENT_LIFETIME, Network, Profile, Source};
use parking_lot::RwLock;
use secrecy::ExposeSecret;
use url::{Url, form_urlencoded};

pub use self::walk::{Came, TokenFacts, Walk, WalkError, WalkedTokens};
use self::{
    answer::read_error,
    discovery::{Endpoints, endpoint, source},
};
pub(super) use self::{
    answer::{UpstreamError, UpstreamTokens, jwt_payload},
    provider_error::{ProviderError, Secrets},
    subjects::Subjects,
};
use super::{
    SettingsError, UpstreamAuth, UpstreamSettings,
    types::{CodeChallenge, CodeVerifier, Nonce, State},
};

/// The limits for a request to the provider.
const PROFILE: Profile = Profile {
    user_agent: concat!("datahub-mcp/", env!("CARGO_PKG_VERSION")),
    connect: Duration::from_secs(5),
    total: Some(Duration::from_secs(10)),
    idle: Duration::from_secs(90),
    idle_connections: usize::MAX,
    max_body: 256 * 1_024,
    https_only: false,
};
/// The scopes of OpenID Connect Core sections 5.4 and 11.
const OIDC_SCOPES: [&str; 6] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
];
/// The pause after a failed discovery.
const DISCOVERY_RETRY: Duration = Duration::from_secs(3);
/// Shorter values of parameters are no secrets.
const MIN_SECRET_BYTES: usize = 4;
/// Parameters that belong to the protocol and cannot be overridden.
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

/// The client of the identity provider.
pub(super) struct Upstream {
    settings: UpstreamSettings,
    fixed: [Option<Url>; 2],
    callback: String,
    source: Option<Source>,
    http: Client,
    clock: Clock,
    discovered: RwLock<Option<(UnixMillis, Arc<Endpoints>)>>,
    /// The last discovery, if it failed: its error, and the time before which none is tried.
    discovering: tokio::sync::Mutex<Option<(UnixMillis, UpstreamError)>>,
}

impl Upstream {
    /// Checks the settings, without any request.
    pub(super) fn new(
        settings: &UpstreamSettings,
        network: &Network,
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
            settings.allow_http,
        )?;
        let token = endpoint(
            "OAUTH_TOKEN_ENDPOINT",
            settings.token_endpoint.as_deref(),
            settings.allow_http,
        )?;
        let source = source(settings)?;
        if source.is_none() && (authorize.is_none() || token.is_none()) {
            return Err(SettingsError::NoEndpoints);
        }
        let places = source.iter().flat_map(|source| {
            // These hosts may have any address; hosts that only a document names may not.
            [source.issuer().url(), source.place()]
        });
        let configured = places.chain(&authorize).chain(&token);
        let addresses = AddressRule::configured(configured);
        let http = Client::new(network, &PROFILE, addresses)
            .map_err(|error| SettingsError::HttpClient(error.to_string()))?;
        Ok(Self {
            settings: settings.clone(),
            fixed: [authorize, token],
            callback,
            source,
            http,
            clock,
            discovered: RwLock::default(),
            discovering: tokio::sync::Mutex::default(),
        })
    }

    /// The URL to which the browser is sent to sign in.
    pub(super) async fn authorize_url(
        &self,
        state: &State,
        nonce: &Nonce,
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
            .append_pair("scope", &self.scope(scope))
            .append_pair("state", state.expose())
            // Some providers refuse a request without one.
            .append_pair("nonce", nonce.expose())
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        if self.settings.forward_resource {
            query.append_pair("resource", resource);
        }
        let configured = self.settings.authorize_params.iter();
        // A configured nonce would be the same for everybody.
        query.extend_pairs(configured.filter(|(name, _)| name != "nonce"));
        drop(query);
        Ok(url.into())
    }

    /// Returns whether a response with this `iss`, or without one, may be this provider's (RFC 9207 section 2.4).
    pub(super) async fn is_issuer(&self, iss: Option<&str>) -> bool {
        match self.endpoints().await {
            Ok(endpoints) => endpoints.is_issuer(iss),
            Err(_) => false,
        }
    }

    /// Redeems the provider's code.
    pub(super) async fn redeem(
        &self,
        code: &str,
        verifier: &CodeVerifier,
        nonce: Option<&Nonce>,
        resource: &str,
    ) -> Result<UpstreamTokens, UpstreamError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.callback),
            ("code_verifier", verifier.expose()),
        ];
        let tokens = self.ask_for_tokens(&form, resource).await?;
        if let Some(nonce) = nonce {
            tokens.check_nonce(self.settings.token, nonce)?;
        }
        Ok(tokens)
    }

    /// Redeems a refresh token for the scopes of its sign-in. Some providers refuse a refresh that
    /// names none (Entra: AADSTS90009); others refuse one that names a scope that they changed, so
    /// these are asked once more without any (RFC 6749 section 6).
    pub(super) async fn refresh(
        &self,
        token: &str,
        scope: &str,
        resource: &str,
    ) -> Result<UpstreamTokens, UpstreamError> {
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        let configured = &self.settings.token_params;
        let scope = self.scope(scope);
        if scope.is_empty() || configured.iter().any(|(name, _)| name == "scope") {
            return self.ask_for_tokens(&form, resource).await;
        }
        form.push(("scope", &scope));
        match self.ask_for_tokens(&form, resource).await {
            Err(UpstreamError::Refused(error)) if error.code == "invalid_scope" => {
                tracing::info!("identity provider refused the scopes of a refresh, asking without");
                form.pop();
                self.ask_for_tokens(&form, resource).await
            }
            answer => answer,
        }
    }

    /// The scopes as this provider is asked for them.
    fn scope(&self, wanted: &str) -> String {
        let settings = &self.settings;
        let mut scopes: Vec<&str> = wanted
            .split(' ')
            .filter(|scope| !scope.is_empty())
            .filter(|scope| settings.offline_access || *scope != "offline_access")
            .collect();
        let api: Vec<&str> = settings.api_scopes.iter().map(String::as_str).collect();
        if !api.is_empty() {
            // A granted scope may have another name than the one that was asked for (`.default` at
            // Entra), and the two may not be asked for together (AADSTS70011).
            scopes.retain(|scope| OIDC_SCOPES.contains(scope) || api.contains(scope));
            if !scopes.iter().any(|scope| api.contains(scope)) {
                scopes.extend(api);
            }
        }
        scopes.join(" ")
    }

    /// Revokes a token at the provider (RFC 7009), if it has an endpoint for that.
    pub(super) async fn revoke(&self, token: &str) -> Result<(), UpstreamError> {
        let Some(url) = self.endpoints().await?.revoke.clone() else {
            return Ok(());
        };
        let form = [("token", token)];
        let answer = self.send(&url, &form).await?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(read_error(&answer, &self.secrets(&form)))
        }
    }

    async fn discover(&self) -> Result<Endpoints, UpstreamError> {
        let source = self.source.as_ref();
        let source = source.ok_or(UpstreamError::Unusable("no issuer is configured".into()))?;
        let document = outbound::discover(&self.http, source).await?;
        Endpoints::read(&document, self.fixed.clone())
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
        let answer = self.send(&url, &form).await?;
        if !answer.status.is_success() {
            return Err(read_error(&answer, &self.secrets(&form)));
        }
        let (wanted, now) = (self.settings.token, self.clock.unix_millis());
        UpstreamTokens::read(&answer.body, wanted, now, &self.secrets(&form))
    }

    /// What of a form, and of this server, must not come back in the provider's words.
    fn secrets(&self, form: &[(&str, &str)]) -> Secrets {
        let secret =
            |name: &str| matches!(name, "code" | "code_verifier" | "refresh_token" | "token");
        let sent = form.iter().filter(|(name, _)| secret(name));
        let mut secrets = Secrets::new(sent.map(|(_, value)| *value));
        let own = self.settings.token_params.iter();
        for (_, value) in own.filter(|(name, value)| name != "scope" && !self.is_shown(value)) {
            secrets.add(value);
        }
        if let Some(secret) = &self.settings.client_secret {
            secrets.add_credentials(&self.settings.client_id, secret.expose_secret());
        }
        secrets
    }

    /// True for a value that browsers see, too.
    fn is_shown(&self, value: &str) -> bool {
        let mut shown = self.settings.authorize_params.iter();
        value.len() < MIN_SECRET_BYTES || shown.any(|(_, known)| known == value)
    }

    /// Sends a form with this server's client authentication.
    async fn send(&self, url: &Url, form: &[(&str, &str)]) -> Result<Answer, UpstreamError> {
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
        Ok(self.http.send(url, request.form(&form)).await?)
    }

    async fn endpoints(&self) -> Result<Arc<Endpoints>, UpstreamError> {
        if let [Some(authorize), Some(token)] = &self.fixed {
            return Ok(Arc::new(Endpoints {
                authorize: authorize.clone(),
                token: token.clone(),
                revoke: None,
                issuer: None,
                names_itself: false,
            }));
        }
        let known = self.discovered.read().clone();
        if let Some((until, endpoints)) = &known
            && self.clock.unix_millis() < *until
        {
            return Ok(Arc::clone(endpoints));
        }
        match (self.discover_once().await, known) {
            (Ok(endpoints), _) => Ok(endpoints),
            // Endpoints rarely change: old ones are better than none.
            (Err(error), Some((_, endpoints))) => {
                tracing::warn!(%error, "discovery failed, keeping the known endpoints");
                Ok(endpoints)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Runs one discovery at a time, and none right after a failed one.
    async fn discover_once(&self) -> Result<Arc<Endpoints>, UpstreamError> {
        let mut failed = self.discovering.lock().await;
        let now = self.clock.unix_millis();
        if let Some((until, endpoints)) = &*self.discovered.read()
            && now < *until
        {
            return Ok(Arc::clone(endpoints));
        }
        if let Some((retry_at, error)) = &*failed
            && now < *retry_at
        {
            return Err(error.clone());
        }
        match self.discover().await {
            Ok(endpoints) => {
                let endpoints = Arc::new(endpoints);
                let until = self.clock.unix_millis().after(DOCUMENT_LIFETIME);
                *self.discovered.write() = Some((until, Arc::clone(&endpoints)));
                *failed = None;
                Ok(endpoints)
            }
            Err(error) => {
                let retry_at = self.clock.unix_millis().after(DISCOVERY_RETRY);
                *failed = Some((retry_at, error.clone()));
                Err(error)
            }
        }
    }
}

fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests;

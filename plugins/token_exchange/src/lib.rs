//! Exchanges the caller's token at the identity provider (RFC 8693): DataHub gets a token that the
//! provider issued for DataHub, not the one that the client holds.
//!
//! The token is verified here first, exactly as by `oidc`, so that no unverified token is sent to
//! the provider in our name; then it is exchanged once, and the result is cached by the SHA-256 of
//! the caller's token until it expires. A refusal of our credentials or our configuration by the
//! provider is 503, never the caller's 401.
//!
//! # Options
//! All options of `oidc` except `forward_token`, which configure how the caller's token is
//! verified, and:
//!
//! | option | variable | default | meaning |
//! | --- | --- | --- | --- |
//! | `token_endpoint` | | from discovery | the endpoint that exchanges tokens |
//! | `client_id` | `OIDC_CLIENT_ID` | none | our credentials at the provider |
//! | `client_secret` | `OIDC_CLIENT_SECRET` | none | the secret for `client_id`, or the bearer token |
//! | `client_auth` | | `basic` | `basic`, `post`, `bearer`, `none` |
//! | `target_audience`, `target_resource`, `target_scope` | | none | the services and scopes of the new token |
//! | `subject_token_type` | | access token | type of the caller's token |
//! | `requested_token_type` | | unset | type of the new token |
//! | `actor_token`, `actor_token_file` | | none | a token of the party that acts for the person, or a file with it |
//! | `actor_token_type` | | access token | type of the actor's token |
//! | `max_cache_ttl` | | 3600 | the most seconds for which a new token is used |

mod config;
mod response;

use std::{fs, path::Path, sync::Arc, time::Duration};

use plugin_api::sdk::{Failure, Identity, Request, Token, TokenValidator};
use validator_common::{
    Cache, ClientAuth, Clock, Endpoint, EndpointKind, Remember, TokenDigest, Verified, Verifier,
    shown,
};

pub use self::config::Config;
use self::config::Wanted;

const MAX_REMEMBERED: u64 = 50_000;
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const MAX_ACTOR_BYTES: u64 = 64 * 1024;
/// The time before its expiry from which a new token is no longer used, so that a call that has
/// just started can still use it.
const MARGIN: Duration = Duration::from_secs(15);

/// The validator.
#[derive(Debug)]
pub struct TokenExchange {
    verifier: Verifier,
    endpoint: Endpoint,
    client: ClientAuth,
    wanted: Wanted,
    clock: Clock,
    exchanged: Cache<TokenDigest, Arc<Exchanged>>,
}

/// A token that the provider issued in exchange for the caller's.
#[derive(Debug)]
struct Exchanged {
    token: Token,
    /// The end of its use, on the monotonic clock.
    until: Duration,
    /// The scopes of the new token, if the provider names them; else those of the caller's apply.
    scopes: Option<Vec<String>>,
}

impl TokenExchange {
    fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        let endpoint = Endpoint::new(
            EndpointKind::Token,
            config.token_endpoint.as_ref(),
            config.oidc.issuer_url.as_deref(),
            config.oidc.discovery_url.as_deref(),
            config.oidc.allow_http.0,
            &config.oidc.network,
            clock.clone(),
        )?;
        Ok(Self {
            endpoint,
            client: config.client.resolve()?,
            wanted: config.wanted()?,
            verifier: Verifier::new(&config.oidc, clock.clone())?,
            exchanged: Cache::new(MAX_REMEMBERED, clock.clone()),
            clock,
        })
    }

    async fn decide(&self, token: &str) -> Result<Identity, Failure> {
        let verified = self.verifier.verify(token).await?;
        let digest = TokenDigest::of(token);
        let exchanged = self
            .exchanged
            .get_or(&digest, || self.exchange(token, &verified))
            .await?;
        Ok(self.identity(verified, &exchanged))
    }

    fn identity(&self, verified: Verified, exchanged: &Exchanged) -> Identity {
        let scopes = exchanged.scopes.clone().unwrap_or(verified.scopes);
        Identity::new(verified.subject)
            .scopes(scopes)
            .expires_at(verified.expires_at)
            .cache_ttl(exchanged.until.saturating_sub(self.clock.elapsed()))
            .claims(verified.claims)
            .resolved_token(exchanged.token.expose())
    }

    async fn exchange(
        &self,
        token: &str,
        verified: &Verified,
    ) -> Result<Remember<Arc<Exchanged>>, Failure> {
        let url = self.endpoint.url().await?;
        let actor = self.actor().await?;
        let wanted = &self.wanted;
        let mut form = vec![
            ("grant_type", GRANT),
            ("subject_token", token),
            ("subject_token_type", wanted.subject_token_type.as_str()),
        ];
        if let Some(actor) = &actor {
            form.push(("actor_token", actor.expose()));
            form.push(("actor_token_type", &wanted.actor_token_type));
        }
        let requested = wanted.requested_token_type.as_deref();
        form.extend(requested.map(|requested| ("requested_token_type", requested)));
        form.extend(
            wanted
                .audience
                .iter()
                .map(|audience| ("audience", audience.as_str())),
        );
        form.extend(
            wanted
                .resource
                .iter()
                .map(|resource| ("resource", resource.as_str())),
        );
        form.extend(wanted.scope.as_deref().map(|scope| ("scope", scope)));
        let answer = self.endpoint.ask(&self.client, &url, &form).await?;
        let issued = response::read(&answer, requested, &shown(&url), self.clock.unix())?;
        let left = verified
            .expires_at
            .saturating_sub(u64::try_from(self.clock.unix()).unwrap_or_default());
        let ttl = issued
            .lifetime
            .saturating_sub(MARGIN)
            .min(wanted.max_cache_ttl);
        let ttl = ttl.min(Duration::from_secs(left));
        let until = self.clock.elapsed() + ttl;
        let value = Arc::new(Exchanged {
            token: issued.token,
            until,
            scopes: issued.scopes,
        });
        Ok(Remember { value, ttl })
    }

    /// The actor's token, read from its file each time because such files rotate.
    async fn actor(&self) -> Result<Option<Token>, Failure> {
        let Some(file) = self.wanted.actor_token_file.clone() else {
            return Ok(self
                .wanted
                .actor_token
                .as_ref()
                .map(|secret| secret.0.clone()));
        };
        let read = tokio::task::spawn_blocking(move || read_actor(&file)).await;
        read.map_err(|_| Failure::internal("reading `actor_token_file` failed"))?
            .map(Some)
    }
}

fn read_actor(file: &Path) -> Result<Token, Failure> {
    let bad = |what: &str| {
        Failure::misconfigured(format!("`actor_token_file` {}: {what}", file.display()))
    };
    let metadata = fs::metadata(file).map_err(|error| bad(&error.to_string()))?;
    if !metadata.is_file() || metadata.len() > MAX_ACTOR_BYTES {
        return Err(bad("is not a regular file of at most 64 KiB"));
    }
    let text = fs::read_to_string(file).map_err(|error| bad(&error.to_string()))?;
    match text.trim() {
        "" => Err(bad("is empty")),
        token => Ok(Token::new(token)),
    }
}

impl TokenValidator for TokenExchange {
    type Config = Config;

    fn create(config: Config) -> Result<Self, Failure> {
        Self::new(&config, Clock::system())
    }

    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        let token = request.token.expose();
        match self.verifier.try_verify(token)? {
            Ok(verified) => {
                let exchanged = self.exchanged.get(&TokenDigest::of(token))?;
                Some(Ok(self.identity(verified, &exchanged)))
            }
            Err(failure) => Some(Err(failure)),
        }
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        self.decide(request.token.expose()).await
    }

    async fn health(&self) -> Result<(), Failure> {
        self.verifier.health().await?;
        self.endpoint.url().await.map(drop)
    }
}

plugin_api::export_token_validators! { "token_exchange" => TokenExchange }

#[cfg(test)]
mod tests;

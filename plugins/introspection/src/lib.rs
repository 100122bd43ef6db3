//! Validates opaque tokens by introspection (RFC 7662): the provider is asked whether a token is
//! active, and its answer is checked like a token's own claims.
//!
//! A refusal of *our* credentials by the provider is a misconfiguration (503), never the caller's
//! 401. Answers are cached by the token's SHA-256: positive ones until the token expires, but for
//! at most `cache_ttl`, negative ones for `negative_cache_ttl`.
//!
//! # Options
//! | option | variable | default | meaning |
//! | --- | --- | --- | --- |
//! | `introspection_endpoint` | | from discovery | the endpoint to ask |
//! | `issuer_url` | `OIDC_ISSUER_URL` | none | for discovery; an `iss` in an answer must equal it |
//! | `client_id` | `OIDC_CLIENT_ID` | none | our credentials as a resource server |
//! | `client_secret` | `OIDC_CLIENT_SECRET` | none | the secret for `client_id`, or the bearer token |
//! | `client_auth` | | `basic` | `basic`, `post`, `bearer`, `none` |
//! | `audience` | `OIDC_AUDIENCE` | required | accepted audiences, comma-separated |
//! | `any_audience` | | off | accept any audience: the provider answers about our tokens only, or has no audiences |
//! | `audience_claim` | `OIDC_AUDIENCE_CLAIM` | `aud` | the member with the audience, such as `client_id` |
//! | `subject_claim` | | `sub,username` | the members that may name the person; the first that is present is used |
//! | `scope_claim` | | `scope,scp` | the members with the scopes |
//! | `required_scopes` | | none | scopes without which a token is refused |
//! | `leeway` | `OIDC_LEEWAY` | 10 | seconds by which clocks may differ |
//! | `cache_ttl`, `negative_cache_ttl` | | 60, 5 | seconds for which positive and negative answers are cached |
//! | `opaque_only` | | off | leave JWTs to the next validator of a chain |
//! | `forward_token` | | on | send the same token to DataHub |
//! | `discovery_url` | `OAUTH_ISSUER_URL` | the issuer | where the document is looked for |
//! | `allow_http` | `OUTBOUND_ALLOW_HTTP` | off | plain HTTP to the provider off loopback |
//! | `ca_file` | `OUTBOUND_CA_FILE`, `SSL_CERT_FILE` | none | authorities beside the system's |
//! | `ca_dir` | `SSL_CERT_DIR` | none | directories of such files |
//! | `proxy` | `OUTBOUND_PROXY` | none | the proxy for every URL |
//! | `https_proxy`, `http_proxy` | `HTTPS_PROXY`, `HTTP_PROXY` | none | that for one scheme |
//! | `no_proxy` | `OUTBOUND_NO_PROXY`, `NO_PROXY` | none | hosts to ask without one |

mod answer;
mod config;

use std::{sync::Arc, time::Duration};

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use validator_common::{
    Cache, ClientAuth, Clock, Endpoint, EndpointKind, MAX_TOKEN_BYTES, Remember, TokenDigest,
    shown, unverified_claims,
};

use self::answer::{Person, Reading, Rules};
pub use self::config::Config;

const MAX_REMEMBERED: u64 = 50_000;

/// The validator.
#[derive(Debug)]
pub struct Introspection {
    endpoint: Endpoint,
    client: ClientAuth,
    rules: Rules,
    clock: Clock,
    cache: Cache<TokenDigest, Arc<Decided>>,
    cache_ttl: Duration,
    negative_cache_ttl: Duration,
    opaque_only: bool,
    forward_token: bool,
}

/// The provider's verdict, and the time (on the monotonic clock) until which it may be cached.
#[derive(Debug)]
struct Decided {
    outcome: Result<Person, Failure>,
    until: Duration,
}

impl Introspection {
    fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        let rules = config.rules()?;
        let endpoint = Endpoint::new(
            EndpointKind::Introspection,
            config.introspection_endpoint.as_ref(),
            config.issuer_url.as_deref(),
            config.discovery_url.as_deref(),
            config.allow_http.0,
            &config.network,
            clock.clone(),
        )?;
        Ok(Self {
            endpoint,
            client: config.client.resolve()?,
            rules,
            cache: Cache::new(MAX_REMEMBERED, clock.clone()),
            clock,
            cache_ttl: config
                .cache_ttl
                .map_or(Duration::from_secs(60), |ttl| ttl.duration()),
            negative_cache_ttl: config
                .negative_cache_ttl
                .map_or(Duration::from_secs(5), |ttl| ttl.duration()),
            opaque_only: config.opaque_only.0,
            forward_token: config.forward_token.is_none_or(|on| on.0),
        })
    }

    async fn decide(&self, token: &str) -> Result<Identity, Failure> {
        self.check_shape(token)?;
        let decided = self
            .cache
            .get_or(&TokenDigest::of(token), || self.ask(token))
            .await?;
        self.identity(&decided, token)
    }

    fn check_shape(&self, token: &str) -> Result<(), Failure> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Failure::rejected("token is longer than 16 KiB"));
        }
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::not_mine(
                "token has characters that a bearer token cannot have",
            ));
        }
        if self.opaque_only && unverified_claims(token).is_some() {
            return Err(Failure::not_mine("token is a JWT, and `opaque_only` is on"));
        }
        Ok(())
    }

    fn identity(&self, decided: &Decided, token: &str) -> Result<Identity, Failure> {
        let person = decided.outcome.as_ref().map_err(Clone::clone)?;
        let left = decided.until.saturating_sub(self.clock.elapsed());
        let mut identity = Identity::new(&person.subject)
            .scopes(&person.scopes)
            .cache_ttl(left)
            .claims(person.claims.clone());
        if let Some(expires_at) = person.expires_at {
            identity = identity.expires_at(expires_at);
        }
        Ok(if self.forward_token {
            identity.resolved_token(token)
        } else {
            identity
        })
    }

    /// Asks the provider. Both verdicts on the token are answers to be cached; only the lack of a
    /// verdict is a failure.
    async fn ask(&self, token: &str) -> Result<Remember<Arc<Decided>>, Failure> {
        let url = self.endpoint.url().await?;
        let form = [("token", token), ("token_type_hint", "access_token")];
        let answer = self.endpoint.ask(&self.client, &url, &form).await?;
        let is_jwt = unverified_claims(token).is_some();
        let outcome = match answer::read(&answer, is_jwt, &shown(&url))? {
            Reading::Verdict(outcome) => outcome,
            Reading::Facts(facts) => self.rules.person(&facts, self.clock.unix()),
        };
        let ttl = match &outcome {
            Ok(person) => {
                let left = person.expires_at.map_or(u64::MAX, |ends| {
                    ends.saturating_sub(u64::try_from(self.clock.unix()).unwrap_or_default())
                });
                self.cache_ttl.min(Duration::from_secs(left))
            }
            Err(_) => self.negative_cache_ttl,
        };
        let until = self.clock.elapsed() + ttl;
        Ok(Remember {
            value: Arc::new(Decided { outcome, until }),
            ttl,
        })
    }
}

impl TokenValidator for Introspection {
    type Config = Config;

    fn create(config: Config) -> Result<Self, Failure> {
        Self::new(&config, Clock::system())
    }

    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        let token = request.token.expose();
        if let Err(failure) = self.check_shape(token) {
            return Some(Err(failure));
        }
        let decided = self.cache.get(&TokenDigest::of(token))?;
        Some(self.identity(&decided, token))
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        self.decide(request.token.expose()).await
    }

    /// Asks about a token that cannot exist: any verdict means that the provider answers us.
    async fn health(&self) -> Result<(), Failure> {
        self.ask("datahub-mcp-health-check").await.map(drop)
    }
}

plugin_api::export_token_validators! { "introspection" => Introspection }

#[cfg(test)]
mod tests;

//! The options of the validator `introspection`.

use plugin_api::sdk::Failure;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;
use validator_common::{AudienceRule, ClientOptions, List, Network, Seconds, Switch};

use crate::answer::Rules;

/// The options of the validator `introspection`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
// The schema refuses unknown options: serde cannot, because of `flatten`.
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// The introspection endpoint (RFC 7662). Unset: taken from the issuer's discovery document.
    pub introspection_endpoint: Option<Url>,
    /// The issuer, for discovery. If an answer names an issuer, it must be this one.
    #[schemars(extend("x-env" = "OIDC_ISSUER_URL"))]
    pub issuer_url: Option<String>,
    /// The base URL of the discovery document, if it is not below the issuer.
    #[schemars(extend("x-env" = "OAUTH_ISSUER_URL"))]
    pub discovery_url: Option<String>,
    /// The server's credentials at the provider.
    #[serde(flatten)]
    pub client: ClientOptions,
    /// The accepted audiences: a token must be for one of them. Required, unless `any_audience` is
    /// set.
    #[schemars(extend("x-env" = "OIDC_AUDIENCE"))]
    pub audience: List,
    /// Accept tokens for any audience: for providers that answer a resource server about its own
    /// tokens only, or that have no audiences.
    pub any_audience: Switch,
    /// The member of the answer that holds the audience. Default `aud`.
    #[schemars(extend("x-env" = "OIDC_AUDIENCE_CLAIM"))]
    pub audience_claim: Option<String>,
    /// The members that name the person; the first that is present is used. Default `sub,username`.
    pub subject_claim: Option<List>,
    /// The members that hold the scopes. Default `scope,scp`.
    pub scope_claim: Option<List>,
    /// Scopes that every token must have.
    pub required_scopes: List,
    /// The seconds by which the provider's clock may differ from ours. Default 10.
    #[schemars(extend("x-env" = "OIDC_LEEWAY"))]
    pub leeway: Option<Seconds>,
    /// Accept tokens that are bound to a key (`cnf`) without proof of possession of the key.
    pub allow_bound_tokens: Switch,
    /// Seconds for which a positive answer is cached, and so for which a token still works after
    /// the provider has revoked it. Default 60.
    pub cache_ttl: Option<Seconds>,
    /// Seconds for which a negative answer is cached. Default 5.
    pub negative_cache_ttl: Option<Seconds>,
    /// Leave JWTs to the next validator of a chain.
    pub opaque_only: Switch,
    /// Send the token itself to DataHub. Default true.
    pub forward_token: Option<Switch>,
    /// Allow plain HTTP to the provider. Loopback addresses do not need this.
    #[schemars(extend("x-env" = "OUTBOUND_ALLOW_HTTP"))]
    pub allow_http: Switch,
    /// The connection to the provider.
    #[serde(flatten)]
    pub network: Network,
}

impl Config {
    pub(crate) fn rules(&self) -> Result<Rules, Failure> {
        let audience = match (self.audience.0.is_empty(), self.any_audience.0) {
            (false, false) => Some(AudienceRule {
                claim: self
                    .audience_claim
                    .clone()
                    .unwrap_or_else(|| "aud".to_owned()),
                accepted: self.audience.0.clone(),
            }),
            (true, true) => None,
            (true, false) => {
                return Err(Failure::misconfigured(
                    "no audience is configured: set OIDC_AUDIENCE, or `any_audience` if the \
                     provider answers about our own tokens only",
                ));
            }
            (false, true) => {
                return Err(Failure::misconfigured(
                    "`audience` (OIDC_AUDIENCE) and `any_audience` contradict each other",
                ));
            }
        };
        let words = |list: &Option<List>, default: &[&str]| match list {
            Some(List(words)) => words.clone(),
            None => default.iter().map(|&word| word.to_owned()).collect(),
        };
        Ok(Rules {
            issuer: self.issuer_url.clone().filter(|issuer| !issuer.is_empty()),
            audience,
            subject_claims: words(&self.subject_claim, &["sub", "username"]),
            scope_claims: words(&self.scope_claim, &["scope", "scp"]),
            required_scopes: self.required_scopes.0.clone(),
            leeway: self.leeway.unwrap_or(Seconds(10)).0,
            allow_bound_tokens: self.allow_bound_tokens.0,
        })
    }
}

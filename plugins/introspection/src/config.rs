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
// Unknown options are refused by the schema: serde cannot see them through `flatten`.
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// The introspection endpoint. Unset: the issuer's discovery document says it.
    pub introspection_endpoint: Option<Url>,
    /// The issuer, for discovery. Where an answer names an issuer, it must be this one.
    #[schemars(extend("x-env" = "OIDC_ISSUER_URL"))]
    pub issuer_url: Option<String>,
    /// Where the discovery document is looked for, if not below the issuer.
    #[schemars(extend("x-env" = "OAUTH_ISSUER_URL"))]
    pub discovery_url: Option<String>,
    /// Who we are to the provider.
    #[serde(flatten)]
    pub client: ClientOptions,
    /// The audiences, one of which a token must be for. Required, unless `any_audience` is set.
    #[schemars(extend("x-env" = "OIDC_AUDIENCE"))]
    pub audience: List,
    /// Accept tokens for any audience: for providers that answer a resource server for its own
    /// tokens only, or know no audiences.
    pub any_audience: Switch,
    /// The member of the answer that holds the audience. Default `aud`.
    pub audience_claim: Option<String>,
    /// The members that name the person; the first that is there counts. Default `sub,username`.
    pub subject_claim: Option<List>,
    /// The members that hold the scopes. Default `scope,scp`.
    pub scope_claim: Option<List>,
    /// Scopes that every token must have.
    pub required_scopes: List,
    /// How many seconds the provider's clock may differ from ours. Default 10.
    #[schemars(extend("x-env" = "OIDC_LEEWAY"))]
    pub leeway: Option<Seconds>,
    /// Accept tokens that are bound to a key (`cnf`) without proof of the key.
    pub allow_bound_tokens: Switch,
    /// Seconds for which a positive answer is remembered: so long does a token work on that the
    /// provider has revoked. Default 60.
    pub cache_ttl: Option<Seconds>,
    /// Seconds for which a negative answer is remembered. Default 5.
    pub negative_cache_ttl: Option<Seconds>,
    /// Leave JWTs to the next validator of a chain.
    pub opaque_only: Switch,
    /// Ask DataHub with the token itself. Default true.
    pub forward_token: Option<Switch>,
    /// Allow plain HTTP to the provider. Loopback addresses need no permission.
    #[schemars(extend("x-env" = "OUTBOUND_ALLOW_HTTP"))]
    pub allow_http: Switch,
    /// The way to the provider.
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
                    "no audience is configured: set OIDC_AUDIENCE, or `any_audience` where the \
                     provider answers for our own tokens only",
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

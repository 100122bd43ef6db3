//! The options of the validator `token_exchange`.

use std::{path::PathBuf, time::Duration};

use plugin_api::sdk::Failure;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;
use validator_common::{ClientOptions, List, OidcOptions, Seconds, Secret};

use crate::ACCESS_TOKEN;

/// The options of the validator `token_exchange`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
// The schema refuses unknown options: serde cannot, because of `flatten`.
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// The verification of the caller's token before it is exchanged.
    #[serde(flatten)]
    pub oidc: OidcOptions,
    /// The endpoint that exchanges tokens. Unset: taken from the issuer's discovery document.
    pub token_endpoint: Option<Url>,
    /// The server's credentials at the provider.
    #[serde(flatten)]
    pub client: ClientOptions,
    /// The services that the new token is for, by name (RFC 8693 `audience`).
    pub target_audience: List,
    /// The services that the new token is for, by URL (RFC 8693 `resource`).
    pub target_resource: List,
    /// The scopes of the new token, separated by spaces.
    pub target_scope: Option<String>,
    /// The type of the caller's token. Default: access token.
    pub subject_token_type: Option<String>,
    /// The type of the new token. Unset: the provider chooses.
    pub requested_token_type: Option<String>,
    /// A token of the party that acts for the person.
    #[schemars(extend("x-secret" = true))]
    pub actor_token: Option<Secret>,
    /// A file with that token, read for each exchange, such as a projected service account token.
    pub actor_token_file: Option<PathBuf>,
    /// The type of the actor's token. Default: access token.
    pub actor_token_type: Option<String>,
    /// The most seconds for which a new token is used. Default 3600.
    pub max_cache_ttl: Option<Seconds>,
}

/// The parameters of the exchange, checked.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) audience: Vec<String>,
    pub(crate) resource: Vec<String>,
    pub(crate) scope: Option<String>,
    pub(crate) subject_token_type: String,
    pub(crate) requested_token_type: Option<String>,
    pub(crate) actor_token: Option<Secret>,
    pub(crate) actor_token_file: Option<PathBuf>,
    pub(crate) actor_token_type: String,
    pub(crate) max_cache_ttl: Duration,
}

impl Config {
    pub(crate) fn wanted(&self) -> Result<Wanted, Failure> {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let actor_token = self
            .actor_token
            .clone()
            .filter(|token| !token.expose().is_empty());
        if actor_token.is_some() && self.actor_token_file.is_some() {
            return Err(Failure::misconfigured(
                "`actor_token` and `actor_token_file` are both set: leave one out",
            ));
        }
        let bad = self.target_resource.0.iter().find(|resource| {
            // RFC 8707 section 2: an absolute URI without fragment.
            Url::parse(resource).map_or(true, |url| url.fragment().is_some())
        });
        if let Some(bad) = bad {
            return Err(Failure::misconfigured(format!(
                "`target_resource`: `{}` is not an absolute URL without fragment",
                bad.escape_debug()
            )));
        }
        let token_type = |text: &Option<String>| some(text).unwrap_or_else(|| ACCESS_TOKEN.into());
        Ok(Wanted {
            audience: self.target_audience.0.clone(),
            resource: self.target_resource.0.clone(),
            scope: some(&self.target_scope),
            subject_token_type: token_type(&self.subject_token_type),
            requested_token_type: some(&self.requested_token_type),
            actor_token,
            actor_token_file: self.actor_token_file.clone(),
            actor_token_type: token_type(&self.actor_token_type),
            max_cache_ttl: self.max_cache_ttl.unwrap_or(Seconds(3600)).duration(),
        })
    }
}

//! The options of the validator `datahub_exchange`.

use plugin_api::sdk::Failure;
use schemars::JsonSchema;
use serde::Deserialize;
use validator_common::{List, OidcOptions, Secret, Switch};

use crate::mapping::Mapping;

const MAX_PEOPLE: u32 = 100_000;

/// The options of the validator `datahub_exchange`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
// The schema refuses unknown options: serde cannot, because of `flatten`.
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// The verification of the caller's token.
    #[serde(flatten)]
    pub oidc: OidcOptions,
    /// The URL of the DataHub that mints the tokens, such as `http://datahub-gms:8080`. Required.
    #[schemars(extend("x-env" = "DATAHUB_GMS_URL"))]
    pub gms_url: Option<String>,
    /// The token of a DataHub account with the privilege "Manage All Access Tokens". Required.
    #[schemars(extend("x-env" = "DATAHUB_SERVICE_TOKEN", "x-secret" = true))]
    pub service_token: Option<Secret>,
    /// The claim with the person's DataHub user name; `/a/b` is a path into an object. Default
    /// `email`.
    pub user_claim: Option<String>,
    /// A regular expression that must match the whole claim; its first group, or else the whole
    /// match, is the user name. Default `(.+)`.
    pub user_regex: Option<String>,
    /// Convert the user name to lower case.
    pub user_lowercase: Switch,
    /// Accept `email` as the user name even if the provider says `email_verified: false`.
    pub allow_unverified_email: Switch,
    /// DataHub users that no token is minted for. Default `datahub,admin,__datahub_system,UNKNOWN`.
    pub denied_users: Option<List>,
    /// Refuse people who are not users of DataHub. Default true.
    pub require_user: Option<Switch>,
    /// The number of people for whom tokens are held at once, at most 100000. Default 10000.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_people: Option<u32>,
}

impl Config {
    pub(crate) fn mapping(&self) -> Result<Mapping, Failure> {
        let denied = match &self.denied_users {
            Some(List(users)) => users.clone(),
            None => ["datahub", "admin", "__datahub_system", "UNKNOWN"]
                .map(str::to_owned)
                .to_vec(),
        };
        Mapping::new(
            self.user_claim.as_deref().unwrap_or("email"),
            self.user_regex.as_deref().unwrap_or("(.+)"),
            self.user_lowercase.0,
            self.allow_unverified_email.0,
            denied,
        )
    }

    pub(crate) fn max_people(&self) -> Result<usize, Failure> {
        match self.max_people.unwrap_or(10_000) {
            // Fits: at most 100,000.
            people @ 1..=MAX_PEOPLE => Ok(people as usize),
            _ => Err(Failure::misconfigured(
                "`max_people` must be between 1 and 100000",
            )),
        }
    }
}

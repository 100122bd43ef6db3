//! Validates DataHub's own access tokens by asking DataHub whom they belong to.
//!
//! DataHub is asked with the token itself, and only its answer is trusted. The token's own claims
//! are not verified here and can only shorten the time for which the answer is cached.
//!
//! A DataHub whose authentication is off answers any token with its own system actor, or with a user
//! that does not exist. Such an answer does not identify the caller, so the token is refused unless `allow_unverified` is on.
//!
//! # Options
//! | option | variable | default | meaning |
//! | --- | --- | --- | --- |
//! | `gms_url` | `DATAHUB_GMS_URL` | required | the DataHub to ask |
//! | `cache_ttl` | | 60 | seconds for which the host may cache an answer |
//! | `allow_unverified` | | off | accept answers of a DataHub whose authentication is off |
//! | `ca_file` | `OUTBOUND_CA_FILE`, `SSL_CERT_FILE` | none | authorities beside the system's |
//! | `ca_dir` | `SSL_CERT_DIR` | none | directories of such files |
//! | `proxy` | `OUTBOUND_PROXY` | none | the proxy for every URL |
//! | `https_proxy`, `http_proxy` | `HTTPS_PROXY`, `HTTP_PROXY` | none | that for one scheme |
//! | `no_proxy` | `OUTBOUND_NO_PROXY`, `NO_PROXY` | none | hosts to ask without one |

use std::time::Duration;

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use validator_common::{
    Clock, DataHub, DataHubError, MAX_TOKEN_BYTES, Network, Seconds, Switch, unverified_claims,
};

const ME: &str = include_str!("graphql/me.graphql");
/// The start of a user's URN.
const PERSON: &str = "urn:li:corpuser:";
/// The users as whom DataHub answers if its authentication is off: its own actor, and the one of
/// requests without a user.
const NOBODY: [&str; 2] = ["__datahub_system", "UNKNOWN"];

/// The options of the validator `datahub_token`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
// The schema refuses unknown options: serde cannot, because of `flatten`.
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// The URL of the DataHub to ask, such as `http://datahub-gms:8080`. Required.
    #[schemars(extend("x-env" = "DATAHUB_GMS_URL"))]
    pub gms_url: Option<String>,
    /// Seconds for which an answer may be cached, and so for which a token still works after it was
    /// revoked at DataHub. Default 60.
    pub cache_ttl: Option<Seconds>,
    /// Accept tokens even if DataHub's authentication is off, so that it cannot identify anybody by
    /// them. Then everybody who can reach the server has access.
    pub allow_unverified: Switch,
    /// The connection to DataHub.
    #[serde(flatten)]
    pub network: Network,
}

/// The validator.
#[derive(Debug)]
pub struct DatahubToken {
    datahub: DataHub,
    clock: Clock,
    cache_ttl: Duration,
    allow_unverified: bool,
}

impl DatahubToken {
    fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        let datahub = DataHub::new(config.gms_url.as_deref(), &config.network)?;
        let allow_unverified = config.allow_unverified.0;
        if allow_unverified {
            tracing::warn!(
                "`allow_unverified` is on: any token is accepted if DataHub's authentication is off"
            );
        }
        let cache_ttl = config.cache_ttl.unwrap_or(Seconds(60)).duration();
        Ok(Self {
            datahub,
            clock,
            cache_ttl,
            allow_unverified,
        })
    }

    async fn decide(&self, token: &str) -> Result<Identity, Failure> {
        check_shape(token)?;
        let claims = unverified_claims(token);
        let expires_at = claims
            .as_ref()
            .and_then(|claims| claims.get("exp")?.as_f64());
        if expires_at.is_some_and(|exp| exp <= self.clock.unix() as f64) {
            return Err(Failure::rejected("the token has expired"));
        }
        let data = self
            .datahub
            .ask(ME, &json!({}), token)
            .await
            .map_err(|error| match error {
                // A JWT that DataHub did not issue may be for the next validator of a chain.
                DataHubError::TokenRefused
                    if claims.is_some_and(|claims| !is_datahubs(&claims)) =>
                {
                    Failure::not_mine("DataHub does not recognize the token and did not issue it")
                }
                error => error.into_failure(),
            })?;
        let identity = self
            .person(&data)?
            .cache_ttl(self.cache_ttl)
            .resolved_token(token);
        Ok(match expires_at {
            // Saturates: a date beyond the range never expires.
            Some(exp) => identity.expires_at(exp.ceil() as u64),
            None => identity,
        })
    }

    fn person(&self, data: &Map<String, Value>) -> Result<Identity, Failure> {
        let user = data
            .get("me")
            .and_then(|me| me.get("corpUser"))
            .filter(|user| user.is_object());
        let Some(user) = user else {
            return Err(Failure::unavailable(
                "DataHub does not say whom the token belongs to",
            ));
        };
        let text = |name: &str| {
            user.get(name)
                .and_then(Value::as_str)
                .filter(|t| !t.is_empty())
        };
        let urn = text("urn")
            .filter(|urn| urn.starts_with(PERSON))
            .ok_or_else(|| Failure::unavailable("DataHub does not name a user for the token"))?;
        // Somebody may have written to these two, so that they exist.
        let is_nobody = |name: &str| {
            NOBODY
                .iter()
                .any(|nobody| name.eq_ignore_ascii_case(nobody))
        };
        let is_nobody = is_nobody(urn.strip_prefix(PERSON).unwrap_or(urn))
            || text("username").is_some_and(is_nobody);
        let exists = user.get("exists") == Some(&Value::Bool(true));
        if (is_nobody || !exists) && !self.allow_unverified {
            return Err(Failure::rejected(
                "DataHub answers for a user that is no person: its authentication is probably \
                 off (METADATA_SERVICE_AUTH_ENABLED=false), so it proves nothing",
            ));
        }
        let username = text("username").map(|name| ("username".to_owned(), name.into()));
        Ok(Identity::new(urn).claims(username.into_iter().collect()))
    }
}

/// Checks the token's length and characters (RFC 6750 section 2.1), so that DataHub is not asked
/// about anything that cannot be a bearer token.
fn check_shape(token: &str) -> Result<(), Failure> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Failure::rejected("token is longer than 16 KiB"));
    }
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(known) {
        return Err(Failure::not_mine(
            "token has characters that a bearer token cannot have",
        ));
    }
    Ok(())
}

/// Says whether DataHub issued the token: it writes the actor into its own tokens.
fn is_datahubs(claims: &Map<String, Value>) -> bool {
    claims.contains_key("actorId") || claims.contains_key("actorType")
}

impl TokenValidator for DatahubToken {
    type Config = Config;

    fn create(config: Config) -> Result<Self, Failure> {
        Self::new(&config, Clock::system())
    }

    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        check_shape(request.token.expose()).err().map(Err)
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        self.decide(request.token.expose()).await
    }

    async fn health(&self) -> Result<(), Failure> {
        self.datahub
            .health()
            .await
            .map_err(DataHubError::into_failure)
    }
}

plugin_api::export_token_validators! { "datahub_token" => DatahubToken }

#[cfg(test)]
mod tests;

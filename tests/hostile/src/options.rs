//! Shows its options as they arrived.

use plugin_api::sdk::{Failure, Identity, Request, Token, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::behaviour::behave;

/// One option of each sort. Logs them (of the secret only the length) as `options` at level info
/// when it is created, and returns them as claims of `good-SUBJECT`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AllOptions {
    /// A required option that the host fills from its environment.
    #[schemars(extend("x-env" = "OIDC_ISSUER_URL"))]
    issuer: String,
    /// A secret, which no log and no `inspect` shows.
    password: Option<Token>,
    /// A number from 1 to 10.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 10))]
    limit: u8,
    /// A switch.
    #[serde(default)]
    strict: bool,
    /// One of several words.
    #[serde(default)]
    mode: Mode,
    /// A list.
    #[serde(default)]
    audiences: Vec<String>,
}

/// One of several words.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    First,
    Second,
}

fn three() -> u8 {
    3
}

/// See [`AllOptions`].
pub(crate) struct Options(AllOptions);

impl TokenValidator for Options {
    type Config = AllOptions;

    fn create(options: AllOptions) -> Result<Self, Failure> {
        if !(1..=10).contains(&options.limit) {
            return Err(Failure::misconfigured("`limit` must be from 1 to 10"));
        }
        tracing::info!(
            issuer = options.issuer,
            limit = options.limit,
            strict = options.strict,
            mode = ?options.mode,
            audiences = ?options.audiences,
            password_length = options.password.as_ref().map_or(0, |text| text.expose().len()),
            "options"
        );
        Ok(Self(options))
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        let claims = json!({
            "issuer": self.0.issuer,
            "limit": self.0.limit,
            "strict": self.0.strict,
            "mode": format!("{:?}", self.0.mode),
            "audiences": self.0.audiences,
        });
        Ok(behave(&request)?.claims(claims.as_object().cloned().unwrap_or_default()))
    }
}

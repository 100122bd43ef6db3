//! What the host asks.

use std::{borrow::Cow, fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::v1_0::Secret;

/// A bearer token. Its `Debug` shows nothing, it has no `Display`, and its memory is wiped.
///
/// Also fit for a secret among a validator's options: its schema says `x-secret`, so that the host
/// never prints the value.
#[derive(Clone)]
pub struct Token(Secret);

impl Token {
    /// Wraps a token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Secret::new(token.into()))
    }

    /// The token itself. Never log it, never put it into an error.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub(crate) fn into_secret(self) -> Secret {
        self.0
    }
}

impl From<Secret> for Token {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([secret])")
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl JsonSchema for Token {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Token".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-secret": true })
    }
}

/// One question of the host: is this token good?
#[derive(Debug, Clone)]
pub struct Request {
    /// The bearer token, as the client sent it (or as the sign-in proxy unsealed it).
    pub token: Token,
    /// The host's id of the HTTP request. Log records made during the call carry it by themselves.
    pub request_id: String,
    /// How long the host waits for the answer.
    pub deadline: Duration,
}

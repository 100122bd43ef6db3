//! The host's request to a validator, and the token in it.

use std::{borrow::Cow, fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::newest::Secret;

/// A bearer token. Its `Debug` hides the text, it has no `Display`, and its memory is wiped when it
/// is dropped.
///
/// Also usable for a secret among a validator's options: its schema has `x-secret`, so that the
/// host never prints the value.
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

/// One request of the host: to decide whether this token is valid.
#[derive(Debug, Clone)]
pub struct Request {
    /// The bearer token, as the client sent it (or as the sign-in proxy unsealed it).
    pub token: Token,
    /// The host's id of the HTTP request. Log records written during the call carry it already.
    pub request_id: String,
    /// The time that the host waits for the answer, from the call.
    pub deadline: Duration,
}

//! What the host asks.

use std::{fmt, time::Duration};

use zeroize::Zeroizing;

/// A bearer token. Its `Debug` shows nothing, it has no `Display`, and its memory is wiped.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Wraps a token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Zeroizing::new(token.into()))
    }

    /// The token itself. Never log it, never put it into an error.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([secret])")
    }
}

/// One question of the host: is this token good?
#[derive(Debug, Clone)]
pub struct Request {
    /// The bearer token, as the client sent it (or as the sign-in proxy unsealed it).
    pub token: Token,
    /// The host's id of the HTTP request, for the log.
    pub request_id: String,
    /// How long the host waits for the answer.
    pub deadline: Duration,
}

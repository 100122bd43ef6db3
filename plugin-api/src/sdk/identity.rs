//! Whom a token belongs to.

use std::{fmt, time::Duration};

use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// Whom a token belongs to, and with which token DataHub is asked on that person's behalf.
#[derive(Clone)]
pub struct Identity {
    pub(crate) subject: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) cache_ttl: Option<Duration>,
    pub(crate) resolved_token: Option<Zeroizing<String>>,
    pub(crate) claims: Map<String, Value>,
}

impl Identity {
    /// The person, as the provider names them for good (`sub`). An empty subject is refused.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            scopes: Vec::new(),
            expires_at: None,
            cache_ttl: None,
            resolved_token: None,
            claims: Map::new(),
        }
    }

    /// The scopes that the token grants (RFC 6749 section 3.3).
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// When the token ends, in seconds since the Unix epoch. The host never serves it after that.
    #[must_use]
    pub fn expires_at(mut self, unix_seconds: u64) -> Self {
        self.expires_at = Some(unix_seconds);
        self
    }

    /// How long the host may remember this answer; it also keeps its own upper bound.
    /// Zero: not at all. Unset: up to the host's bound.
    #[must_use]
    pub fn cache_ttl(mut self, cache_ttl: Duration) -> Self {
        self.cache_ttl = Some(cache_ttl);
        self
    }

    /// The token with which DataHub is asked on this person's behalf. Without one the host cannot
    /// serve the person and answers 503.
    #[must_use]
    pub fn resolved_token(mut self, token: impl Into<String>) -> Self {
        self.resolved_token = Some(Zeroizing::new(token.into()));
        self
    }

    /// Claims worth keeping for the host's log and policies; never secrets.
    #[must_use]
    pub fn claims(mut self, claims: Map<String, Value>) -> Self {
        self.claims = claims;
        self
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("subject", &self.subject)
            .field("scopes", &self.scopes)
            .field("expires_at", &self.expires_at)
            .field("cache_ttl", &self.cache_ttl)
            .field(
                "resolved_token",
                &self.resolved_token.as_ref().map(|_| "[secret]"),
            )
            .finish_non_exhaustive()
    }
}

//! Whom a token belongs to.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::{Map, Value};

use super::Token;

/// Whom a token belongs to, and with which token DataHub is asked on that person's behalf.
///
/// Cheap to clone, so that a validator may keep its answers and give them out again.
#[derive(Clone)]
pub struct Identity {
    pub(crate) subject: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) cache_ttl: Option<Duration>,
    pub(crate) resolved_token: Option<Token>,
    claims: Option<Arc<Claims>>,
}

/// Claims and, once they have crossed the boundary, their JSON.
struct Claims {
    map: Map<String, Value>,
    json: OnceLock<String>,
}

impl Identity {
    /// The person, as the provider names them for good (`sub`, RFC 7519 section 4.1.2). The host
    /// refuses (503) an empty subject, one of more than 1,024 bytes or with control characters.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            scopes: Vec::new(),
            expires_at: None,
            cache_ttl: None,
            resolved_token: None,
            claims: None,
        }
    }

    /// The scopes that the token grants (RFC 6749 section 3.3): at most 256, of 256 bytes each.
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

    /// How long the host may remember this answer, in whole seconds (parts are dropped); it also
    /// keeps its own upper bound. Zero: not at all. Unset: up to the host's bound.
    #[must_use]
    pub fn cache_ttl(mut self, cache_ttl: Duration) -> Self {
        self.cache_ttl = Some(cache_ttl);
        self
    }

    /// The token with which DataHub is asked on this person's behalf: the presented one where
    /// DataHub trusts it, or what it was exchanged for. Without one the host cannot serve the
    /// person and answers 503.
    #[must_use]
    pub fn resolved_token(mut self, token: impl Into<String>) -> Self {
        self.resolved_token = Some(Token::new(token));
        self
    }

    /// Claims worth keeping for the host's log and policies; never secrets. The host refuses more
    /// than 64 KiB of JSON.
    #[must_use]
    pub fn claims(mut self, claims: Map<String, Value>) -> Self {
        self.claims = Some(Arc::new(Claims {
            map: claims,
            json: OnceLock::new(),
        }));
        self
    }

    /// The person.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The scopes that the token grants.
    pub fn get_scopes(&self) -> &[String] {
        &self.scopes
    }

    /// When the token ends, in seconds since the Unix epoch.
    pub fn get_expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// How long the host may remember this answer.
    pub fn get_cache_ttl(&self) -> Option<Duration> {
        self.cache_ttl
    }

    /// The token with which DataHub is asked.
    pub fn get_resolved_token(&self) -> Option<&Token> {
        self.resolved_token.as_ref()
    }

    /// One claim.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.as_ref()?.map.get(name)
    }

    /// All claims; `None` where none were given.
    pub fn get_claims(&self) -> Option<&Map<String, Value>> {
        Some(&self.claims.as_ref()?.map)
    }

    /// The claims as they cross the boundary: rendered once for all clones.
    pub(crate) fn claims_json(&self) -> &str {
        match &self.claims {
            Some(claims) => claims
                .json
                .get_or_init(|| serde_json::to_string(&claims.map).unwrap_or_default()),
            None => "",
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("subject", &self.subject)
            .field("scopes", &self.scopes)
            .field("expires_at", &self.expires_at)
            .field("cache_ttl", &self.cache_ttl)
            .field("resolved_token", &self.resolved_token)
            .finish_non_exhaustive()
    }
}

//! The person that a token belongs to.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::{Map, Value};

use super::Token;

/// The person that a token belongs to, and the token for DataHub on that person's behalf.
///
/// Cheap to clone, so that a validator can cache its answers.
#[derive(Clone)]
pub struct Identity {
    pub(crate) subject: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) cache_ttl: Option<Duration>,
    pub(crate) resolved_token: Option<Token>,
    claims: Option<Arc<Claims>>,
}

/// Claims and, once they have been sent across the boundary, their JSON.
struct Claims {
    map: Map<String, Value>,
    json: OnceLock<String>,
}

impl Identity {
    /// The person, by the provider's permanent identifier (`sub`, RFC 7519 section 4.1.2). The host
    /// answers 503 if it is empty, longer than 1,024 bytes or has control characters.
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

    /// Sets the scopes that the token grants (RFC 6749 section 3.3): at most 256, each of at most
    /// 256 bytes.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the expiry of the token, in seconds since the Unix epoch. The host never serves the
    /// token after that.
    #[must_use]
    pub fn expires_at(mut self, unix_seconds: u64) -> Self {
        self.expires_at = Some(unix_seconds);
        self
    }

    /// Sets the time for which the host may cache this answer, in whole seconds (fractions are
    /// dropped), within the host's own limit. Zero: not at all. Unset: up to the host's limit.
    #[must_use]
    pub fn cache_ttl(mut self, cache_ttl: Duration) -> Self {
        self.cache_ttl = Some(cache_ttl);
        self
    }

    /// Sets the token that the host sends to DataHub on this person's behalf: the presented one if
    /// DataHub trusts it, or the one that it was exchanged for. Visible ASCII, at most 16 KiB.
    /// Without one the host cannot serve the person and answers 503.
    #[must_use]
    pub fn resolved_token(mut self, token: impl Into<String>) -> Self {
        self.resolved_token = Some(Token::new(token));
        self
    }

    /// Sets the claims to keep for the host's log and policies; never secrets. The host answers 503
    /// for more than 64 KiB of JSON.
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

    /// The expiry of the token, in seconds since the Unix epoch.
    pub fn get_expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// The time for which the host may cache this answer.
    pub fn get_cache_ttl(&self) -> Option<Duration> {
        self.cache_ttl
    }

    /// The token that the host sends to DataHub.
    pub fn get_resolved_token(&self) -> Option<&Token> {
        self.resolved_token.as_ref()
    }

    /// One claim.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.as_ref()?.map.get(name)
    }

    /// All claims; `None` if none were set.
    pub fn get_claims(&self) -> Option<&Map<String, Value>> {
        Some(&self.claims.as_ref()?.map)
    }

    /// The claims as JSON for the boundary: rendered once for all clones.
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

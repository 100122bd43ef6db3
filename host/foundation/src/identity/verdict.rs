//! The validators' verdict on a bearer token.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use secrecy::SecretString;

use super::{Lease, Principal, TokenDigest};

/// The validators' verdict on a bearer token.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The token is good: serve the request as this person.
    Accepted(Arc<Principal>),
    /// The token is not good, or no validator recognizes it: HTTP 401.
    Rejected {
        /// The reason, for the log only: redacted, with nothing of the token.
        reason: Arc<str>,
    },
    /// No decision is possible now (provider down, deadline, breaker, fault of the plugin): HTTP
    /// 503.
    Unavailable {
        /// The time after which to retry.
        retry_after: Duration,
    },
}

/// A validator's acceptance of a token, after the host's own checks.
#[derive(Debug, Clone)]
pub struct Acceptance {
    /// The subject that the validator named.
    pub subject: String,
    /// The scopes that the token grants.
    pub scopes: Vec<String>,
    /// The time at which the identity expires, if it does.
    pub expires_at: Option<SystemTime>,
    /// The validator that accepted the token, as `library:factory`.
    pub validator: String,
    /// The token for requests to DataHub on this person's behalf.
    pub datahub_token: SecretString,
    /// The digest of the token that the client presented.
    pub token_digest: TokenDigest,
}

impl Verdict {
    /// Rejects a token for `reason`, which must hold nothing of the token.
    pub fn rejected(reason: impl Into<Arc<str>>) -> Self {
        Self::Rejected {
            reason: reason.into(),
        }
    }

    /// Accepts a token: makes the principal that its requests are served as. `lease` ends when the
    /// validators that issued the token for DataHub may revoke it.
    pub fn accept(acceptance: Acceptance, lease: Lease) -> Self {
        Self::Accepted(Arc::new(Principal::accepted(acceptance, lease)))
    }

    /// The principal of an accepted token.
    pub fn principal(&self) -> Option<&Arc<Principal>> {
        match self {
            Self::Accepted(principal) => Some(principal),
            Self::Rejected { .. } | Self::Unavailable { .. } => None,
        }
    }
}

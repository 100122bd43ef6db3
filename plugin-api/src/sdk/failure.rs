//! Why a token was not accepted.

use std::time::Duration;

/// The kinds of [`Failure`]; the host answers each with one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The token is not of the kind that this validator knows: the next in the chain is asked.
    NotMine,
    /// The token is of this kind and is not good: 401.
    Rejected,
    /// Whom the validator asks cannot be reached or is overloaded: 503 with `Retry-After`.
    Unavailable,
    /// The validator's own configuration is wrong: stops the start; later 503.
    Misconfigured,
    /// A fault of the validator itself: 503.
    Internal,
}

/// Why a token was not accepted. The detail goes to the host's log, never to the caller, and must
/// not hold the token.
#[derive(Debug, Clone)]
pub struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) log_detail: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) oauth_error: Option<String>,
}

impl Failure {
    /// The token is not of the kind that this validator knows.
    pub fn not_mine(log_detail: impl Into<String>) -> Self {
        Self::new(FailureKind::NotMine, log_detail)
    }

    /// The token is not good.
    pub fn rejected(log_detail: impl Into<String>) -> Self {
        Self::new(FailureKind::Rejected, log_detail)
    }

    /// Whom the validator asks cannot be reached.
    pub fn unavailable(log_detail: impl Into<String>) -> Self {
        Self::new(FailureKind::Unavailable, log_detail)
    }

    /// The validator's configuration is wrong.
    pub fn misconfigured(log_detail: impl Into<String>) -> Self {
        Self::new(FailureKind::Misconfigured, log_detail)
    }

    /// A fault of the validator itself.
    pub fn internal(log_detail: impl Into<String>) -> Self {
        Self::new(FailureKind::Internal, log_detail)
    }

    /// Makes a failure of any kind.
    pub fn new(kind: FailureKind, log_detail: impl Into<String>) -> Self {
        Self {
            kind,
            log_detail: log_detail.into(),
            retry_after: None,
            oauth_error: None,
        }
    }

    /// When to try again; the host sends it as `Retry-After` with a 503.
    #[must_use]
    pub fn retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    /// The `error` code of RFC 6750 section 3.1 to answer with, where it is not `invalid_token`.
    #[must_use]
    pub fn oauth_error(mut self, oauth_error: impl Into<String>) -> Self {
        self.oauth_error = Some(oauth_error.into());
        self
    }

    /// The kind of this failure.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The text for the host's log.
    pub fn log_detail(&self) -> &str {
        &self.log_detail
    }
}

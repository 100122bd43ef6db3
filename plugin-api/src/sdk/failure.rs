//! The reasons for which a token is not accepted.

use std::time::Duration;

/// The kinds of [`Failure`], each of which the host answers with one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The token is not of the kind that this validator recognizes: the next one in the chain is
    /// asked. 401 if no validator recognizes it.
    NotMine,
    /// The token is of this kind and is not valid: 401.
    Rejected,
    /// A service that the validator depends on is unreachable or overloaded: 503 with
    /// `Retry-After`.
    Unavailable,
    /// The validator's own configuration is wrong: stops the host's start; later 503.
    Misconfigured,
    /// An error in the validator itself: 503.
    Internal,
}

/// The reason for which a token was not accepted. The detail goes to the host's log, never to the
/// caller, and must not contain the token.
#[derive(Debug, Clone)]
pub struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) log_detail: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) oauth_error: Option<String>,
}

impl Failure {
    /// The token is not of the kind that this validator recognizes.
    pub fn not_mine(log_detail: impl Into<String>) -> Self {
        Self::new(FailureKind::NotMine, log_detail)
    }

    /// The token is of this validator's kind and is not valid.
    pub fn rejected(log_detail: impl Into<String>) -> Self {
        Self::new(FailureKind::Rejected, log_detail)
    }

    /// A service that the validator depends on cannot be reached.
    pub fn unavailable(log_detail: impl Into<String>) -> Self {
        Self::new(FailureKind::Unavailable, log_detail)
    }

    /// The validator's configuration is wrong.
    pub fn misconfigured(log_detail: impl Into<String>) -> Self {
        Self::new(FailureKind::Misconfigured, log_detail)
    }

    /// An error in the validator itself.
    pub fn internal(log_detail: impl Into<String>) -> Self {
        Self::new(FailureKind::Internal, log_detail)
    }

    /// Creates a failure of any kind.
    pub fn new(kind: FailureKind, log_detail: impl Into<String>) -> Self {
        Self {
            kind,
            log_detail: log_detail.into(),
            retry_after: None,
            oauth_error: None,
        }
    }

    /// Sets the time after which to try again. For [`FailureKind::Unavailable`] the host sends it
    /// as `Retry-After`, at least 1 s and at most 300 s; unset, it sends 5 s.
    #[must_use]
    pub fn retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    /// Sets the `error` code of RFC 6750 section 3.1 that describes the failure, such as
    /// `insufficient_scope`. The host writes it to its log with the detail; the status and the code
    /// that the caller sees follow from the kind.
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

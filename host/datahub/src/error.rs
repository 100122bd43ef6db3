//! Errors of calls to DataHub: which side failed, and if a retry may succeed.

use std::time::Duration;

use super::version::Since;

/// The reason of a call that the breaker refuses.
pub(super) const BREAKER_OPEN: &str = "circuit breaker open";

/// The reason a call to DataHub failed. Its text never holds a token or any part of the answer
/// except the message that DataHub wrote for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataHubError {
    /// HTTP 401: the token is not (or no longer) valid, or the person is suspended.
    #[error("DataHub does not accept the token")]
    TokenRefused,
    /// The person may not do this (403, most often inside an HTTP 200).
    #[error("DataHub does not permit this: {message}")]
    Forbidden {
        /// DataHub's message.
        message: String,
    },
    /// DataHub found the request invalid (400).
    #[error("DataHub refused the request: {message}")]
    BadRequest {
        /// DataHub's message.
        message: String,
    },
    /// This DataHub does not know a field or type that the document names.
    #[error("this DataHub does not know a requested field or type: {message}")]
    Schema {
        /// DataHub's message.
        message: String,
    },
    /// The named object does not exist (404).
    #[error("DataHub does not have it: {message}")]
    NotFound {
        /// DataHub's message.
        message: String,
    },
    /// Somebody else changed it in the meantime, or it already exists (409).
    #[error("DataHub reports a conflict: {message}")]
    Conflict {
        /// DataHub's message.
        message: String,
    },
    /// DataHub failed internally (500 within an answer).
    #[error("DataHub failed internally: {message}")]
    Internal {
        /// DataHub's message.
        message: String,
    },
    /// DataHub asks to slow down (429).
    #[error("DataHub asks to slow down")]
    RateLimited {
        /// The time to wait before a retry.
        retry_after: Duration,
    },
    /// DataHub cannot be reached, answers 5xx, or failed so often that the circuit breaker is open.
    #[error("DataHub is not available: {why}")]
    Unavailable {
        /// A short reason, without addresses.
        why: &'static str,
        /// The time to wait before a retry.
        retry_after: Duration,
    },
    /// The call took longer than its time limit.
    #[error("DataHub did not answer within {limit:?}")]
    Timeout {
        /// The time limit of the call.
        limit: Duration,
    },
    /// Too many calls are already in flight.
    #[error("too many calls to DataHub are in flight")]
    Overloaded,
    /// The answers that are being read leave no room for this one. It was sent, and answered.
    #[error("the answers of DataHub that are being read leave no room for this one")]
    NoRoom,
    /// The answer is larger than the limit.
    #[error("DataHub's answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer holds more values than the limit.
    #[error("DataHub's answer holds more than {limit} values")]
    TooManyValues {
        /// The limit.
        limit: usize,
    },
    /// The answer is not what a DataHub sends: a login page, a redirect, cut JSON.
    #[error("the answer is not DataHub's: {what}")]
    Malformed {
        /// A description of what was received instead.
        what: &'static str,
    },
    /// The server is too old for the document.
    #[error("this needs DataHub {} (Cloud {}) or newer", since.core, since.cloud)]
    TooOld {
        /// The first version that can do it.
        since: Since,
    },
}

impl DataHubError {
    /// True if DataHub as a whole looks down, rather than this one request being wrong.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Timeout { .. })
    }

    /// True if this server did not even send the request.
    pub(crate) fn was_not_sent(&self) -> bool {
        match self {
            Self::Unavailable { why, .. } => *why == BREAKER_OPEN,
            _ => *self == Self::Overloaded,
        }
    }
}

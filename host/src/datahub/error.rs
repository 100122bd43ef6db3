//! What can go wrong between us and DataHub: who failed, and may it be tried again.

use std::time::Duration;

use super::version::Since;

/// Why a call to DataHub gave nothing. Its text never holds a token or a piece of the answer other
/// than the message that DataHub wrote for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataHubError {
    /// HTTP 401: the token is not (or no longer) good, or the person is suspended.
    #[error("DataHub does not accept the token")]
    TokenRefused,
    /// The person may not do this (403, most often inside an HTTP 200).
    #[error("DataHub does not permit this: {message}")]
    Forbidden {
        /// DataHub's words.
        message: String,
    },
    /// DataHub found the request wrong (400).
    #[error("DataHub refused the request: {message}")]
    BadRequest {
        /// DataHub's words.
        message: String,
    },
    /// This DataHub does not know a field or type that the document names.
    #[error("this DataHub does not know what was asked for: {message}")]
    Schema {
        /// DataHub's words.
        message: String,
    },
    /// What was named does not exist (404).
    #[error("DataHub does not have it: {message}")]
    NotFound {
        /// DataHub's words.
        message: String,
    },
    /// Somebody else changed it meanwhile, or it exists already (409).
    #[error("DataHub reports a conflict: {message}")]
    Conflict {
        /// DataHub's words.
        message: String,
    },
    /// DataHub failed inside (500 within an answer).
    #[error("DataHub failed inside: {message}")]
    Internal {
        /// DataHub's words.
        message: String,
    },
    /// DataHub asks to slow down (429).
    #[error("DataHub asks to slow down")]
    RateLimited {
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// DataHub cannot be reached, answers 5xx, or failed so often that it is left alone for now.
    #[error("DataHub is not available: {why}")]
    Unavailable {
        /// In a few words, without addresses.
        why: &'static str,
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// The call took longer than it may.
    #[error("DataHub did not answer within {limit:?}")]
    Timeout {
        /// How long the call was given.
        limit: Duration,
    },
    /// Too many calls are on their way already.
    #[error("too many calls to DataHub are on their way")]
    Overloaded,
    /// The answer is larger than may be read.
    #[error("DataHub's answer is larger than {limit} bytes")]
    TooLarge {
        /// The cap.
        limit: usize,
    },
    /// The answer is not what a DataHub sends: a login page, a redirect, cut JSON.
    #[error("the answer is not DataHub's: {what}")]
    Malformed {
        /// What was seen instead.
        what: &'static str,
    },
    /// The server is older than what the document asks for.
    #[error("this needs DataHub {} (Cloud {}) or newer", since.core, since.cloud)]
    TooOld {
        /// The first version that can do it.
        since: Since,
    },
}

impl DataHubError {
    /// Whether DataHub as a whole looks down, rather than this one request being wrong.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Timeout { .. })
    }
}

//! The errors of DataHub's API, with the codes and texts that DataHub gives them.

use serde_json::{Value, json};

/// The error with which a resolver or a write refuses.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    /// DataHub's code, which looks like an HTTP status; GraphQL still answers 200.
    pub(crate) code: u16,
    /// The name of the code: `DataHubGraphQLErrorCode`.
    pub(crate) kind: &'static str,
    /// DataHub's message.
    pub(crate) message: String,
}

impl ApiError {
    /// The person may not do this.
    pub(crate) fn unauthorized() -> Self {
        Self {
            code: 403,
            kind: "UNAUTHORIZED",
            message: "Unauthorized to perform this action. Please contact your DataHub \
                      administrator."
                .to_owned(),
        }
    }

    /// An argument is not valid.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self {
            code: 400,
            kind: "BAD_REQUEST",
            message: message.into(),
        }
    }

    /// The entity does not exist.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self {
            code: 404,
            kind: "NOT_FOUND",
            message: message.into(),
        }
    }

    /// The entity exists already.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self {
            code: 409,
            kind: "CONFLICT",
            message: message.into(),
        }
    }

    /// DataHub failed.
    pub(crate) fn server(message: impl Into<String>) -> Self {
        Self {
            code: 500,
            kind: "SERVER_ERROR",
            message: message.into(),
        }
    }

    /// DataHub failed, and gives no reason (`DataHubDataFetcherExceptionHandler`).
    pub(crate) fn unknown() -> Self {
        Self::server("An unknown error occurred.")
    }

    /// The `extensions` of the GraphQL error.
    pub(crate) fn extensions(&self) -> Value {
        json!({
            "code": self.code,
            "type": self.kind,
            "classification": "DataFetchingException",
        })
    }
}

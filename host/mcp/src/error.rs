//! The errors of tools, worded so that a model can make the right next call from them.

use datahub::DataHubError;

/// The reason why a tool gave no answer. Becomes a tool result with `isError`, not a protocol
/// error, so that the model reads it and can continue.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ToolError {
    /// The arguments are wrong; the text says which ones and what would be right.
    #[error("{0}")]
    Arguments(String),
    /// Something that the call names does not exist.
    #[error("{0}")]
    NotFound(String),
    /// DataHub did not return all of the data that a write builds on, so nothing was written.
    #[error("nothing was changed, because DataHub did not give all that is there: {0}")]
    Incomplete(String),
    /// The token lacks scopes; the HTTP status says so as well.
    #[error("this needs a token with the scope {}; sign in again and allow it", .0.join(" and "))]
    Scopes(Vec<String>),
    /// DataHub refused, failed or did not answer.
    #[error("{}", datahub_text(.0))]
    DataHub(#[from] DataHubError),
    /// The request has no caller in its extensions, which is a bug in the host.
    #[error("the request carries no caller; this is a fault of the server")]
    NoCaller,
    /// The code of this server panicked.
    #[error(
        "this server failed while it worked on the call; tell its operator. A change may have been \
         made: read the entity again before repeating one"
    )]
    Panicked,
    /// The call took longer than a request may, and its answer had begun.
    #[error(
        "this took longer than a call may. What to do: ask for less (fewer urns, one direction), or \
         try later"
    )]
    TookTooLong,
    /// So many calls of this kind are under way that this one got no place.
    #[error("too many searches inside documents are under way; try again in a moment")]
    Busy,
    /// The client cancelled the call.
    #[error("the call was cancelled")]
    Cancelled,
}

impl From<super::filter::FilterError> for ToolError {
    fn from(error: super::filter::FilterError) -> Self {
        let text = error.to_string();
        let end = if text.ends_with('?') { "" } else { "." };
        Self::Arguments(format!(
            "{text}{end} Examples: platform = snowflake AND env = PROD; \
             type IN (dataset, dashboard) AND NOT tag = urn:li:tag:PII; owner IS NULL"
        ))
    }
}

fn datahub_text(error: &DataHubError) -> String {
    let hint = match error {
        DataHubError::TokenRefused => "sign in again",
        DataHubError::Forbidden { .. } => {
            "ask for the privilege in DataHub, or go on without this; repeating the call does not help"
        }
        DataHubError::BadRequest { message } if message.contains("not exist") => {
            "find the right urn with search"
        }
        // A field of numbers was compared with something else.
        DataHubError::BadRequest { message } if message.starts_with("For input string") => {
            "compare this field with a whole number, and a date with milliseconds since 1970"
        }
        DataHubError::BadRequest { .. } => "check the urns and values of the call",
        DataHubError::Schema { .. } | DataHubError::TooOld { .. } => {
            "this DataHub cannot do it; use another tool"
        }
        DataHubError::NotFound { .. } => "find the right urn with search",
        DataHubError::Conflict { .. } => "read the entity again before changing it",
        DataHubError::Internal { .. } => "try once more, or ask for less",
        DataHubError::RateLimited { retry_after }
        | DataHubError::Unavailable { retry_after, .. } => {
            return format!("{error}. Try again in {} s.", retry_after.as_secs().max(1));
        }
        DataHubError::Timeout { .. } => "ask for less (fewer results, fewer hops), or try later",
        DataHubError::Overloaded => "try again in a moment",
        DataHubError::NoRoom => "ask for less, or try again in a moment",
        DataHubError::TooLarge { .. } | DataHubError::TooManyValues { .. } => {
            "ask for less: fewer results or a narrower filter"
        }
        DataHubError::Malformed { .. } => "tell the operator of this server",
    };
    // DataHub's own message may already end with a full stop.
    let text = error.to_string();
    format!("{}. What to do: {hint}.", text.trim_end_matches('.'))
}

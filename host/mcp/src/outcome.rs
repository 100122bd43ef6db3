//! The outcome of a request, as its line in the log and the metrics name it.

use datahub::DataHubError;
use rmcp::{RoleServer, service::RequestContext};
use telemetry::Notes;

use super::error::ToolError;

/// The notes on the HTTP request of `context`; of none on stdio.
pub(crate) fn notes(context: &RequestContext<RoleServer>) -> Notes {
    let parts = context.extensions.get::<http::request::Parts>();
    let notes = parts.and_then(|parts| parts.extensions.get::<Notes>());
    notes.cloned().unwrap_or_default()
}

/// Notes that the method, the name or the parameters of a request are wrong.
pub(crate) fn invalid(context: &RequestContext<RoleServer>, reason: &'static str) {
    notes(context).ended("invalid", reason);
}

/// Notes how the work on a request ended. Returns the word for it in metrics.
pub(crate) fn note<T>(notes: &Notes, result: &Result<T, ToolError>) -> &'static str {
    let (outcome, reason, counted) = match result {
        Ok(_) => ("ok", "", "ok"),
        Err(ToolError::Panicked) => ("panic", "", "panic"),
        Err(ToolError::Cancelled) => ("cancelled", "", "cancelled"),
        Err(error) => (outcome(error), reason(error), "error"),
    };
    notes.ended(outcome, reason);
    counted
}

/// What a person may not do looks different from what did not work.
fn outcome(error: &ToolError) -> &'static str {
    match error {
        ToolError::Scopes(_)
        | ToolError::DataHub(DataHubError::Forbidden { .. } | DataHubError::TokenRefused) => {
            "denied"
        }
        _ => "tool_error",
    }
}

fn reason(error: &ToolError) -> &'static str {
    match error {
        ToolError::Arguments(_) => "arguments",
        ToolError::NotFound(_) => "not_found",
        ToolError::Incomplete(_) => "incomplete",
        ToolError::Scopes(_) => "insufficient_scope",
        ToolError::NoCaller => "no_caller",
        ToolError::TookTooLong => "timeout",
        ToolError::Busy => "too_many_calls",
        ToolError::Panicked | ToolError::Cancelled => "",
        ToolError::DataHub(error) => match error {
            DataHubError::TokenRefused => "datahub_refuses_token",
            DataHubError::Forbidden { .. } => "datahub_forbids",
            DataHubError::BadRequest { .. } => "datahub_bad_request",
            DataHubError::Schema { .. } | DataHubError::TooOld { .. } => "datahub_too_old",
            DataHubError::NotFound { .. } => "not_found",
            DataHubError::Conflict { .. } => "conflict",
            DataHubError::Internal { .. } => "datahub_failed",
            DataHubError::RateLimited { .. } => "datahub_rate_limit",
            DataHubError::Unavailable { .. } => "datahub_unavailable",
            DataHubError::Timeout { .. } => "datahub_timeout",
            DataHubError::Overloaded | DataHubError::NoRoom => "too_many_calls",
            DataHubError::TooLarge { .. } | DataHubError::TooManyValues { .. } => {
                "datahub_answer_too_large"
            }
            DataHubError::Malformed { .. } => "datahub_answer_malformed",
        },
    }
}

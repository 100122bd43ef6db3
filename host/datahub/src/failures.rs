//! Sampled log lines about calls that DataHub failed.

use std::time::Duration;

use foundation::breaker::Change;
use telemetry::Sampled;

use super::error::{BREAKER_OPEN, DataHubError};

/// Writes the failures of one DataHub.
#[derive(Debug, Default)]
pub(super) struct FailureLog(Sampled);

impl FailureLog {
    /// Writes a line for `error`, if DataHub is to blame for it and the limit is not reached. `now`
    /// is the time since the start.
    pub(super) fn note(&self, operation: &str, error: &DataHubError, now: Duration) {
        if !is_failure(error) {
            return;
        }
        if let Some(left_out) = self.0.admit("datahub", now) {
            tracing::warn!(operation, %error, left_out, "datahub failed");
        }
    }

    /// Writes a line if the breaker has opened or closed, and the limit is not reached.
    pub(super) fn note_change(&self, change: Change, now: Duration) {
        let kind = match change {
            Change::None => return,
            Change::Opened => "opened",
            Change::Closed => "closed",
        };
        let Some(left_out) = self.0.admit(kind, now) else {
            return;
        };
        match change {
            Change::Closed => tracing::info!(left_out, "datahub is back"),
            _ => tracing::warn!(left_out, "datahub is down: calls are refused for a while"),
        }
    }
}

/// True if the call failed for a reason that an operator can look into. What a person may not do or
/// asked wrongly is no failure, and an open breaker has been logged when it opened.
fn is_failure(error: &DataHubError) -> bool {
    match error {
        DataHubError::Unavailable { why, .. } => *why != BREAKER_OPEN,
        DataHubError::Internal { .. }
        | DataHubError::RateLimited { .. }
        | DataHubError::Timeout { .. }
        | DataHubError::Overloaded
        | DataHubError::NoRoom
        | DataHubError::TooLarge { .. }
        | DataHubError::TooManyValues { .. }
        | DataHubError::Malformed { .. } => true,
        DataHubError::TokenRefused
        | DataHubError::Forbidden { .. }
        | DataHubError::BadRequest { .. }
        | DataHubError::Schema { .. }
        | DataHubError::NotFound { .. }
        | DataHubError::Conflict { .. }
        | DataHubError::TooOld { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_asked_wrongly_is_no_failure() {
        let message = || "no".to_owned();
        let retry_after = Duration::ZERO;
        for error in [
            DataHubError::TokenRefused,
            DataHubError::Forbidden { message: message() },
            DataHubError::NotFound { message: message() },
            DataHubError::Unavailable {
                why: BREAKER_OPEN,
                retry_after,
            },
        ] {
            assert!(!is_failure(&error), "{error}");
        }
        for error in [
            DataHubError::Internal { message: message() },
            DataHubError::Malformed { what: "x" },
            DataHubError::Unavailable {
                why: "it answers with HTTP 500",
                retry_after,
            },
        ] {
            assert!(is_failure(&error), "{error}");
        }
    }
}

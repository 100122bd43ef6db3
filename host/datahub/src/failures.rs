//! Log lines about calls that DataHub failed: some a minute, and a count of the others, so that an
//! outage leaves a trace and does not fill the log.

use std::time::Duration;

use parking_lot::Mutex;

use super::error::DataHubError;

/// The reason of a call that the breaker refuses.
pub(super) const BREAKER_OPEN: &str = "circuit breaker open";
/// The span in which lines are counted.
const SPAN: Duration = Duration::from_secs(60);
/// The most lines in one span.
const MAX_LINES: u32 = 5;

/// Writes the failures of one DataHub.
#[derive(Debug, Default)]
pub(super) struct FailureLog(Mutex<Written>);

#[derive(Debug, Default)]
struct Written {
    since: Duration,
    lines: u32,
    left_out: u64,
}

impl FailureLog {
    /// Writes a line for `error`, if DataHub is to blame for it and the limit is not reached. `now`
    /// is the time since the start.
    pub(super) fn note(&self, operation: &str, error: &DataHubError, now: Duration) {
        if !is_failure(error) {
            return;
        }
        if let Some(left_out) = self.admit(now) {
            tracing::warn!(operation, %error, left_out, "datahub failed");
        }
    }

    /// The number of lines that were left out since the last one; `None` if this one is, too.
    fn admit(&self, now: Duration) -> Option<u64> {
        let mut written = self.0.lock();
        if now.saturating_sub(written.since) >= SPAN {
            written.since = now;
            written.lines = 0;
        }
        if written.lines >= MAX_LINES {
            written.left_out += 1;
            return None;
        }
        written.lines += 1;
        Some(std::mem::take(&mut written.left_out))
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
        | DataHubError::TooLarge { .. }
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
    fn some_lines_a_minute_are_written_and_the_others_counted() {
        let log = FailureLog::default();
        let at = Duration::from_secs;
        for _ in 0..MAX_LINES {
            assert_eq!(log.admit(at(10)), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(log.admit(at(59)), None);
        }
        assert_eq!(log.admit(at(70)), Some(7));
        assert_eq!(log.admit(at(70)), Some(0));
    }

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

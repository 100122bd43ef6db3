//! The time as this module needs it: milliseconds since 1970, as in tokens and stores.

use std::time::{Duration, UNIX_EPOCH};

use foundation::clock;

/// Milliseconds since 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant(pub(super) u64);

impl Instant {
    /// This much later.
    pub(super) fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// Whole seconds since 1970.
    pub(super) fn seconds(self) -> u64 {
        self.0 / 1_000
    }

    /// From whole seconds since 1970.
    pub(super) fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }
}

/// Tells the time.
#[derive(Debug, Clone)]
pub(super) struct Clock(clock::Clock);

impl Clock {
    /// Now.
    pub(super) fn now(&self) -> Instant {
        let since = self.0.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Instant(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

impl From<clock::Clock> for Clock {
    fn from(clock: clock::Clock) -> Self {
        Self(clock)
    }
}

//! The time of day, from a place that tests can move.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

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
#[derive(Clone)]
pub(super) struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub(super) fn system() -> Self {
        Self(Arc::new(|| {
            let since = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            Instant(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
        }))
    }

    /// Now.
    pub(super) fn now(&self) -> Instant {
        (self.0)()
    }

    /// A clock that stands still until it is moved.
    #[cfg(test)]
    pub(super) fn manual() -> (Self, ManualClock) {
        let hand = ManualClock(Arc::new(std::sync::atomic::AtomicU64::new(
            1_900_000_000_000,
        )));
        let read = hand.clone();
        (
            Self(Arc::new(move || {
                Instant(read.0.load(std::sync::atomic::Ordering::SeqCst))
            })),
            hand,
        )
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Moves a [`Clock`] in a test.
#[cfg(test)]
#[derive(Clone)]
pub(super) struct ManualClock(Arc<std::sync::atomic::AtomicU64>);

#[cfg(test)]
impl ManualClock {
    pub(super) fn advance(&self, by: Duration) {
        self.0.fetch_add(
            u64::try_from(by.as_millis()).unwrap(),
            std::sync::atomic::Ordering::SeqCst,
        );
    }
}

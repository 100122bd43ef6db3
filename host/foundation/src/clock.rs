//! The time, from one place that tests control.
//!
//! Owns the wall clock (for expiry times set by others) and a monotonic clock (for the lifetime of
//! cached values). Never decides what has expired: its callers do.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A point in time as tokens and stores write it: milliseconds since 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// This much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> u64 {
        self.0 / 1_000
    }

    /// From whole seconds since 1970.
    pub fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Tells the time. Cheap to clone; clones of a manual clock move together.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System {
        started: Instant,
    },
    Manual {
        start: SystemTime,
        moved_ms: Arc<AtomicU64>,
    },
}

impl Clock {
    /// The clock of the operating system.
    pub fn system() -> Self {
        Self(Source::System {
            started: Instant::now(),
        })
    }

    /// A clock that stands still at `start` until [`Self::advance`] moves it.
    pub fn manual(start: SystemTime) -> Self {
        Self(Source::Manual {
            start,
            moved_ms: Arc::default(),
        })
    }

    /// The current time of the wall clock.
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            Source::System { .. } => SystemTime::now(),
            Source::Manual { start, moved_ms } => {
                *start + Duration::from_millis(moved_ms.load(Ordering::Acquire))
            }
        }
    }

    /// The wall clock in seconds since the Unix epoch; zero before it.
    pub fn unix_seconds(&self) -> u64 {
        self.now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }

    /// The wall clock in milliseconds since the Unix epoch; zero before it.
    pub fn unix_millis(&self) -> UnixMillis {
        UnixMillis(millis(
            self.now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        ))
    }

    /// The time since this clock started. Never goes back, whatever happens to the wall clock.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System { started } => started.elapsed(),
            Source::Manual { moved_ms, .. } => {
                Duration::from_millis(moved_ms.load(Ordering::Acquire))
            }
        }
    }

    /// Moves a manual clock forward, to the millisecond. Does nothing to the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { moved_ms, .. } = &self.0 {
            moved_ms.fetch_add(millis(by), Ordering::AcqRel);
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System { .. } => "Clock(system)",
            Source::Manual { .. } => "Clock(manual)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_all_its_clones() {
        let clock = Clock::manual(UNIX_EPOCH + Duration::from_secs(1_000));
        let clone = clock.clone();
        clock.advance(Duration::from_millis(2_500));
        assert_eq!(clone.unix_seconds(), 1_002);
        assert_eq!(clone.elapsed(), Duration::from_millis(2_500));
    }

    #[test]
    fn the_system_clock_cannot_be_moved() {
        let clock = Clock::system();
        clock.advance(Duration::from_secs(3_600));
        assert!(clock.elapsed() < Duration::from_secs(3_600));
    }
}

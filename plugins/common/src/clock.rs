//! The time: a wall clock for the dates inside tokens, and a monotonic clock for all durations.
//!
//! The two are never mixed: a wall clock that jumps must neither end nor prolong a cooldown, a
//! cache entry or the lifetime of a key set. Nothing else in the validators may read the system's
//! clocks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A source of time that tests can move.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System { started: Instant },
    Manual(Arc<Hands>),
}

/// The state of a clock that only moves when it is told to.
#[derive(Debug, Default)]
struct Hands {
    /// Seconds since the Unix epoch.
    unix: AtomicI64,
    /// Milliseconds since the clock was made.
    elapsed: AtomicU64,
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Source::System {
            started: Instant::now(),
        })
    }

    /// A clock that stands still at `unix` seconds since the epoch until [`Self::advance`] or
    /// [`Self::jump`] moves it. Clones move together.
    pub fn manual(unix: i64) -> Self {
        let hands = Hands {
            unix: AtomicI64::new(unix),
            elapsed: AtomicU64::new(0),
        };
        Self(Source::Manual(Arc::new(hands)))
    }

    /// Seconds since the Unix epoch, negative before it.
    pub fn unix(&self) -> i64 {
        match &self.0 {
            Source::System { .. } => match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                Err(before) => {
                    i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |secs| -secs)
                }
            },
            Source::Manual(hands) => hands.unix.load(Ordering::SeqCst),
        }
    }

    /// The time since this clock was created. Never goes back.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System { started } => started.elapsed(),
            Source::Manual(hands) => Duration::from_millis(hands.elapsed.load(Ordering::SeqCst)),
        }
    }

    /// Advances both times of a manual clock; the system's clock ignores it.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(hands) = &self.0 {
            let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            hands.elapsed.fetch_add(millis, Ordering::SeqCst);
            let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
            hands.unix.fetch_add(seconds, Ordering::SeqCst);
        }
    }

    /// Sets the wall clock of a manual clock off by `seconds`, as a wrong time server does: the
    /// monotonic hand stays. The system's clock ignores it.
    pub fn jump(&self, seconds: i64) {
        if let Source::Manual(hands) = &self.0 {
            hands.unix.fetch_add(seconds, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_the_wall_clock_leaves_the_monotonic_hand_alone() {
        let clock = Clock::manual(1_000);
        clock.advance(Duration::from_secs(5));
        clock.jump(-3_600);
        assert_eq!(clock.unix(), 1_005 - 3_600);
        assert_eq!(clock.elapsed(), Duration::from_secs(5));
    }
}

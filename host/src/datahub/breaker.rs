//! The circuit breaker of one DataHub: after a few consecutive failures it fails calls at once
//! instead of letting them wait, and now and then lets one call through to probe DataHub.
//!
//! A state machine without a clock of its own: every step gets the time as an argument.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The longest pause, as a multiple of the first one.
const LONGEST_PAUSE: u32 = 8;

#[derive(Debug)]
pub(super) struct Breaker {
    failures_to_open: u32,
    first_pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    failures: u32,
    /// Set while open: the time from which a call may go through as a probe, and the pause after
    /// it.
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    until: Instant,
    pause: Duration,
    probing: bool,
}

/// Permission to make one call. Dropping it unsettled (the caller was cancelled) changes nothing,
/// except that the next call becomes the probe if this one was.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    probe: bool,
    settled: bool,
}

impl Breaker {
    pub(super) fn new(failures_to_open: u32, first_pause: Duration) -> Self {
        Self {
            failures_to_open: failures_to_open.max(1),
            first_pause,
            state: Mutex::new(State {
                failures: 0,
                open: None,
            }),
        }
    }

    /// Admits a call now, or returns the time to wait.
    pub(super) fn admit(&self, now: Instant) -> Result<Permit<'_>, Duration> {
        let mut state = self.state.lock();
        let probe = match &mut state.open {
            None => false,
            Some(open) if now < open.until => return Err(open.until - now),
            Some(open) if open.probing => return Err(self.first_pause),
            Some(open) => {
                open.probing = true;
                true
            }
        };
        Ok(Permit {
            breaker: self,
            probe,
            settled: false,
        })
    }

    /// True while calls are refused.
    pub(super) fn is_open(&self) -> bool {
        self.state.lock().open.is_some()
    }
}

impl Permit<'_> {
    /// Records that DataHub answered, whatever the answer.
    pub(super) fn succeeded(mut self) {
        self.settled = true;
        let mut state = self.breaker.state.lock();
        state.failures = 0;
        if state.open.take().is_some() {
            tracing::info!("datahub is available again");
        }
    }

    /// Records that DataHub could not be reached, took too long or answered 5xx.
    pub(super) fn failed(mut self, now: Instant) {
        self.settled = true;
        let mut state = self.breaker.state.lock();
        state.failures = state.failures.saturating_add(1);
        match state.open {
            None if state.failures >= self.breaker.failures_to_open => {
                let pause = self.breaker.first_pause;
                state.open = Some(Open {
                    until: now + pause,
                    pause,
                    probing: false,
                });
                tracing::warn!(
                    failures = state.failures,
                    "datahub is down, calls are refused"
                );
            }
            Some(open) if self.probe => {
                let pause = (open.pause * 2).min(self.breaker.first_pause * LONGEST_PAUSE);
                state.open = Some(Open {
                    until: now + pause,
                    pause,
                    probing: false,
                });
            }
            _ => {}
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.probe
            && !self.settled
            && let Some(open) = &mut self.breaker.state.lock().open
        {
            open.probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::new(3, PAUSE);
        for _ in 0..3 {
            breaker.admit(now).unwrap().failed(now);
        }
        breaker
    }

    #[test]
    fn opens_after_failures_in_a_row_only() {
        let now = Instant::now();
        let breaker = Breaker::new(3, PAUSE);
        for _ in 0..5 {
            breaker.admit(now).unwrap().failed(now);
            breaker.admit(now).unwrap().failed(now);
            breaker.admit(now).unwrap().succeeded();
        }
        assert!(!breaker.is_open());
        assert!(opened(now).is_open());
    }

    #[test]
    fn says_when_to_come_back_and_lets_one_probe_through() {
        let now = Instant::now();
        let breaker = opened(now);
        assert_eq!(breaker.admit(now).unwrap_err(), PAUSE);
        let probe = breaker.admit(now + PAUSE).unwrap();
        assert!(breaker.admit(now + PAUSE).is_err(), "one probe at a time");
        probe.succeeded();
        assert!(breaker.admit(now + PAUSE).is_ok());
        assert!(!breaker.is_open());
    }

    #[test]
    fn waits_longer_after_each_failed_probe_up_to_a_limit() {
        let mut now = Instant::now();
        let breaker = opened(now);
        for expected in [1u32, 2, 4, 8, 8] {
            assert_eq!(breaker.admit(now).unwrap_err(), PAUSE * expected);
            now += PAUSE * expected;
            breaker.admit(now).unwrap().failed(now);
        }
    }

    #[test]
    fn an_abandoned_probe_gives_its_turn_away() {
        let now = Instant::now();
        let breaker = opened(now);
        drop(breaker.admit(now + PAUSE).unwrap());
        assert!(breaker.admit(now + PAUSE).is_ok());
    }
}

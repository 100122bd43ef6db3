//! The circuit breaker of a validator: opens after several panics or hangs in a short time.
//!
//! A state machine over the time that its caller passes in; knows nothing of validators.

use std::{collections::VecDeque, time::Duration};

use parking_lot::Mutex;

use super::settings::BreakerSettings;

/// Closed (calls pass), open (none passes) or half open (one passes, as a probe).
#[derive(Debug)]
pub(super) struct Breaker {
    settings: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Closed { faults: VecDeque<Duration> },
    Open { until: Duration },
    HalfOpen,
}

/// The right to make one call. Must be settled; dropped unsettled, it reports nothing.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

/// The change of state that a settled pass caused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Opened,
    Closed,
}

impl Breaker {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: Mutex::new(State::Closed {
                faults: VecDeque::new(),
            }),
        }
    }

    /// Lets a call through, or returns the time to wait.
    pub(super) fn admit(&self, now: Duration) -> Result<Pass<'_>, Duration> {
        let mut state = self.state.lock();
        match *state {
            State::Closed { .. } => Ok(Pass {
                breaker: self,
                is_probe: false,
            }),
            State::Open { until } if now < until => Err(until - now),
            State::Open { .. } => {
                *state = State::HalfOpen;
                Ok(Pass {
                    breaker: self,
                    is_probe: true,
                })
            }
            State::HalfOpen => Err(Duration::from_secs(1)),
        }
    }

    /// True if it is open or half open.
    pub(super) fn is_open(&self) -> bool {
        !matches!(*self.state.lock(), State::Closed { .. })
    }
}

impl Pass<'_> {
    /// Reports the result of the call.
    pub(super) fn settle(mut self, fault: bool, now: Duration) -> Change {
        let breaker = self.breaker;
        let mut state = breaker.state.lock();
        let was_probe = std::mem::replace(&mut self.is_probe, false);
        let BreakerSettings {
            faults: limit,
            window,
            open_for,
        } = breaker.settings;
        match &mut *state {
            State::HalfOpen if was_probe => {
                if fault {
                    *state = State::Open {
                        until: now + open_for,
                    };
                    Change::None
                } else {
                    *state = State::Closed {
                        faults: VecDeque::new(),
                    };
                    Change::Closed
                }
            }
            State::Closed { faults } if fault => {
                faults.push_back(now);
                while faults.front().is_some_and(|at| *at + window < now) {
                    faults.pop_front();
                }
                if faults.len() < limit.max(1) {
                    return Change::None;
                }
                *state = State::Open {
                    until: now + open_for,
                };
                Change::Opened
            }
            // Calls that began before it opened change nothing.
            _ => Change::None,
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            // The probe was cancelled: the next call becomes the probe.
            let mut state = self.breaker.state.lock();
            if matches!(*state, State::HalfOpen) {
                *state = State::Open {
                    until: Duration::ZERO,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(BreakerSettings {
            faults: 3,
            window: Duration::from_secs(10),
            open_for: Duration::from_secs(5),
        })
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn fault(breaker: &Breaker, now: u64) -> Change {
        breaker.admit(at(now)).unwrap().settle(true, at(now))
    }

    #[test]
    fn opens_after_faults_within_the_window() {
        let breaker = breaker();
        assert_eq!(fault(&breaker, 0), Change::None);
        assert_eq!(fault(&breaker, 1), Change::None);
        // The first one has left the window by now.
        assert_eq!(fault(&breaker, 11), Change::None);
        assert_eq!(fault(&breaker, 11), Change::Opened);
        assert_eq!(breaker.admit(at(12)).unwrap_err(), at(4));
        assert!(breaker.is_open());
    }

    #[test]
    fn one_probe_at_a_time_decides() {
        let breaker = breaker();
        for _ in 0..3 {
            fault(&breaker, 0);
        }
        let probe = breaker.admit(at(5)).unwrap();
        assert!(breaker.admit(at(5)).is_err());
        assert_eq!(probe.settle(true, at(5)), Change::None);
        assert_eq!(breaker.admit(at(6)).unwrap_err(), at(4));
        let probe = breaker.admit(at(10)).unwrap();
        assert_eq!(probe.settle(false, at(10)), Change::Closed);
        // And the count starts again.
        assert_eq!(fault(&breaker, 10), Change::None);
        assert_eq!(fault(&breaker, 10), Change::None);
        assert_eq!(fault(&breaker, 10), Change::Opened);
    }

    #[test]
    fn a_cancelled_probe_is_followed_by_another() {
        let breaker = breaker();
        for _ in 0..3 {
            fault(&breaker, 0);
        }
        drop(breaker.admit(at(5)).unwrap());
        let probe = breaker.admit(at(5)).unwrap();
        assert_eq!(probe.settle(false, at(5)), Change::Closed);
    }

    #[test]
    fn a_late_call_does_not_close_it() {
        let breaker = breaker();
        let late = breaker.admit(at(0)).unwrap();
        for _ in 0..3 {
            fault(&breaker, 0);
        }
        assert_eq!(late.settle(false, at(1)), Change::None);
        assert!(breaker.is_open());
    }
}

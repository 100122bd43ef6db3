//! A circuit breaker: after several faults it refuses calls for a while, then lets one through as a
//! probe.
//!
//! A state machine over the time that its caller passes in, from a clock that only goes forward.
//! One machine, two policies: faults within a window, or consecutive faults. It does not depend on
//! the kind of calls that it guards.

use std::{collections::VecDeque, time::Duration};

use parking_lot::Mutex;

/// The conditions under which a breaker opens, and the length of its pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The number of faults that opens it.
    pub faults: usize,
    /// The time within which the faults are counted. `None`: they must be consecutive, so that a
    /// success between them restarts the count, and a success while it is open closes it.
    pub window: Option<Duration>,
    /// The length of the first pause, during which calls are refused.
    pub pause: Duration,
    /// The longest pause; each failed probe doubles the pause up to this.
    pub longest_pause: Duration,
    /// The retry time given to callers while a probe is under way.
    pub probe_retry: Duration,
}

/// Closed (calls pass), open (none passes) or half open (one passes, as a probe).
#[derive(Debug)]
pub struct Breaker {
    policy: Policy,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Closed { faults: VecDeque<Duration> },
    Open { until: Duration, pause: Duration },
    HalfOpen { pause: Duration },
}

impl State {
    fn closed() -> Self {
        Self::Closed {
            faults: VecDeque::new(),
        }
    }
}

/// The permission for one call. If it is dropped unsettled (the caller went away), nothing changes,
/// except that the next call becomes the probe if this one was it.
#[derive(Debug)]
#[must_use = "a call that is not settled says nothing about the neighbour"]
pub struct Pass<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

/// The change that a settled pass made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The breaker is as it was.
    None,
    /// It opened: calls are refused from now on.
    Opened,
    /// It closed: calls pass again.
    Closed,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            state: Mutex::new(State::closed()),
        }
    }

    /// Lets a call through.
    ///
    /// # Errors
    /// The time to wait, if the call is refused.
    pub fn admit(&self, now: Duration) -> Result<Pass<'_>, Duration> {
        let mut state = self.state.lock();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { until, .. } if now < until => return Err(until - now),
            State::Open { pause, .. } => {
                *state = State::HalfOpen { pause };
                true
            }
            State::HalfOpen { .. } => return Err(self.policy.probe_retry),
        };
        Ok(Pass {
            breaker: self,
            is_probe,
        })
    }

    /// Returns whether it is open or half open.
    pub fn is_open(&self) -> bool {
        !matches!(*self.state.lock(), State::Closed { .. })
    }
}

impl Policy {
    fn opened(&self, now: Duration, pause: Duration) -> State {
        State::Open {
            until: now + pause,
            pause,
        }
    }
}

impl Pass<'_> {
    /// Reports a successful call.
    pub fn succeeded(self) -> Change {
        self.settle(false, Duration::ZERO)
    }

    /// Reports a fault, at `now`.
    pub fn failed(self, now: Duration) -> Change {
        self.settle(true, now)
    }

    fn settle(mut self, fault: bool, now: Duration) -> Change {
        let policy = &self.breaker.policy;
        let is_probe = std::mem::replace(&mut self.is_probe, false);
        let mut state = self.breaker.state.lock();
        match (&mut *state, fault) {
            (State::HalfOpen { pause }, true) if is_probe => {
                let pause = (*pause * 2).min(policy.longest_pause);
                *state = policy.opened(now, pause);
                Change::None
            }
            (State::HalfOpen { .. }, false) if is_probe => {
                *state = State::closed();
                Change::Closed
            }
            (State::Open { .. } | State::HalfOpen { .. }, false) if policy.window.is_none() => {
                *state = State::closed();
                Change::Closed
            }
            (State::Closed { faults }, false) => {
                if policy.window.is_none() {
                    faults.clear();
                }
                Change::None
            }
            (State::Closed { faults }, true) => {
                faults.push_back(now);
                if let Some(window) = policy.window {
                    while faults.front().is_some_and(|at| *at + window < now) {
                        faults.pop_front();
                    }
                }
                if faults.len() < policy.faults.max(1) {
                    return Change::None;
                }
                *state = policy.opened(now, policy.pause);
                Change::Opened
            }
            // Calls that began before it opened no longer change anything.
            (State::Open { .. } | State::HalfOpen { .. }, _) => Change::None,
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            // The probe was cancelled: the next call is one.
            let mut state = self.breaker.state.lock();
            if let State::HalfOpen { pause } = *state {
                *state = State::Open {
                    until: Duration::ZERO,
                    pause,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn windowed() -> Breaker {
        Breaker::new(Policy {
            faults: 3,
            window: Some(at(10)),
            pause: at(5),
            longest_pause: at(5),
            probe_retry: at(1),
        })
    }

    fn in_a_row() -> Breaker {
        Breaker::new(Policy {
            faults: 3,
            window: None,
            pause: at(1),
            longest_pause: at(8),
            probe_retry: at(1),
        })
    }

    fn fault(breaker: &Breaker, now: u64) -> Change {
        breaker.admit(at(now)).unwrap().failed(at(now))
    }

    fn opened(breaker: Breaker) -> Breaker {
        for _ in 0..3 {
            let _ = fault(&breaker, 0);
        }
        assert!(breaker.is_open());
        breaker
    }

    #[test]
    fn opens_after_faults_within_the_window() {
        let breaker = windowed();
        assert_eq!(fault(&breaker, 0), Change::None);
        assert_eq!(fault(&breaker, 1), Change::None);
        // The first is too old by now.
        assert_eq!(fault(&breaker, 11), Change::None);
        assert_eq!(
            breaker.admit(at(11)).unwrap().succeeded(),
            Change::None,
            "a success does not take faults back"
        );
        assert_eq!(fault(&breaker, 11), Change::Opened);
        assert_eq!(breaker.admit(at(12)).unwrap_err(), at(4));
        assert!(breaker.is_open());
    }

    #[test]
    fn opens_after_faults_in_a_row_only() {
        let breaker = in_a_row();
        for _ in 0..5 {
            assert_eq!(fault(&breaker, 0), Change::None);
            assert_eq!(fault(&breaker, 0), Change::None);
            assert_eq!(breaker.admit(at(0)).unwrap().succeeded(), Change::None);
        }
        assert!(!breaker.is_open());
        opened(breaker);
    }

    #[test]
    fn one_probe_at_a_time_decides() {
        let breaker = opened(windowed());
        let probe = breaker.admit(at(5)).unwrap();
        assert_eq!(breaker.admit(at(5)).unwrap_err(), at(1));
        assert_eq!(probe.failed(at(5)), Change::None);
        assert_eq!(breaker.admit(at(6)).unwrap_err(), at(4));
        let probe = breaker.admit(at(10)).unwrap();
        assert_eq!(probe.succeeded(), Change::Closed);
        // And the count starts again.
        assert_eq!(fault(&breaker, 10), Change::None);
        assert_eq!(fault(&breaker, 10), Change::None);
        assert_eq!(fault(&breaker, 10), Change::Opened);
    }

    #[test]
    fn waits_longer_after_each_failed_probe_up_to_a_limit() {
        let breaker = opened(in_a_row());
        let mut now = 0;
        for expected in [1, 2, 4, 8, 8] {
            assert_eq!(breaker.admit(at(now)).unwrap_err(), at(expected));
            now += expected;
            assert_eq!(fault(&breaker, now), Change::None);
        }
    }

    #[test]
    fn a_cancelled_probe_is_followed_by_another() {
        for breaker in [opened(windowed()), opened(in_a_row())] {
            drop(breaker.admit(at(5)).unwrap());
            let probe = breaker.admit(at(5)).unwrap();
            assert_eq!(probe.succeeded(), Change::Closed);
        }
    }

    #[test]
    fn a_late_success_closes_it_only_where_faults_count_in_a_row() {
        for (breaker, closes) in [(windowed(), false), (in_a_row(), true)] {
            let late = breaker.admit(at(0)).unwrap();
            let breaker = &breaker;
            for _ in 0..3 {
                let _ = fault(breaker, 0);
            }
            let change = late.succeeded();
            assert_eq!(change == Change::Closed, closes);
            assert_eq!(breaker.is_open(), !closes);
        }
    }
}

//! A circuit breaker: after several faults it refuses calls for a while, then lets one through as a
//! probe.
//!
//! A state machine over the time that its caller passes in, from a clock that only goes forward.
//! One machine, two policies: faults within a window, or consecutive faults. It does not depend on
//! the kind of calls that it guards.
//!
//! Where calls are those of people, a fault may be of one person's calls alone. It costs that person
//! a pause, and the others only if most of those who call fail. A person who does not fail passes
//! even then: success closes the breaker.

mod people;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

use parking_lot::Mutex;

use self::people::{People, Rules};

/// The time for which a person's last result counts, where the policy has no window.
const RECENT: Duration = Duration::from_secs(10);

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
    /// The fewest people whose calls fail if the breaker opens for that reason.
    pub people: usize,
}

/// Closed (calls pass), open (none passes) or half open (one passes, as a probe).
#[derive(Debug)]
pub struct Breaker {
    policy: Policy,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    people: People,
}

#[derive(Debug)]
enum State {
    Closed {
        faults: VecDeque<Duration>,
    },
    Open {
        until: Duration,
        pause: Duration,
        opened_by: Blame,
    },
    HalfOpen {
        pause: Duration,
        opened_by: Blame,
    },
}

impl State {
    fn closed() -> Self {
        Self::Closed {
            faults: VecDeque::new(),
        }
    }
}

/// The extent of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// It meets everybody.
    All,
    /// It may be of these people's calls alone.
    People,
}

/// The permission for one call. If it is dropped unsettled (the caller went away), nothing changes,
/// except that the next call becomes the probe if this one was it.
#[derive(Debug)]
#[must_use = "a call that is not settled says nothing about the neighbour"]
pub struct Pass<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
    who: Option<u64>,
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
            inner: Mutex::new(Inner {
                state: State::closed(),
                people: People::default(),
            }),
        }
    }

    /// Lets a call through; `who` stands for the person whose call it is, if it is a person's.
    ///
    /// # Errors
    /// The time to wait, if the call is refused.
    pub fn admit(&self, now: Duration, who: Option<u64>) -> Result<Pass<'_>, Duration> {
        let mut inner = self.inner.lock();
        if let Some(rest) = who.and_then(|who| inner.people.pause(who, now)) {
            return Err(rest);
        }
        let fails = |who| inner.people.fails(who, now, &self.policy.rules());
        let passes = who.is_some_and(|who| !fails(who));
        let is_probe = match inner.state {
            State::Closed { .. } => false,
            State::Open {
                opened_by: Blame::People,
                ..
            }
            | State::HalfOpen {
                opened_by: Blame::People,
                ..
            } if passes => false,
            State::Open { until, .. } if now < until => return Err(until - now),
            State::Open {
                pause, opened_by, ..
            } => {
                inner.state = State::HalfOpen { pause, opened_by };
                true
            }
            State::HalfOpen { .. } => return Err(self.policy.probe_retry),
        };
        Ok(Pass {
            breaker: self,
            is_probe,
            who,
        })
    }

    /// Returns whether it is open or half open.
    pub fn is_open(&self) -> bool {
        !matches!(self.inner.lock().state, State::Closed { .. })
    }
}

impl Policy {
    fn opened(&self, now: Duration, pause: Duration, opened_by: Blame) -> State {
        State::Open {
            until: now + pause,
            pause,
            opened_by,
        }
    }

    fn rules(&self) -> Rules {
        Rules {
            faults: self.faults,
            least: self.people,
            window: self.window.unwrap_or(RECENT),
            pause: self.pause,
            longest_pause: self.longest_pause,
        }
    }
}

impl Pass<'_> {
    /// Reports a successful call, at `now`.
    pub fn succeeded(self, now: Duration) -> Change {
        self.settle(None, now)
    }

    /// Reports a fault that meets everybody, at `now`.
    pub fn failed(self, now: Duration) -> Change {
        self.settle(Some(Blame::All), now)
    }

    /// Reports a fault that may be of this person's calls alone, at `now`. It meets everybody if the
    /// call was nobody's.
    pub fn failed_for_one(self, now: Duration) -> Change {
        let blame = self.who.map_or(Blame::All, |_| Blame::People);
        self.settle(Some(blame), now)
    }

    fn settle(mut self, fault: Option<Blame>, now: Duration) -> Change {
        let policy = &self.breaker.policy;
        let is_probe = std::mem::replace(&mut self.is_probe, false);
        let inner = &mut *self.breaker.inner.lock();
        let most_fail = match (self.who, fault) {
            (Some(who), None) => {
                inner.people.succeeded(who, now, &policy.rules());
                false
            }
            (Some(who), Some(Blame::People)) => inner.people.failed(who, now, &policy.rules()),
            _ => false,
        };
        let change = match (&mut inner.state, fault) {
            (State::HalfOpen { pause, .. }, Some(blame)) if is_probe => {
                // Nobody knows from one person's fault whether the others still meet one.
                let pause = (*pause * 2).min(policy.longest_pause);
                inner.state = policy.opened(now, pause, blame);
                Change::None
            }
            (State::HalfOpen { .. }, None) if is_probe => Change::Closed,
            (State::Open { .. } | State::HalfOpen { .. }, None) if policy.window.is_none() => {
                Change::Closed
            }
            (State::Closed { faults }, None) => {
                if policy.window.is_none() {
                    faults.clear();
                }
                Change::None
            }
            (State::Closed { .. }, Some(Blame::People)) if !most_fail => Change::None,
            (State::Closed { .. }, Some(Blame::People)) => {
                inner.state = policy.opened(now, policy.pause, Blame::People);
                Change::Opened
            }
            (State::Closed { faults }, Some(Blame::All)) => {
                faults.push_back(now);
                if let Some(window) = policy.window {
                    while faults.front().is_some_and(|at| *at + window < now) {
                        faults.pop_front();
                    }
                }
                if faults.len() < policy.faults.max(1) {
                    return Change::None;
                }
                inner.state = policy.opened(now, policy.pause, Blame::All);
                Change::Opened
            }
            // Calls that began before it opened no longer change anything.
            (State::Open { .. } | State::HalfOpen { .. }, _) => Change::None,
        };
        if change == Change::Closed {
            inner.state = State::closed();
            inner.people.forgive();
        }
        change
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            // The probe was cancelled: the next call is one.
            let mut inner = self.breaker.inner.lock();
            if let State::HalfOpen { pause, opened_by } = inner.state {
                inner.state = State::Open {
                    until: Duration::ZERO,
                    pause,
                    opened_by,
                };
            }
        }
    }
}

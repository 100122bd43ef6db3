//! The knowledge of this server's way out, from what became of its latest fetches: documents that
//! nobody can fetch are not offered, so that clients register instead.
//!
//! Strangers name the hosts. Before a document that was fetched is asked for again, their failures
//! change nothing; and all that they can reach is that clients register.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use url::Url;

/// The failures in a row, without an answer of any host between, from which nothing is offered.
const FAILURES: u32 = 2;
/// The time between two attempts to find out whether documents can be fetched again.
pub(super) const RECHECK: Duration = Duration::from_secs(120);
/// The most hosts that did not answer and are asked again.
const MAX_KEPT: usize = 3;

/// See the module.
pub(super) struct Reach {
    state: Mutex<State>,
    /// True if there is another way for clients that cannot use a document.
    may_withdraw: bool,
}

#[derive(Default)]
struct State {
    /// Failures since the last answer.
    failures: u32,
    /// Documents that could not be fetched since then, the latest first.
    failed: VecDeque<Url>,
    /// The document that was fetched last.
    good: Option<Url>,
    /// The time of the latest check, while nothing is offered.
    withdrawn: Option<Instant>,
    /// True while the document that was fetched last is asked for again.
    asking: bool,
}

/// What is to be done after a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AfterFailure {
    /// Nothing: one failure may be that host's own.
    Wait,
    /// Ask the document that was fetched last; only if that fails, too, it is not the host.
    Ask(Url),
    /// Nothing is offered from now on.
    Withdrawn,
}

impl Reach {
    pub(super) fn new(may_withdraw: bool) -> Self {
        Self {
            state: Mutex::default(),
            may_withdraw,
        }
    }

    /// Returns whether documents are offered.
    pub(super) fn is_offered(&self) -> bool {
        self.state.lock().withdrawn.is_none()
    }

    /// Notes that the host of `url` answered, and returns whether documents are offered again.
    pub(super) fn answered(&self, url: &Url) -> bool {
        let mut state = self.state.lock();
        let returns = state.withdrawn.is_some();
        *state = State {
            good: Some(url.clone()),
            asking: state.asking,
            ..State::default()
        };
        returns
    }

    /// Notes that the host of `url` did not answer.
    pub(super) fn failed(&self, url: &Url) -> AfterFailure {
        let mut state = self.state.lock();
        state.failures = state.failures.saturating_add(1);
        state.failed.retain(|known| known.host() != url.host());
        state.failed.push_front(url.clone());
        state.failed.truncate(MAX_KEPT);
        let is_over = state.withdrawn.is_some() || state.asking;
        if !self.may_withdraw || state.failures < FAILURES || is_over {
            return AfterFailure::Wait;
        }
        match state.good.clone() {
            // Also if it is of the same host: another URL there says nothing of it.
            Some(good) => {
                state.asking = true;
                AfterFailure::Ask(good)
            }
            None => {
                state.withdrawn = Some(Instant::now());
                AfterFailure::Withdrawn
            }
        }
    }

    /// Notes what came of [`AfterFailure::Ask`]. Returns whether nothing is offered from now on.
    pub(super) fn asked(&self, failed: bool) -> bool {
        let mut state = self.state.lock();
        state.asking = false;
        // Failures are forgotten once a host answers.
        let is_new = failed && state.failures > 0 && state.withdrawn.is_none();
        if is_new {
            state.withdrawn = Some(Instant::now());
        }
        is_new
    }

    /// The documents to try again, once in a while as long as nothing is offered.
    pub(super) fn due(&self, now: Instant) -> Vec<Url> {
        let mut state = self.state.lock();
        match state.withdrawn {
            Some(last) if now.saturating_duration_since(last) >= RECHECK => {
                state.withdrawn = Some(now);
                state.good.iter().chain(&state.failed).cloned().collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(host: &str) -> Url {
        Url::parse(&format!("https://{host}/client.json")).unwrap()
    }

    #[test]
    fn nothing_is_offered_after_failures_in_a_row_until_a_host_answers() {
        let reach = Reach::new(true);
        assert_eq!(reach.failed(&url("one")), AfterFailure::Wait);
        assert!(reach.is_offered());
        assert_eq!(reach.failed(&url("two")), AfterFailure::Withdrawn);
        assert!(!reach.is_offered());
        assert_eq!(reach.failed(&url("three")), AfterFailure::Wait, "said once");
        assert!(reach.answered(&url("one")));
        assert!(reach.is_offered());
        assert!(!reach.answered(&url("one")), "said once");
    }

    #[test]
    fn one_host_alone_is_enough_where_no_other_is_known() {
        let reach = Reach::new(true);
        assert_eq!(reach.failed(&url("one")), AfterFailure::Wait);
        assert_eq!(reach.failed(&url("one")), AfterFailure::Withdrawn);
    }

    #[test]
    fn hosts_of_strangers_count_only_if_a_host_that_answered_does_not_any_more() {
        let reach = Reach::new(true);
        let ask = || AfterFailure::Ask(url("good"));
        assert!(!reach.answered(&url("good")));
        assert_eq!(reach.failed(&url("one")), AfterFailure::Wait);
        assert_eq!(reach.failed(&url("two")), ask());
        // One question at a time, however many failures there are meanwhile.
        assert_eq!(reach.failed(&url("three")), AfterFailure::Wait);
        reach.answered(&url("good"));
        assert!(!reach.asked(false) && reach.is_offered());
        reach.failed(&url("one"));
        assert_eq!(reach.failed(&url("two")), ask());
        assert!(reach.asked(true), "said once");
        assert!(!reach.is_offered());
    }

    #[test]
    fn another_url_of_a_host_that_answered_says_nothing_of_it() {
        let reach = Reach::new(true);
        reach.answered(&url("good"));
        let other = Url::parse("https://good:9/x").unwrap();
        assert_eq!(reach.failed(&other), AfterFailure::Wait);
        assert_eq!(reach.failed(&other), AfterFailure::Ask(url("good")));
        assert!(reach.is_offered());
        // An answer of any host while the question is under way.
        reach.answered(&url("another"));
        assert!(!reach.asked(true) && reach.is_offered());
    }

    #[test]
    fn a_few_documents_are_tried_again_once_in_a_while() {
        let reach = Reach::new(true);
        reach.answered(&url("good"));
        for host in ["a", "b", "c", "d", "d"] {
            reach.failed(&url(host));
        }
        let now = Instant::now() + RECHECK;
        assert_eq!(reach.due(now), [], "offered: nothing to find out");
        assert!(reach.asked(true));
        assert_eq!(reach.due(Instant::now()), [], "too soon");
        let now = Instant::now() + RECHECK;
        let due = reach.due(now);
        assert_eq!(due, ["good", "d", "c", "b"].map(url));
        assert_eq!(reach.due(now), [], "once");
        assert_eq!(reach.due(now + RECHECK).len(), 4);
    }

    #[test]
    fn where_clients_cannot_register_documents_stay_offered() {
        let reach = Reach::new(false);
        for host in ["a", "b", "c"] {
            assert_eq!(reach.failed(&url(host)), AfterFailure::Wait);
        }
        assert!(reach.is_offered());
    }
}

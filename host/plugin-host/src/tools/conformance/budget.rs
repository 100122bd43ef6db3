//! The time for all checks, which no validator can make longer by being slow, blocking or hanging; only
//! the time that validators take to be made is added to it.

use std::{
    future::Future,
    pin::pin,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// The reason to skip what there is no time for.
pub(super) const TIME_IS_UP: &str = "the time for all checks was up (`--time` gives more)";
/// What is left for the end: the shut-down, and the results that need no more calls.
const FOR_THE_END: Duration = Duration::from_millis(1_500);
/// A validator that is made within this time is made within the time for all checks.
const MADE_QUICKLY: Duration = Duration::from_millis(200);
/// The longest wait for one answer.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A busy machine may let even a quick validator take so long.
const SHORTEST_WAIT: Duration = Duration::from_secs(3);
/// The server waits for a shut-down for as long, unless it is told otherwise.
const LONGEST_SHUTDOWN: Duration = Duration::from_secs(5);
/// No answer takes so many times as long as the first.
const SLOWER: u32 = 20;

/// The time for all checks.
pub(super) struct Budget {
    started: Instant,
    all: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The time that making validators took, and since when one is being made.
    made: Duration,
    making_since: Option<Instant>,
    /// The time that the first validator took to make.
    first_made: Option<Duration>,
    /// The time that the first answer took.
    first_answer: Option<Duration>,
    /// Whether the last shut-down that was waited for ended.
    shuts_down: Option<bool>,
}

impl Budget {
    pub(super) fn new(all: Duration) -> Self {
        Self {
            started: Instant::now(),
            all,
            state: Mutex::default(),
        }
    }

    /// The time that is left for checks.
    pub(super) fn left(&self) -> Duration {
        let state = self.state.lock();
        let making = state.making_since.map_or(Duration::ZERO, |at| at.elapsed());
        let spent = self.started.elapsed().saturating_sub(state.made + making);
        let checks = self.all.saturating_sub(FOR_THE_END);
        checks.saturating_sub(spent)
    }

    pub(super) fn is_up(&self) -> bool {
        self.left().is_zero()
    }

    /// Waits for `work` while there is time.
    pub(super) async fn bound<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let left = self.left();
            match tokio::time::timeout(left, work.as_mut()).await {
                Ok(done) => return Some(done),
                Err(_) if self.is_up() => return None,
                // A validator was made meanwhile.
                Err(_) => {}
            }
        }
    }

    /// The time for one answer. One that takes longer is as good as none.
    pub(super) fn patience(&self) -> Duration {
        let longest = LONGEST_WAIT.min(self.all * 5 / 8);
        match self.state.lock().first_answer {
            None => longest,
            Some(first) => (first * SLOWER).max(SHORTEST_WAIT).min(longest),
        }
    }

    /// The time for an answer of a validator of which nothing is known yet.
    pub(super) fn first_patience(&self) -> Duration {
        LONGEST_WAIT.min(self.all * 5 / 8)
    }

    /// Notes the time of an answer, of which the first counts.
    pub(super) fn answered(&self, took: Duration) {
        self.state.lock().first_answer.get_or_insert(took);
    }

    /// Begins to make a validator, until the returned value is dropped.
    pub(super) fn make(&self) -> Making<'_> {
        let now = Instant::now();
        self.state.lock().making_since = Some(now);
        Making { budget: self, now }
    }

    /// The time that the first validator took to make.
    pub(super) fn time_to_make(&self) -> Duration {
        self.state.lock().first_made.unwrap_or_default()
    }

    /// Lets a validator shut down; one that has hung before is not waited for again.
    pub(super) async fn shutdown(&self, shutdown: impl Future<Output = ()>) -> Shutdown {
        let known = self.state.lock().shuts_down;
        let limit = match known {
            Some(false) => Duration::ZERO,
            _ => self.left().clamp(FOR_THE_END, LONGEST_SHUTDOWN),
        };
        let ended = tokio::time::timeout(limit, shutdown).await.is_ok();
        if !ended && known != Some(false) && limit < SHORTEST_WAIT {
            return Shutdown::Unknown(limit);
        }
        self.state.lock().shuts_down = Some(ended);
        match ended {
            true => Shutdown::Ended,
            false => Shutdown::Hangs,
        }
    }
}

/// What became of a shut-down.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shutdown {
    Ended,
    Hangs,
    /// It did not end within this time, which is too short to tell slow from hanging.
    Unknown(Duration),
}

/// A validator is being made.
pub(super) struct Making<'a> {
    budget: &'a Budget,
    now: Instant,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        let took = self.now.elapsed();
        let mut state = self.budget.state.lock();
        state.making_since = None;
        // Whoever tries again keeps the first time.
        if *state.first_made.get_or_insert(took) > MADE_QUICKLY {
            state.made += took;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_ends_with_the_time_for_all_checks() {
        let budget = Budget::new(FOR_THE_END + Duration::from_millis(50));
        assert_eq!(budget.bound(async { 7 }).await, Some(7));
        assert_eq!(budget.bound(std::future::pending::<()>()).await, None);
        assert!(budget.is_up());
        // What is ready at once is taken all the same.
        assert_eq!(budget.bound(async { 7 }).await, Some(7));
    }

    #[test]
    fn the_time_to_make_a_validator_is_added_if_it_is_long() {
        let budget = Budget::new(FOR_THE_END + Duration::from_secs(600));
        let making = budget.make();
        std::thread::sleep(2 * MADE_QUICKLY);
        assert!(budget.left() > Duration::from_millis(599_990));
        drop(making);
        assert!(budget.time_to_make() >= 2 * MADE_QUICKLY);
        assert!(budget.state.lock().made >= 2 * MADE_QUICKLY);
    }

    #[test]
    fn patience_follows_the_first_answer() {
        let budget = Budget::new(Duration::from_secs(8));
        assert_eq!(budget.patience(), Duration::from_secs(5));
        budget.answered(Duration::from_millis(1));
        budget.answered(Duration::from_secs(9));
        assert_eq!(budget.patience(), SHORTEST_WAIT);
        let budget = Budget::new(Duration::from_secs(60));
        budget.answered(Duration::from_millis(300));
        assert_eq!(budget.patience(), Duration::from_secs(6));
    }

    #[tokio::test]
    async fn a_shutdown_that_hangs_is_waited_for_once() {
        let budget = Budget::new(FOR_THE_END);
        assert_eq!(budget.shutdown(async {}).await, Shutdown::Ended);
        let hangs = budget.shutdown(std::future::pending());
        assert_eq!(hangs.await, Shutdown::Unknown(FOR_THE_END));
        budget.state.lock().shuts_down = Some(false);
        let hangs = budget.shutdown(std::future::pending());
        assert_eq!(hangs.await, Shutdown::Hangs);
    }
}

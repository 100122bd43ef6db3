//! Single flight: a token that several requests bring at the same time is checked once.
//!
//! The check belongs to all that wait for it: it continues as long as one of them waits, whichever
//! began it, and is cancelled when the last one is dropped.

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc};

use foundation::identity::{TokenDigest, Verdict};
use futures::{
    FutureExt,
    future::{Shared, WeakShared},
};
use parking_lot::Mutex;

type CheckFuture = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// The checks in flight.
#[derive(Debug)]
pub(crate) struct SingleFlight {
    max_waiters: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    under_way: HashMap<TokenDigest, Flight>,
}

#[derive(Debug)]
struct Flight {
    id: u64,
    check: WeakShared<CheckFuture>,
    waiters: usize,
}

/// A place among the waiters for one check.
#[derive(Debug)]
pub(crate) struct Waiter {
    flights: Arc<SingleFlight>,
    digest: TokenDigest,
    id: u64,
    check: Shared<CheckFuture>,
}

/// The maximum number of waiters for this token is reached.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyWaiters;

impl SingleFlight {
    pub(crate) fn new(max_waiters: usize) -> Arc<Self> {
        Arc::new(Self {
            max_waiters: max_waiters.max(1),
            state: Mutex::default(),
        })
    }

    /// Joins the check of `digest`, or begins it with `begin`, which gets the check's number for
    /// [`Self::finish`].
    pub(crate) fn join(
        self: &Arc<Self>,
        digest: TokenDigest,
        begin: impl FnOnce(u64) -> CheckFuture,
    ) -> Result<Waiter, TooManyWaiters> {
        let mut state = self.state.lock();
        let waiter = |id, check| Waiter {
            flights: Arc::clone(self),
            digest,
            id,
            check,
        };
        if let Some(flight) = state.under_way.get_mut(&digest)
            && let Some(check) = flight.check.upgrade()
        {
            if flight.waiters >= self.max_waiters {
                return Err(TooManyWaiters);
            }
            flight.waiters += 1;
            return Ok(waiter(flight.id, check));
        }
        state.next += 1;
        let id = state.next;
        let check = begin(id).shared();
        if let Some(weak) = check.downgrade() {
            state.under_way.insert(
                digest,
                Flight {
                    id,
                    check: weak,
                    waiters: 1,
                },
            );
        }
        Ok(waiter(id, check))
    }

    /// Ends check `id` of `digest`. `remember` runs only if the token was not forgotten in the
    /// meantime, and before it can be.
    pub(crate) fn finish(&self, digest: &TokenDigest, id: u64, remember: impl FnOnce()) {
        let mut state = self.state.lock();
        if state
            .under_way
            .get(digest)
            .is_some_and(|flight| flight.id == id)
        {
            remember();
            state.under_way.remove(digest);
        }
    }

    /// Forgets a token: the result of a check in flight is not remembered. `forget` runs before
    /// another check can end.
    pub(crate) fn forget(&self, digest: &TokenDigest, forget: impl FnOnce()) {
        let mut state = self.state.lock();
        state.under_way.remove(digest);
        forget();
    }

    /// Forgets all tokens.
    pub(crate) fn forget_all(&self, forget: impl FnOnce()) {
        let mut state = self.state.lock();
        state.under_way.clear();
        forget();
    }
}

impl Waiter {
    /// Waits for the verdict.
    pub(crate) async fn verdict(&self) -> Verdict {
        self.check.clone().await
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut state = self.flights.state.lock();
        if let Some(flight) = state.under_way.get_mut(&self.digest)
            && flight.id == self.id
        {
            flight.waiters -= 1;
            if flight.waiters == 0 {
                state.under_way.remove(&self.digest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    fn digest() -> TokenDigest {
        TokenDigest::of("t")
    }

    /// A check that ends when told to, and says whether it was cancelled.
    fn check() -> (CheckFuture, oneshot::Sender<()>) {
        let (sender, receiver) = oneshot::channel();
        let check = async move {
            let _ = receiver.await;
            Verdict::rejected("no")
        };
        (Box::pin(check), sender)
    }

    #[tokio::test]
    async fn one_check_serves_all() {
        let flights = SingleFlight::new(10);
        let (first, end) = check();
        let begun = AtomicUsize::new(0);
        let leader = flights.join(digest(), |_| {
            begun.fetch_add(1, Ordering::Relaxed);
            first
        });
        let follower = flights
            .join(digest(), |_| unreachable!("the check is under way"))
            .unwrap();
        end.send(()).unwrap();
        assert!(matches!(follower.verdict().await, Verdict::Rejected { .. }));
        assert!(matches!(
            leader.unwrap().verdict().await,
            Verdict::Rejected { .. }
        ));
        assert_eq!(begun.into_inner(), 1);
    }

    #[tokio::test]
    async fn a_cancelled_leader_takes_nobody_along() {
        let flights = SingleFlight::new(10);
        let (first, end) = check();
        let leader = flights.join(digest(), |_| first).unwrap();
        let follower = flights
            .join(digest(), |_| unreachable!("the check is under way"))
            .unwrap();
        // The leader polls once and is dropped.
        tokio::select! {
            biased;
            _ = leader.verdict() => unreachable!("nothing has ended it"),
            () = std::future::ready(()) => {}
        }
        drop(leader);
        end.send(()).unwrap();
        assert!(matches!(follower.verdict().await, Verdict::Rejected { .. }));
    }

    #[tokio::test]
    async fn the_last_one_to_leave_cancels_the_check() {
        let flights = SingleFlight::new(10);
        let (first, end) = check();
        let one = flights.join(digest(), |_| first).unwrap();
        let two = flights
            .join(digest(), |_| unreachable!("the check is under way"))
            .unwrap();
        drop(one);
        assert!(!end.is_closed());
        drop(two);
        assert!(end.is_closed());
        assert!(flights.state.lock().under_way.is_empty());
    }

    #[tokio::test]
    async fn the_number_of_waiters_is_bounded() {
        let flights = SingleFlight::new(2);
        let (first, _end) = check();
        let one = flights.join(digest(), |_| first).unwrap();
        let _two = flights
            .join(digest(), |_| unreachable!("the check is under way"))
            .unwrap();
        let third = flights.join(digest(), |_| unreachable!("the check is under way"));
        assert_eq!(third.unwrap_err(), TooManyWaiters);
        drop(one);
        flights
            .join(digest(), |_| unreachable!("the check is under way"))
            .unwrap();
    }

    #[tokio::test]
    async fn what_was_forgotten_meanwhile_is_not_remembered() {
        let flights = SingleFlight::new(2);
        let (first, _end) = check();
        let mut number = 0;
        let _one = flights.join(digest(), |id| {
            number = id;
            first
        });
        flights.forget(&digest(), || ());
        flights.finish(&digest(), number, || unreachable!("it was forgotten"));
        // The next request begins a check of its own, which may be remembered.
        let (second, _end) = check();
        let _two = flights.join(digest(), |id| {
            number = id;
            second
        });
        let mut remembered = false;
        flights.finish(&digest(), number, || remembered = true);
        assert!(remembered);
    }
}

//! A model of the rotation: a scheduler chooses, some hundred times, in which order requests go on at
//! each place where they can wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::UNIX_EPOCH,
};

use foundation::clock::Clock;
use parking_lot::Mutex;
use shuttle::future::{JoinHandle, block_on, spawn, yield_now};

use super::*;
use crate::store::{MAX_TRANSACTIONS, MemoryStore, Standing};

const CLIENTS: usize = 8;
const SCHEDULES: usize = 500;
const GRACE: Duration = Duration::from_secs(60);
const TTL: Duration = Duration::from_secs(3_600);

/// The store, and a provider that counts. No lock of the store is held where a request can wait.
struct Model {
    store: MemoryStore,
    clock: Clock,
    family: FamilyId,
    /// The refresh tokens that the provider was asked with.
    asked: Mutex<Vec<u64>>,
    /// The times that the provider still fails.
    failures: AtomicUsize,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The number of the refresh token in the answer.
    Got(u64),
    Revoked,
    Failed,
}

#[derive(Debug)]
struct Failed;

impl From<StoreError> for Failed {
    fn from(_: StoreError) -> Self {
        Self
    }
}

impl Model {
    fn new(failures: usize) -> Arc<Self> {
        let clock = Clock::manual(UNIX_EPOCH + Duration::from_secs(1_900_000_000));
        Arc::new(Self {
            store: MemoryStore::new(clock.clone(), MAX_TRANSACTIONS),
            clock,
            family: FamilyId::random(),
            asked: Mutex::default(),
            failures: AtomicUsize::new(failures),
        })
    }

    async fn ask(&self, generation: u64) -> Result<u64, Failed> {
        yield_now().await;
        self.asked.lock().push(generation);
        yield_now().await;
        let fails = self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        if fails.is_ok() {
            self.store.release(&self.family, generation).await?;
            return Err(Failed);
        }
        let value = format!("answer {}", generation + 1);
        self.store
            .answer(&self.family, generation, value, GRACE)
            .await?;
        Ok(generation + 1)
    }

    async fn refresh(&self, generation: u64) -> Outcome {
        let presented = Presented {
            family: &self.family,
            generation,
            ttl: TTL,
        };
        let rotated = rotate(&self.store, &presented, || self.ask(generation), yield_now);
        match rotated.await {
            Ok(Rotated::Asked(next)) => Outcome::Got(next),
            Ok(Rotated::Replayed { generation, value }) => {
                assert_eq!(
                    value,
                    format!("answer {generation}"),
                    "an answer of another token"
                );
                Outcome::Got(generation)
            }
            Ok(Rotated::Revoked) => Outcome::Revoked,
            Err(Failed) => Outcome::Failed,
        }
    }

    /// Many requests at once, each with the token of number `generation`.
    fn all_at_once(self: &Arc<Self>, generation: u64) -> Vec<JoinHandle<Outcome>> {
        let one = || {
            let model = Arc::clone(self);
            spawn(async move { model.refresh(generation).await })
        };
        (0..CLIENTS).map(|_| one()).collect()
    }
}

async fn ended(handles: Vec<JoinHandle<Outcome>>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for handle in handles {
        outcomes.push(handle.await.expect("no request panics"));
    }
    outcomes
}

fn in_many_orders(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(test, SCHEDULES);
}

#[test]
fn eight_refreshes_at_once_ask_once_in_every_order() {
    in_many_orders(|| {
        block_on(async {
            let model = Model::new(0);
            let outcomes = ended(model.all_at_once(0)).await;
            assert!(
                outcomes.iter().all(|outcome| *outcome == Outcome::Got(1)),
                "{outcomes:?}"
            );
            assert_eq!(*model.asked.lock(), [0]);
        });
    });
}

/// Each client goes on with what it got, as calls of one client do that overlap.
#[test]
fn no_token_is_asked_with_twice_while_clients_go_on() {
    in_many_orders(|| {
        block_on(async {
            let model = Model::new(0);
            let chains: Vec<JoinHandle<Outcome>> = (0..CLIENTS)
                .map(|_| {
                    let model = Arc::clone(&model);
                    spawn(async move {
                        let mut generation = 0;
                        for _ in 0..3 {
                            match model.refresh(generation).await {
                                Outcome::Got(next) => generation = next,
                                other => return other,
                            }
                        }
                        Outcome::Got(generation)
                    })
                })
                .collect();
            for outcome in ended(chains).await {
                let Outcome::Got(last) = outcome else {
                    panic!("{outcome:?} within the grace")
                };
                assert!(last >= 3, "{last}");
            }
            let mut asked = model.asked.lock().clone();
            let count = asked.len();
            asked.sort_unstable();
            asked.dedup();
            assert_eq!(asked.len(), count, "asked twice with one token");
        });
    });
}

/// A refresh that fails at the provider costs nobody the sign-in.
#[test]
fn after_a_failure_another_request_asks_in_every_order() {
    in_many_orders(|| {
        block_on(async {
            let model = Model::new(1);
            let outcomes = ended(model.all_at_once(0)).await;
            let failed = outcomes
                .iter()
                .filter(|outcome| **outcome == Outcome::Failed);
            assert_eq!(failed.count(), 1, "{outcomes:?}");
            let got = outcomes
                .iter()
                .filter(|outcome| **outcome == Outcome::Got(1));
            assert_eq!(got.count(), CLIENTS - 1, "{outcomes:?}");
            assert_eq!(*model.asked.lock(), [0, 0]);
        });
    });
}

/// After the grace a used token ends the family, whatever is under way with the newest one.
#[test]
fn a_replay_after_the_grace_ends_the_family_in_every_order() {
    in_many_orders(|| {
        block_on(async {
            let model = Model::new(0);
            assert_eq!(model.refresh(0).await, Outcome::Got(1));
            model.clock.advance(GRACE);
            let owner = model.all_at_once(1);
            let thief = {
                let model = Arc::clone(&model);
                spawn(async move { model.refresh(0).await })
            };
            assert_eq!(thief.await.expect("no panic"), Outcome::Revoked);
            for outcome in ended(owner).await {
                assert!(
                    matches!(outcome, Outcome::Got(2) | Outcome::Revoked),
                    "{outcome:?}"
                );
            }
            assert_eq!(model.store.standing(&model.family), Standing::Ended);
            for generation in 0..4 {
                assert_eq!(model.refresh(generation).await, Outcome::Revoked);
            }
            assert!(model.asked.lock().len() <= 2, "{:?}", model.asked.lock());
        });
    });
}

//! The suite that every store passes; for Redis with a server of its own, if one is installed.

mod grace;
mod lasting;
mod lost;
mod redis_server;

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use foundation::clock::Clock;
use futures::FutureExt;
use secrecy::SecretString;

use self::grace::{grace, replayed};
pub(crate) use self::redis_server::Redis;
use super::{
    ListedClient, MAX_TRANSACTIONS, MemoryStore, Owner, RedisStore, RefreshClaim, Standing, Store,
    StoreError, StoreFuture, StoreHealth, StoreKind, TakenCode,
};
use crate::types::{ClientId, ClientKey, Code, FamilyId, State, StoreKey};

/// The most unfinished sign-ins that the stores under test keep.
const CAPACITY: usize = 300;
const TTL: Duration = Duration::from_secs(600);
const LEASE: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_secs(60);

/// Fails at everything.
pub(crate) struct FailingStore;

fn failure<'a, T: Send + 'a>() -> StoreFuture<'a, T> {
    std::future::ready(Err(StoreError("disk on fire".to_owned()))).boxed()
}

impl Store for FailingStore {
    fn put_transaction<'a>(
        &'a self,
        _: &'a StoreKey,
        _: String,
        _: &'a Owner,
        _: Duration,
    ) -> StoreFuture<'a, ()> {
        failure()
    }
    fn take_transaction<'a>(&'a self, _: &'a StoreKey) -> StoreFuture<'a, Option<String>> {
        failure()
    }
    fn put_code<'a>(
        &'a self,
        _: &'a StoreKey,
        _: String,
        _: &'a FamilyId,
        _: Duration,
    ) -> StoreFuture<'a, ()> {
        failure()
    }
    fn put_token<'a>(&'a self, _: &'a StoreKey, _: String, _: Duration) -> StoreFuture<'a, ()> {
        failure()
    }
    fn get_token<'a>(&'a self, _: &'a StoreKey) -> StoreFuture<'a, Option<String>> {
        failure()
    }
    fn put_upstream<'a>(&'a self, _: &'a FamilyId, _: String, _: Duration) -> StoreFuture<'a, ()> {
        failure()
    }
    fn take_upstream<'a>(&'a self, _: &'a FamilyId) -> StoreFuture<'a, Option<String>> {
        failure()
    }
    fn take_code<'a>(&'a self, _: &'a StoreKey, _: Duration) -> StoreFuture<'a, TakenCode> {
        failure()
    }
    fn claim_refresh<'a>(
        &'a self,
        _: &'a FamilyId,
        _: u64,
        _: Duration,
        _: Duration,
    ) -> StoreFuture<'a, RefreshClaim> {
        failure()
    }
    fn answer<'a>(
        &'a self,
        _: &'a FamilyId,
        _: u64,
        _: String,
        _: Duration,
    ) -> StoreFuture<'a, bool> {
        failure()
    }
    fn release<'a>(&'a self, _: &'a FamilyId, _: u64) -> StoreFuture<'a, ()> {
        failure()
    }
    fn end_family<'a>(&'a self, _: &'a FamilyId, _: Duration) -> StoreFuture<'a, ()> {
        failure()
    }
    fn note_client(&self, _: ListedClient) -> StoreFuture<'_, ()> {
        failure()
    }
    fn client_standing(&self, _: &ClientKey) -> Standing {
        Standing::Live
    }
    fn standing(&self, _: &FamilyId) -> Standing {
        Standing::Unknown
    }
    fn kind(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Unavailable
    }
}

fn clock() -> Clock {
    Clock::manual(UNIX_EPOCH + Duration::from_secs(1_900_000_000))
}

fn owner(network: &str, client: &str) -> Owner {
    Owner {
        network: network.to_owned(),
        client: ClientId::parse(client).unwrap().key(),
    }
}

fn key() -> StoreKey {
    State::random().store_key()
}

async fn transactions(store: &dyn Store, clock: &Clock) {
    let (one, two) = (key(), key());
    let owner = owner("n", "c");
    store
        .put_transaction(&one, "one".to_owned(), &owner, TTL)
        .await
        .unwrap();
    store
        .put_transaction(&two, "two".to_owned(), &owner, TTL)
        .await
        .unwrap();
    assert_eq!(
        store.take_transaction(&one).await.unwrap().as_deref(),
        Some("one")
    );
    assert_eq!(store.take_transaction(&one).await.unwrap(), None, "once");
    clock.advance(TTL);
    assert_eq!(store.take_transaction(&two).await.unwrap(), None, "in time");
}

async fn codes(store: &dyn Store, clock: &Clock) {
    let (code, late) = (Code::random().store_key(), Code::random().store_key());
    let family = FamilyId::random();
    assert_eq!(
        store.take_code(&code, TTL).await.unwrap(),
        TakenCode::Unknown
    );
    store
        .put_code(&code, "content".to_owned(), &family, TTL)
        .await
        .unwrap();
    store
        .put_code(&late, "content".to_owned(), &family, TTL)
        .await
        .unwrap();
    let first = store.take_code(&code, 3 * TTL).await.unwrap();
    assert_eq!(first, TakenCode::Fresh("content".to_owned()));
    clock.advance(2 * TTL);
    assert_eq!(
        store.take_code(&code, TTL).await.unwrap(),
        TakenCode::Spent(family)
    );
    assert_eq!(
        store.take_code(&late, TTL).await.unwrap(),
        TakenCode::Unknown
    );
}

async fn families(store: &dyn Store, clock: &Clock) {
    let family = FamilyId::random();
    let spend = |generation| store.claim_refresh(&family, generation, LEASE, 100 * TTL);
    assert_eq!(spend(0).await.unwrap(), RefreshClaim::Granted);
    assert_eq!(spend(0).await.unwrap(), RefreshClaim::InProgress);
    store.release(&family, 0).await.unwrap();
    assert_eq!(
        spend(0).await.unwrap(),
        RefreshClaim::Granted,
        "after a release"
    );
    clock.advance(LEASE);
    assert_eq!(
        spend(0).await.unwrap(),
        RefreshClaim::Granted,
        "after the lease"
    );
    store
        .answer(&family, 0, "answer".to_owned(), GRACE)
        .await
        .unwrap();
    assert_eq!(spend(0).await.unwrap(), replayed(1, "answer"));
    assert_eq!(spend(1).await.unwrap(), RefreshClaim::Granted);
    // A late answer or release of the previous generation changes nothing.
    store
        .answer(&family, 0, "late".to_owned(), GRACE)
        .await
        .unwrap();
    store.release(&family, 0).await.unwrap();
    assert_eq!(spend(1).await.unwrap(), RefreshClaim::InProgress);
    assert_eq!(spend(0).await.unwrap(), replayed(1, "answer"));
    assert!(store.standing(&family) == Standing::Live);
    clock.advance(GRACE);
    assert_eq!(spend(0).await.unwrap(), RefreshClaim::Revoked);
    assert!(store.standing(&family) == Standing::Ended);
    assert_eq!(spend(1).await.unwrap(), RefreshClaim::Revoked);

    let other = FamilyId::random();
    assert_eq!(
        store.claim_refresh(&other, 7, LEASE, TTL).await.unwrap(),
        RefreshClaim::Granted,
        "after a restart"
    );
    store.end_family(&other, TTL).await.unwrap();
    assert_eq!(
        store.claim_refresh(&other, 7, LEASE, TTL).await.unwrap(),
        RefreshClaim::Revoked
    );
    clock.advance(TTL);
    assert!(
        store.standing(&other) == Standing::Live,
        "forgotten when no token of it can be left"
    );

    let future = FamilyId::random();
    assert_eq!(
        store.claim_refresh(&future, 3, LEASE, TTL).await.unwrap(),
        RefreshClaim::Granted
    );
    assert_eq!(
        store.claim_refresh(&future, 5, LEASE, TTL).await.unwrap(),
        RefreshClaim::Revoked,
        "not ours to give"
    );
}

/// Of many callers at once, one gets it.
async fn races(store: Arc<dyn Store>) {
    let (transaction, code, family) = (key(), Code::random().store_key(), FamilyId::random());
    store
        .put_transaction(&transaction, "t".to_owned(), &owner("n", "c"), TTL)
        .await
        .unwrap();
    store
        .put_code(&code, "c".to_owned(), &family, TTL)
        .await
        .unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (store, t, c) = (Arc::clone(&store), transaction.clone(), code.clone());
            let family = family.clone();
            tokio::spawn(async move {
                let took = store.take_transaction(&t).await.unwrap().is_some();
                let fresh = matches!(store.take_code(&c, TTL).await.unwrap(), TakenCode::Fresh(_));
                let claimed = store.claim_refresh(&family, 0, LEASE, TTL).await.unwrap()
                    == RefreshClaim::Granted;
                [took, fresh, claimed]
            })
        })
        .collect();
    let mut winners = [0; 3];
    for task in tasks {
        for (count, won) in winners.iter_mut().zip(task.await.unwrap()) {
            *count += usize::from(won);
        }
    }
    assert_eq!(winners, [1, 1, 1]);
}

/// Above the capacity, the oldest of the owner with the most are dropped, by network or by client.
async fn fairness(store: &dyn Store) {
    let (person, second) = (key(), key());
    store
        .put_transaction(&person, "p".to_owned(), &owner("home", "app"), TTL)
        .await
        .unwrap();
    // One network with a new client each time.
    for number in 0..2 * CAPACITY {
        let owner = owner("flood", &format!("client {number}"));
        store
            .put_transaction(&key(), "f".to_owned(), &owner, TTL)
            .await
            .unwrap();
    }
    store
        .put_transaction(&second, "s".to_owned(), &owner("home2", "app"), TTL)
        .await
        .unwrap();
    // One client from a new network each time.
    for number in 0..2 * CAPACITY {
        let owner = owner(&format!("network {number}"), "one client");
        store
            .put_transaction(&key(), "f".to_owned(), &owner, TTL)
            .await
            .unwrap();
    }
    assert_eq!(
        store.take_transaction(&person).await.unwrap().as_deref(),
        Some("p")
    );
    assert_eq!(
        store.take_transaction(&second).await.unwrap().as_deref(),
        Some("s")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_store_passes_the_suite() {
    let clock = clock();
    let store = Arc::new(MemoryStore::new(clock.clone(), CAPACITY));
    transactions(&*store, &clock).await;
    codes(&*store, &clock).await;
    families(&*store, &clock).await;
    grace(&*store, &clock).await;
    races(store.clone()).await;
    fairness(&*store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_redis_store_passes_the_suite() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let clock = clock();
    let store = redis.store(&clock);
    transactions(&*store, &clock).await;
    codes(&*store, &clock).await;
    families(&*store, &clock).await;
    grace(&*store, &clock).await;
    races(store.clone()).await;
    fairness(&*store).await;
}

#[tokio::test]
async fn replicas_on_one_redis_know_what_the_other_did() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let clock = clock();
    let (one, two) = (redis.store(&clock), redis.store(&clock));
    let (state, family) = (key(), FamilyId::random());
    one.put_transaction(&state, "t".to_owned(), &owner("n", "c"), TTL)
        .await
        .unwrap();
    assert_eq!(
        two.take_transaction(&state).await.unwrap().as_deref(),
        Some("t")
    );
    assert_eq!(one.take_transaction(&state).await.unwrap(), None);
    assert_eq!(
        one.claim_refresh(&family, 0, LEASE, TTL).await.unwrap(),
        RefreshClaim::Granted
    );
    assert_eq!(
        two.claim_refresh(&family, 0, LEASE, TTL).await.unwrap(),
        RefreshClaim::InProgress
    );
    one.answer(&family, 0, "answer".to_owned(), GRACE)
        .await
        .unwrap();
    let answered = replayed(1, "answer");
    assert_eq!(
        two.claim_refresh(&family, 0, LEASE, TTL).await.unwrap(),
        answered
    );
    one.end_family(&family, TTL).await.unwrap();
    two.refresh_ended().await.unwrap();
    assert!(two.standing(&family) == Standing::Ended);
}

/// 100,000 unfinished sign-ins: the memory store is as large as before.
#[tokio::test]
async fn a_hundred_thousand_unfinished_sign_ins_leave_memory_flat() {
    let store = MemoryStore::new(clock(), MAX_TRANSACTIONS);
    for number in 0..100_000_u32 {
        let owner = owner(
            &format!("network {}", number % 5_000),
            &format!("client {number}"),
        );
        store
            .put_transaction(&key(), "x".repeat(1_000), &owner, TTL)
            .await
            .unwrap();
    }
    assert_eq!(store.transactions(), MAX_TRANSACTIONS);
}

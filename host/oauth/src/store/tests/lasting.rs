//! The ends that outlive a process, and what is said while they are not known.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::*;
use crate::store::EndedFileError;

fn lasting(directory: &std::path::Path, clock: &Clock) -> Result<MemoryStore, EndedFileError> {
    MemoryStore::lasting(clock.clone(), CAPACITY, directory, |_| {})
}

#[tokio::test]
async fn what_ended_in_memory_has_ended_after_a_restart() {
    let (root, clock) = (tempfile::tempdir().unwrap(), clock());
    let directory = root.path().join("state");
    let store = Arc::new(lasting(&directory, &clock).unwrap());
    families(&*store, &clock).await;
    grace(&*store, &clock).await;
    races(store.clone()).await;
    // Ended by a revocation, and by a refresh token that was used before.
    let (revoked, stolen, live) = (FamilyId::random(), FamilyId::random(), FamilyId::random());
    store.end_family(&revoked, 2 * TTL).await.unwrap();
    for (generation, expected) in [(3, RefreshClaim::Granted), (1, RefreshClaim::Revoked)] {
        let claim = store.claim_refresh(&stolen, generation, LEASE, TTL).await;
        assert_eq!(claim.unwrap(), expected);
    }
    // Many at once: each is in the file when its end is answered.
    let many: Vec<_> = (0..50).map(|_| FamilyId::random()).collect();
    let ends = many.iter().map(|family| store.end_family(family, TTL));
    futures::future::try_join_all(ends).await.unwrap();
    drop(store);

    let next = lasting(&directory, &clock).unwrap();
    for family in many.iter().chain([&revoked, &stolen]) {
        assert_eq!(next.standing(family), Standing::Ended);
    }
    assert_eq!(next.standing(&live), Standing::Live);
    let claim = next.claim_refresh(&revoked, 0, LEASE, TTL).await.unwrap();
    assert_eq!(claim, RefreshClaim::Revoked);
    clock.advance(TTL);
    let later = lasting(&directory, &clock).unwrap();
    assert_eq!(
        later.standing(&stolen),
        Standing::Live,
        "no token of it is left"
    );
    assert_eq!(later.standing(&revoked), Standing::Ended);
}

#[tokio::test]
async fn an_end_that_cannot_be_kept_is_an_error_and_an_end_all_the_same() {
    static FAILURES: AtomicUsize = AtomicUsize::new(0);
    let (root, clock) = (tempfile::tempdir().unwrap(), clock());
    let observe = |succeeded: bool| {
        FAILURES.fetch_add(usize::from(!succeeded), Ordering::SeqCst);
    };
    let store = MemoryStore::lasting(clock.clone(), CAPACITY, root.path(), observe).unwrap();
    let (family, other) = (FamilyId::random(), FamilyId::random());
    let file = root.path().join("oauth-ended-sign-ins");
    let good = fs::read(&file).unwrap();
    fs::write(&file, "damaged").unwrap();
    let error = store.end_family(&family, TTL).await.unwrap_err();
    assert!(error.to_string().contains("is damaged"), "{error}");
    assert_eq!(store.standing(&family), Standing::Ended);
    assert_eq!(FAILURES.load(Ordering::SeqCst), 1);
    // The next end takes it along.
    fs::write(&file, good).unwrap();
    store.end_family(&other, TTL).await.unwrap();
    let next = lasting(root.path(), &clock).unwrap();
    assert_eq!(next.standing(&family), Standing::Ended);
    assert_eq!(next.standing(&other), Standing::Ended);
}

#[tokio::test]
async fn until_redis_has_said_what_ended_nothing_is_taken_for_live() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("none.sock");
    let url = SecretString::from(format!("redis+unix://{}", socket.display()));
    let store = RedisStore::new(
        &url,
        "test",
        clock(),
        CAPACITY,
        |_| {},
        &outbound::Authorities::default(),
    )
    .unwrap();
    let family = FamilyId::random();
    assert!(store.refresh_ended().await.is_err());
    assert_eq!(store.standing(&family), Standing::Unknown);
    assert_eq!(store.health(), StoreHealth::Unavailable);
    // An end of our own is known all the same.
    assert!(store.end_family(&family, TTL).await.is_err());
    assert_eq!(store.standing(&family), Standing::Ended);

    let Some(redis) = Redis::start().await else {
        return;
    };
    let store = redis.store(&clock());
    store.refresh_ended().await.unwrap();
    assert_eq!(store.standing(&family), Standing::Live);
    assert_eq!(store.health(), StoreHealth::Answers);
    // Redis goes: what is known stays known, and the state says that it is gone.
    drop(redis);
    assert!(store.refresh_ended().await.is_err());
    assert_eq!(store.standing(&family), Standing::Live);
    assert_eq!(store.health(), StoreHealth::Unavailable);
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_an_error_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!(
        "redis+unix://{}",
        directory.path().join("none.sock").display()
    );
    let store = RedisStore::new(
        &SecretString::from(url),
        "test",
        clock(),
        CAPACITY,
        |_| {},
        &outbound::Authorities::default(),
    )
    .unwrap();
    let error = store.take_transaction(&key()).await.unwrap_err();
    assert!(!error.to_string().contains("none.sock"), "{error}");
    assert!(
        RedisStore::new(
            &SecretString::from("http://x:secret@y"),
            "t",
            clock(),
            CAPACITY,
            |_| {},
            &outbound::Authorities::default(),
        )
        .is_err()
    );
}

#[tokio::test]
async fn a_refresh_token_that_was_used_stays_so_after_a_restart() {
    let (root, clock) = (tempfile::tempdir().unwrap(), clock());
    let store = lasting(root.path(), &clock).unwrap();
    let (mine, lost, new) = (FamilyId::random(), FamilyId::random(), FamilyId::random());
    let granted = async |store: &MemoryStore, family: &FamilyId, generation| {
        let claim = store.claim_refresh(family, generation, LEASE, 100 * TTL);
        assert_eq!(claim.await.unwrap(), RefreshClaim::Granted);
        let answer = store.answer(family, generation, "answer".to_owned(), GRACE);
        answer.await.unwrap();
    };
    for generation in 0..3 {
        granted(&store, &mine, generation).await;
    }
    clock.advance(GRACE);
    granted(&store, &lost, 0).await;
    drop(store);

    let next = lasting(root.path(), &clock).unwrap();
    granted(&next, &new, 5).await;
    // The answer to a refresh a moment ago is lost, perhaps on its way: it is asked for once more.
    granted(&next, &lost, 0).await;
    granted(&next, &lost, 1).await;
    // The good one is good, and a stolen one ends the sign-in.
    granted(&next, &mine, 3).await;
    drop(next);
    let next = lasting(root.path(), &clock).unwrap();
    let claim = next.claim_refresh(&mine, 1, LEASE, 100 * TTL);
    assert_eq!(claim.await.unwrap(), RefreshClaim::Revoked);
    assert_eq!(next.standing(&mine), Standing::Ended);
    assert_eq!(next.standing(&lost), Standing::Live);
}

#[tokio::test]
async fn what_another_process_ended_is_known_without_a_restart() {
    let (root, clock) = (tempfile::tempdir().unwrap(), clock());
    let old = lasting(root.path(), &clock).unwrap();
    let new = Arc::new(lasting(root.path(), &clock).unwrap());
    let following = tokio::spawn(MemoryStore::follow(Arc::downgrade(&new)));
    let family = FamilyId::random();
    old.end_family(&family, TTL).await.unwrap();
    let known = async {
        while new.standing(&family) != Standing::Ended {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), known).await;
    assert!(waited.is_ok(), "it is never known");
    following.abort();
}

/// A rolling update: for a while, two processes serve with one state directory.
#[tokio::test]
async fn a_refresh_token_that_another_process_used_is_known_to_be_used() {
    let (root, clock) = (tempfile::tempdir().unwrap(), clock());
    let old = lasting(root.path(), &clock).unwrap();
    let new = Arc::new(lasting(root.path(), &clock).unwrap());
    let family = FamilyId::random();
    for generation in 0..2 {
        let claim = old.claim_refresh(&family, generation, LEASE, TTL);
        assert_eq!(claim.await.unwrap(), RefreshClaim::Granted);
        let answer = old.answer(&family, generation, "answer".to_owned(), GRACE);
        assert!(answer.await.unwrap());
    }
    clock.advance(GRACE);
    let following = tokio::spawn(MemoryStore::follow(Arc::downgrade(&new)));
    let known = async {
        while !new.knows(&family) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), known).await;
    assert!(waited.is_ok(), "it is never known");
    following.abort();
    // The good one is good, and is used from then on.
    let claim = new.claim_refresh(&family, 2, LEASE, TTL);
    assert_eq!(claim.await.unwrap(), RefreshClaim::Granted);
    let answer = new.answer(&family, 2, "answer".to_owned(), GRACE);
    assert!(answer.await.unwrap());
    let claim = new.claim_refresh(&family, 0, LEASE, TTL);
    assert_eq!(claim.await.unwrap(), RefreshClaim::Revoked);
}

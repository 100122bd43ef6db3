//! The grace period of used refresh tokens, which both stores give to the whole family.

use super::*;
use crate::store::MAX_IN_GRACE;

/// The contract.
pub(super) async fn grace(store: &dyn Store, clock: &Clock) {
    every_generation_gets_the_newest_answer(store, clock).await;
    each_generation_has_its_own_grace(store, clock).await;
    a_family_that_ended_has_no_grace(store).await;
    the_number_of_generations_is_bounded(store).await;
}

pub(super) fn replayed(generation: u64, value: &str) -> RefreshClaim {
    RefreshClaim::Replayed {
        generation,
        value: value.to_owned(),
    }
}

async fn claim(store: &dyn Store, family: &FamilyId, generation: u64) -> RefreshClaim {
    store
        .claim_refresh(family, generation, LEASE, 100 * TTL)
        .await
        .unwrap()
}

/// Spends refresh token number `generation`, which is answered with `value`.
async fn rotate(store: &dyn Store, family: &FamilyId, generation: u64, value: &str) {
    assert_eq!(
        claim(store, family, generation).await,
        RefreshClaim::Granted
    );
    store
        .answer(family, generation, value.to_owned(), GRACE)
        .await
        .unwrap();
}

async fn every_generation_gets_the_newest_answer(store: &dyn Store, clock: &Clock) {
    let family = FamilyId::random();
    for generation in 0..12 {
        rotate(store, &family, generation, &format!("answer {generation}")).await;
        clock.advance(Duration::from_secs(1));
    }
    for generation in 0..12 {
        assert_eq!(
            claim(store, &family, generation).await,
            replayed(12, "answer 11")
        );
    }
    assert_eq!(claim(store, &family, 12).await, RefreshClaim::Granted);
    assert_eq!(
        claim(store, &family, 3).await,
        replayed(12, "answer 11"),
        "also while the next answer is awaited"
    );
    store.release(&family, 12).await.unwrap();
    assert_eq!(claim(store, &family, 3).await, replayed(12, "answer 11"));
    assert!(store.standing(&family) == Standing::Live);
}

async fn each_generation_has_its_own_grace(store: &dyn Store, clock: &Clock) {
    let family = FamilyId::random();
    rotate(store, &family, 0, "first").await;
    clock.advance(GRACE - Duration::from_secs(10));
    rotate(store, &family, 1, "second").await;
    clock.advance(Duration::from_secs(9));
    assert_eq!(claim(store, &family, 0).await, replayed(2, "second"));
    clock.advance(Duration::from_secs(1));
    assert_eq!(claim(store, &family, 1).await, replayed(2, "second"));
    assert_eq!(
        claim(store, &family, 0).await,
        RefreshClaim::Revoked,
        "a later refresh does not prolong the grace of an earlier one"
    );
    assert!(store.standing(&family) == Standing::Ended);
    for generation in 0..4 {
        assert_eq!(
            claim(store, &family, generation).await,
            RefreshClaim::Revoked
        );
    }
}

async fn a_family_that_ended_has_no_grace(store: &dyn Store) {
    let family = FamilyId::random();
    rotate(store, &family, 0, "first").await;
    rotate(store, &family, 1, "second").await;
    store.end_family(&family, TTL).await.unwrap();
    for generation in 0..3 {
        assert_eq!(
            claim(store, &family, generation).await,
            RefreshClaim::Revoked
        );
    }
    // Of two families, only the one whose used token came back too late ends.
    let (one, two) = (FamilyId::random(), FamilyId::random());
    rotate(store, &one, 0, "one").await;
    rotate(store, &two, 0, "two").await;
    store.end_family(&one, TTL).await.unwrap();
    assert_eq!(claim(store, &two, 0).await, replayed(1, "two"));
}

async fn the_number_of_generations_is_bounded(store: &dyn Store) {
    let family = FamilyId::random();
    let last = MAX_IN_GRACE as u64;
    for generation in 0..=last {
        rotate(store, &family, generation, "answer").await;
    }
    assert_eq!(
        claim(store, &family, 1).await,
        replayed(last + 1, "answer"),
        "the oldest that is kept"
    );
    assert_eq!(claim(store, &family, 0).await, RefreshClaim::Revoked);
}

//! One validator and everything that it may do wrong.

use std::time::UNIX_EPOCH;

use super::*;
use crate::{
    boundary::FailureKind,
    fake::{Fake, accepted, check, failed, validator},
};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

fn clock() -> Clock {
    Clock::manual(UNIX_EPOCH + Duration::from_secs(1_900_000_000))
}

#[tokio::test]
async fn an_answer_from_memory_needs_no_call() {
    let fake = Fake::new(
        |_| Some(accepted("ann")),
        |_| unreachable!("it has answered"),
    );
    let validator = validator("v", fake.clone(), &Limits::default(), &clock());
    for _ in 0..100 {
        assert_eq!(
            validator.ask(&check("t", LONG)).await.outcome.as_str(),
            "accepted"
        );
    }
    assert_eq!(fake.calls(), 0);
    assert_eq!(validator.in_flight(), 0);
}

#[tokio::test]
async fn the_plugin_sees_the_token_and_the_time_left() {
    let fake = Fake::new(
        |_| None,
        |question| {
            use secrecy::ExposeSecret;

            let fits = question.token.expose_secret() == "t"
                && &*question.request_id == "request"
                && question.deadline > LONG / 2
                && question.deadline <= LONG;
            Box::pin(async move { accepted(if fits { "fits" } else { "differs" }) })
        },
    );
    let validator = validator("v", fake, &Limits::default(), &clock());
    match validator.ask(&check("t", LONG)).await.decision {
        Decision::Accepted(principal, _) => {
            assert_eq!(
                (principal.subject.as_str(), principal.validator.as_str()),
                ("fits", "v")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_hanging_call_ends_at_the_deadline_and_opens_the_breaker() {
    let fake = Fake::hanging();
    let clock = clock();
    let validator = validator("v", fake.clone(), &Limits::default(), &clock);
    for _ in 0..5 {
        assert_eq!(
            validator.ask(&check("t", SHORT)).await.outcome.as_str(),
            "timeout"
        );
    }
    assert_eq!(
        validator.ask(&check("t", LONG)).await.outcome.as_str(),
        "breaker_open"
    );
    assert_eq!(fake.calls(), 5);
    clock.advance(Duration::from_secs(10));
    assert_eq!(
        validator.ask(&check("t", SHORT)).await.outcome.as_str(),
        "timeout"
    );
    assert_eq!(
        validator.ask(&check("t", LONG)).await.outcome.as_str(),
        "breaker_open"
    );
}

#[tokio::test]
async fn a_panic_is_a_503_and_counts() {
    let fake = Fake::new(|_| None, |_| panic!("on purpose"));
    let validator = validator("v", fake, &Limits::default(), &clock());
    let ruling = validator.ask(&check("t", LONG)).await;
    assert_eq!(ruling.outcome.as_str(), "panicked");
    assert!(matches!(ruling.decision, Decision::Unavailable(_)));
    for _ in 0..4 {
        validator.ask(&check("t", LONG)).await;
    }
    assert!(validator.breaker_is_open());
}

#[tokio::test]
async fn trouble_of_the_provider_does_not_open_the_breaker() {
    let fake = Fake::answering(|| failed(FailureKind::Unavailable));
    let validator = validator("v", fake.clone(), &Limits::default(), &clock());
    for _ in 0..50 {
        assert_eq!(
            validator.ask(&check("t", LONG)).await.outcome.as_str(),
            "unavailable"
        );
    }
    assert_eq!(fake.calls(), 50);
}

#[tokio::test]
async fn calls_in_flight_are_bounded_and_a_cancelled_one_gives_its_place_back() {
    let fake = Fake::hanging();
    let limits = Limits {
        in_flight: 1,
        ..Limits::default()
    };
    let validator = validator("v", fake, &limits, &clock());
    let first = check("1", LONG);
    let mut hanging = Box::pin(validator.ask(&first));
    assert!(futures::poll!(&mut hanging).is_pending());
    assert_eq!(validator.in_flight(), 1);
    assert_eq!(
        validator.ask(&check("2", LONG)).await.outcome.as_str(),
        "busy"
    );
    drop(hanging);
    // The bulkhead drops the cancelled call; then its place is free.
    let free = tokio::time::timeout(LONG, validator.slots.acquire()).await;
    drop(free.unwrap().unwrap());
    assert_eq!(
        validator.ask(&check("3", SHORT)).await.outcome.as_str(),
        "timeout"
    );
}

/// A plugin that blocks its thread although it must not: the host's own threads keep running, the
/// caller gets its answer in time, and no more than the bulkhead's threads are lost.
#[tokio::test]
async fn a_blocking_plugin_blocks_its_own_threads_only() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = parking_lot::Mutex::new(blocked);
    let fake = Fake::new(
        move |_| {
            // Ends when the test drops the sender.
            let _ = blocked.lock().recv();
            None
        },
        |_| Box::pin(async { accepted("late") }),
    );
    let limits = Limits {
        in_flight: 4,
        ..Limits::default()
    };
    let validator = validator("v", fake.clone(), &limits, &clock());
    let checks: Vec<_> = (0..8).map(|n| check(&format!("{n}"), SHORT)).collect();
    let rulings = futures::future::join_all(checks.iter().map(|c| validator.ask(c))).await;
    for ruling in &rulings {
        assert!(
            matches!(ruling.outcome.as_str(), "timeout" | "busy" | "breaker_open"),
            "{ruling:?}"
        );
    }
    assert!(fake.tries.load(std::sync::atomic::Ordering::SeqCst) <= 2);
    drop(release);
}

#[tokio::test]
async fn retiring_waits_for_calls_and_shuts_down_once() {
    let (end, wait) = tokio::sync::oneshot::channel::<()>();
    let wait = parking_lot::Mutex::new(Some(wait));
    let fake = Fake::new(
        |_| None,
        move |_| {
            let wait = wait.lock().take();
            Box::pin(async move {
                if let Some(wait) = wait {
                    let _ = wait.await;
                }
                accepted("ann")
            })
        },
    );
    let validator = validator("v", fake.clone(), &Limits::default(), &clock());
    let first = check("t", LONG);
    let mut call = Box::pin(validator.ask(&first));
    assert!(futures::poll!(&mut call).is_pending());
    let mut retire = Box::pin(validator.retire(LONG, LONG));
    assert!(futures::poll!(&mut retire).is_pending());
    assert_eq!(fake.shutdowns.load(std::sync::atomic::Ordering::SeqCst), 0);
    end.send(()).unwrap();
    assert_eq!(call.await.outcome.as_str(), "accepted");
    retire.await;
    assert_eq!(fake.shutdowns.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn health_is_the_plugin_s_word() {
    let fake = Fake::hanging();
    let validator = validator("v", fake, &Limits::default(), &clock());
    validator.health().await.unwrap();
}

//! Validators as the host uses them.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::UNIX_EPOCH,
};

use foundation::clock::Clock;

use super::*;
use crate::{
    Limits,
    boundary::{FailureKind, Instance},
    fake::{Fake, accepted, failed, validator},
};

fn validators(fakes: &[Arc<Fake>], limits: Limits) -> (Validators, Clock) {
    let clock = Clock::manual(UNIX_EPOCH + Duration::from_secs(1_900_000_000));
    let mut settings = Settings::new(Vec::new(), Vec::new());
    settings.limits = limits;
    settings.clock = clock.clone();
    let chain = fakes
        .iter()
        .enumerate()
        .map(|(n, fake)| {
            let instance: Arc<dyn Instance> = fake.clone();
            validator(&format!("v{n}"), instance, &settings.limits, &clock)
        })
        .collect();
    (Validators::with_chain(Loader::new(settings), chain), clock)
}

fn token(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

/// Replaces the serving validators.
fn swap(validators: &Validators, next: Vec<Arc<Validator>>) -> Arc<Chain> {
    validators.inner.put(Arc::new(Chain::new(next)))
}

#[tokio::test]
async fn a_second_request_is_served_from_memory() {
    let fake = Fake::answering(|| accepted("ann"));
    let (validators, clock) = validators(std::slice::from_ref(&fake), Limits::default());
    for _ in 0..10 {
        let verdict = validators.validate(&token("t"), "r").await;
        assert!(matches!(verdict, Verdict::Accepted(p) if p.subject() == "ann"));
    }
    assert_eq!(fake.calls(), 1);
    validators.validate(&token("another"), "r").await;
    assert_eq!(fake.calls(), 2);
    clock.advance(Duration::from_secs(300));
    validators.validate(&token("t"), "r").await;
    assert_eq!(fake.calls(), 3);
}

#[tokio::test]
async fn an_evicted_token_is_asked_again() {
    let fake = Fake::answering(|| accepted("ann"));
    let (validators, _) = validators(std::slice::from_ref(&fake), Limits::default());
    validators.validate(&token("t"), "r").await;
    validators.evict(&TokenDigest::of("t"));
    validators.validate(&token("t"), "r").await;
    assert_eq!(fake.calls(), 2);
}

#[tokio::test]
async fn only_rejected_is_remembered_among_the_failures() {
    for (kind, calls) in [
        (FailureKind::Rejected, 1),
        (FailureKind::NotMine, 3),
        (FailureKind::Unavailable, 3),
        (FailureKind::Internal, 3),
        (FailureKind::Misconfigured, 3),
        (FailureKind::Panicked, 3),
    ] {
        let fake = Fake::answering(move || failed(kind));
        let (validators, _) = validators(std::slice::from_ref(&fake), Limits::default());
        for _ in 0..3 {
            let verdict = validators.validate(&token("t"), "r").await;
            let refused = matches!(kind, FailureKind::Rejected | FailureKind::NotMine);
            assert_eq!(
                matches!(verdict, Verdict::Rejected { .. }),
                refused,
                "{kind:?}"
            );
        }
        assert_eq!(fake.calls(), calls, "{kind:?}");
    }
}

#[tokio::test]
async fn many_requests_with_one_token_are_one_call() {
    let fake = Fake::new(
        |_| None,
        |_| {
            Box::pin(async {
                tokio::task::yield_now().await;
                accepted("ann")
            })
        },
    );
    let (validators, _) = validators(std::slice::from_ref(&fake), Limits::default());
    let token = token("t");
    let all = (0..100).map(|_| validators.validate(&token, "r"));
    for verdict in futures::future::join_all(all).await {
        assert!(matches!(verdict, Verdict::Accepted(_)));
    }
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn answers_are_never_crossed() {
    let fake = Fake::new(
        |_| None,
        |question| {
            let subject = question.token.expose_secret().to_owned();
            Box::pin(async move { accepted(&subject) })
        },
    );
    let limits = Limits {
        in_flight: 10_000,
        ..Limits::default()
    };
    let (validators, _) = validators(&[fake], limits);
    let tokens: Vec<_> = (0..500).map(|n| token(&format!("person-{n}"))).collect();
    for _ in 0..2 {
        let all = tokens.iter().map(|token| validators.validate(token, "r"));
        for (n, verdict) in futures::future::join_all(all).await.into_iter().enumerate() {
            let wanted = format!("person-{n}");
            assert!(
                matches!(verdict, Verdict::Accepted(p) if p.subject() == wanted),
                "{n}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_evicted_while_it_is_checked_is_not_remembered() {
    let (end, wait) = tokio::sync::oneshot::channel::<()>();
    let wait = Mutex::new(Some(wait));
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
    let (validators, _) = validators(std::slice::from_ref(&fake), Limits::default());
    let t = token("t");
    let mut first = Box::pin(validators.validate(&t, "r"));
    assert!(futures::poll!(&mut first).is_pending());
    validators.evict(&TokenDigest::of("t"));
    end.send(()).unwrap();
    assert!(matches!(first.await, Verdict::Accepted(_)));
    validators.validate(&t, "r").await;
    assert_eq!(fake.calls(), 2);
}

#[tokio::test]
async fn what_no_header_can_carry_reaches_no_plugin() {
    let fake = Fake::answering(|| accepted("ann"));
    let (validators, _) = validators(std::slice::from_ref(&fake), Limits::default());
    for bad in ["", "a b", "a\0b", "a\nb", "ä", &"x".repeat(16 * 1024 + 1)] {
        assert!(matches!(
            validators.validate(&token(bad), "r").await,
            Verdict::Rejected { .. }
        ));
    }
    assert_eq!(fake.calls(), 0);
}

#[tokio::test]
async fn a_swap_forgets_what_the_old_ones_said() {
    let old = Fake::answering(|| accepted("old"));
    let (validators, clock) = validators(std::slice::from_ref(&old), Limits::default());
    validators.validate(&token("t"), "r").await;
    let new = Fake::answering(|| accepted("new"));
    let replaced = swap(
        &validators,
        vec![validator("v0", new.clone(), &Limits::default(), &clock)],
    );
    validators.inner.retire(replaced);
    let verdict = validators.validate(&token("t"), "r").await;
    assert!(matches!(verdict, Verdict::Accepted(p) if p.subject() == "new"));
    validators.shutdown().await;
    assert_eq!(old.shutdowns.load(Ordering::SeqCst), 1);
    assert_eq!(new.shutdowns.load(Ordering::SeqCst), 1);
    let verdict = validators.validate(&token("t2"), "r").await;
    assert!(matches!(verdict, Verdict::Unavailable { .. }));
}

/// A check under way asks the rest of the chain that it began with, and that chain is retired after
/// it.
#[tokio::test]
async fn a_replaced_chain_serves_its_checks_to_the_end() {
    let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
    let wait = Mutex::new(Some(wait));
    let first = Fake::new(
        |_| None,
        move |_| {
            let wait = wait.lock().take();
            Box::pin(async move {
                if let Some(wait) = wait {
                    let _ = wait.await;
                }
                failed(FailureKind::NotMine)
            })
        },
    );
    let second = Fake::answering(|| accepted("ann"));
    let (validators, clock) = validators(&[first.clone(), second.clone()], Limits::default());
    let t = token("t");
    let mut check = Box::pin(validators.validate(&t, "r"));
    let asked = async {
        while first.calls() == 0 {
            assert!(futures::poll!(&mut check).is_pending());
            tokio::task::yield_now().await;
        }
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, asked).await.unwrap();
    let new: Arc<dyn Instance> = Fake::answering(|| accepted("new"));
    let next = validator("v0", new, &Limits::default(), &clock);
    let old = swap(&validators, vec![next]);
    validators.inner.retire(old);
    // Both get every chance to be retired too early.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(second.shutdowns.load(Ordering::SeqCst), 0);
    go_on.send(()).unwrap();
    let verdict = check.await;
    assert!(
        matches!(&verdict, Verdict::Accepted(p) if p.subject() == "ann"),
        "{verdict:?}"
    );
    validators.shutdown().await;
    for fake in [first, second] {
        assert_eq!(fake.shutdowns.load(Ordering::SeqCst), 1);
    }
}

/// A token that a validator gave is not revoked while the request that it accepted still runs.
#[tokio::test]
async fn a_replaced_chain_outlives_the_requests_that_it_let_in() {
    let old = Fake::answering(|| accepted("ann"));
    let (validators, clock) = validators(std::slice::from_ref(&old), Limits::default());
    let Verdict::Accepted(principal) = validators.validate(&token("t"), "r").await else {
        panic!("not accepted");
    };
    let held = principal.lease().hold().unwrap();
    let new: Arc<dyn Instance> = Fake::answering(|| accepted("new"));
    let next = validator("v0", new, &Limits::default(), &clock);
    let replaced = swap(&validators, vec![next]);
    validators.inner.retire(replaced);
    // It gets every chance to be retired too early.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!principal.lease().is_over());
    assert_eq!(old.shutdowns.load(Ordering::SeqCst), 0);
    drop(held);
    assert!(principal.lease().is_over());
    validators.shutdown().await;
    assert_eq!(old.shutdowns.load(Ordering::SeqCst), 1);
}

/// No longer than a request may take, though.
#[tokio::test]
async fn a_replaced_chain_waits_no_longer_than_a_request_may_take() {
    let limits = Limits {
        deadline: Duration::from_millis(1),
        request: Duration::from_millis(1),
        ..Limits::default()
    };
    let old = Fake::answering(|| accepted("ann"));
    let (validators, clock) = validators(std::slice::from_ref(&old), limits.clone());
    let _held = validators.inner.chain.load_full();
    let new: Arc<dyn Instance> = Fake::answering(|| accepted("new"));
    let next = validator("v0", new, &limits, &clock);
    let replaced = swap(&validators, vec![next]);
    validators.inner.retire(replaced);
    let retired = async {
        while old.shutdowns.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, retired).await.unwrap();
}

#[tokio::test]
async fn health_is_asked_once_in_a_while() {
    let fake = Fake::answering(|| accepted("ann"));
    let (validators, _) = validators(&[fake], Limits::default());
    let health = validators.health().await;
    assert!(health.is_ready());
    assert_eq!(health.validators[0].name, "v0");
    assert_eq!(validators.health().await, health);
}

/// Requests go on while the chain is replaced again and again: none fails, none is answered by
/// a chain that was never there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_validators_are_replaced() {
    fn answering(n: usize) -> Arc<Fake> {
        Fake::new(
            |_| None,
            move |_| {
                Box::pin(async move {
                    tokio::task::yield_now().await;
                    accepted(&format!("chain {n}"))
                })
            },
        )
    }

    let limits = Limits {
        in_flight: 10_000,
        ..Limits::default()
    };
    let (validators, clock) = validators(&[answering(0)], limits.clone());
    let asked = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let (validators, asked, stop) = (validators.clone(), asked.clone(), stop.clone());
            tokio::spawn(async move {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    let token = token(&format!("token-{caller}-{}", n % 50));
                    let verdict = validators.validate(&token, "r").await;
                    assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
                    asked.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for n in 1..=100 {
        let seen = asked.load(Ordering::Relaxed);
        let next = validator("v0", answering(n), &limits, &clock);
        let old = swap(&validators, vec![next]);
        validators.inner.retire(old);
        let served = async {
            while asked.load(Ordering::Relaxed) < seen + 20 {
                tokio::task::yield_now().await;
            }
        };
        let limit = Duration::from_secs(60);
        tokio::time::timeout(limit, served).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    validators.shutdown().await;
}

#[test]
fn a_missing_validator_stops_the_start() {
    let empty = Settings::new(Vec::new(), Vec::new());
    assert!(matches!(Validators::load(empty), Err(LoadError::Nothing)));
    let dir = tempfile::tempdir().unwrap();
    let chain = crate::ValidatorSpec::parse_chain("nobody").unwrap();
    let settings = Settings::new(vec![dir.path().to_path_buf()], chain);
    let text = Validators::load(settings).unwrap_err().to_string();
    assert!(
        text.starts_with("validator `nobody`: no library `nobody`"),
        "{text}"
    );
}

//! The checks that take more than one call.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Map, Value};

use super::{
    Checked, Plan,
    bench::{Bench, question},
    usage::Usage,
};
use crate::{
    OptionSources,
    boundary::{FailureKind, Instance},
    options::assemble,
    serving::ruling::{Decision, Outcome, Ruling},
};

/// The number of calls that shows growth, and their time limit.
const MANY_CALLS: usize = 10_000;
const MANY_CALLS_LIMIT: Duration = Duration::from_secs(60);
const WARM_UP: usize = 500;
/// The number of times a validator is made and dropped.
const LIVES: usize = 100;

pub(super) fn accepted(ruling: &Ruling) -> Checked {
    match &ruling.decision {
        Decision::Accepted(accepted, _) => Ok(format!("subject {}", accepted.subject)),
        _ => Err(format!("{}: {}", ruling.outcome, ruling.detail)),
    }
}

pub(super) fn refused(ruling: &Ruling) -> Checked {
    match &ruling.decision {
        Decision::NotRecognized | Decision::Rejected => Ok(ruling.outcome.to_string()),
        _ => Err(format!("{}: {}", ruling.outcome, ruling.detail)),
    }
}

pub(super) fn odd_tokens(canary: &str) -> Vec<(&'static str, String)> {
    let header = "eyJhbGciOiJSUzI1NiJ9";
    vec![
        ("garbage is refused", canary.to_owned()),
        ("an empty token is refused", String::new()),
        ("a token of 1 MB is refused", "x".repeat(1024 * 1024)),
        (
            "a JWT of 1 MB is refused",
            format!("{header}.{}.{canary}", "e".repeat(1024 * 1024)),
        ),
        (
            "a token with NUL is refused",
            format!("{header}.a\0b.{canary}"),
        ),
        ("bad base64 is refused", format!("{header}.%%%%.{canary}")),
        ("an empty JWT is refused", "..".to_owned()),
        (
            "no signature is refused",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.".to_owned(),
        ),
        (
            "text beyond ASCII is refused",
            format!("{header}.\u{fc}\u{1f512}.{canary}"),
        ),
    ]
}

pub(super) async fn cancel(bench: &Bench, instance: &Arc<dyn Instance>, plan: &Plan) -> Checked {
    for _ in 0..100 {
        let call = instance.validate(question(&plan.good, Duration::from_millis(50)));
        // Polled once at most, then dropped.
        let _ = tokio::time::timeout(Duration::ZERO, call).await;
    }
    let ruling = bench.ask(instance, &plan.bad).await;
    refused(&ruling).map(|_| "it keeps answering".to_owned())
}

pub(super) async fn at_once(bench: &Bench, instance: &Arc<dyn Instance>, plan: &Plan) -> Checked {
    let asked = (0..64).map(|n| {
        let token = if n % 2 == 0 { &plan.good } else { &plan.bad };
        bench.ask(instance, token)
    });
    for (n, ruling) in futures::future::join_all(asked).await.iter().enumerate() {
        if n % 2 == 0 {
            accepted(ruling)
        } else {
            refused(ruling)
        }?;
    }
    Ok(String::new())
}

pub(super) async fn two(bench: &Bench, plan: &Plan) -> Checked {
    let (one, other) = (
        bench.create("check-1").await?,
        bench.create("check-2").await?,
    );
    accepted(&bench.ask(&one, &plan.good).await)?;
    tokio::time::timeout(Duration::from_secs(5), one.shutdown())
        .await
        .map_err(|_| "`shutdown` hangs".to_owned())?;
    drop(one);
    accepted(&bench.ask(&other, &plan.good).await)
        .map_err(|why| format!("the second fails when the first has gone: {why}"))
}

pub(super) async fn many_calls(
    bench: &Bench,
    instance: &Arc<dyn Instance>,
    plan: &Plan,
) -> Checked {
    let end = Instant::now() + MANY_CALLS_LIMIT;
    let mut before = Usage::now();
    let mut calls = 0;
    while calls < MANY_CALLS && Instant::now() < end {
        if calls == WARM_UP {
            before = Usage::now();
        }
        let token = if calls % 2 == 0 {
            &plan.good
        } else {
            &plan.bad
        };
        let ruling = bench.ask(instance, token).await;
        if matches!(ruling.decision, Decision::Unavailable(_)) {
            return Err(format!(
                "call {calls}: {}: {}",
                ruling.outcome, ruling.detail
            ));
        }
        calls += 1;
    }
    before
        .compare(&Usage::now())
        .map(|()| format!("{calls} calls"))
}

pub(super) async fn lives(bench: &Bench) -> Checked {
    let mut before = Usage::now();
    for life in 0..LIVES {
        if life == 5 {
            before = Usage::now();
        }
        let instance = bench.create("check-life").await?;
        tokio::time::timeout(Duration::from_secs(5), instance.shutdown())
            .await
            .map_err(|_| "`shutdown` hangs".to_owned())?;
    }
    // What a validator leaves to its own tasks ends a moment later.
    let mut compared = Ok(());
    for _ in 0..50 {
        compared = before.compare(&Usage::now());
        if compared.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    compared.map(|()| String::new())
}

pub(super) async fn down(bench: &Bench, plan: &Plan, config: &Map<String, Value>) -> Checked {
    let config = assemble::assemble(&bench.schema, config.clone(), &OptionSources::default())
        .map_err(|error| error.to_string())?;
    let instance = match bench.create_with("check-down", config.json).await {
        Ok(instance) => instance,
        Err(failure) if failure.kind == FailureKind::Unavailable => {
            return Ok("says so when it is made".to_owned());
        }
        Err(failure) => return Err(failure.to_string()),
    };
    match bench.ask(&instance, &plan.good).await {
        Ruling {
            outcome: Outcome::Failed(FailureKind::Unavailable),
            ..
        } => Ok(String::new()),
        other => Err(format!(
            "expected unavailable, found {}: {}",
            other.outcome, other.detail
        )),
    }
}

//! The checks of calls: cancelled, within a deadline, many at once, of two validators side by side.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use secrecy::SecretString;

use super::{
    Plan,
    bench::{Bench, question},
    report::{Checked, Seen},
    tokens::{accepted, refused, subject},
};
use crate::{
    boundary::{Instance, c_v1_calls},
    serving::ruling::{Decision, Ruling},
};

/// Calls at once, of which some wait.
const AT_ONCE: usize = 96;
/// Threads that ask at the same time, and for how long.
const THREADS: usize = 8;
const THREADS_TIME: Duration = Duration::from_millis(600);
/// The time within which cancelled calls end.
const END_LIMIT: Duration = Duration::from_secs(3);
/// A validator that answers within this time keeps every deadline.
const QUICK: Duration = Duration::from_millis(60);
/// Attempts to keep a deadline, so that a busy machine is not the validator's fault.
const ATTEMPTS: usize = 3;

pub(super) async fn cancel(bench: &Bench, instance: &Arc<dyn Instance>, plan: &Plan) -> Checked {
    let before = c_v1_calls::pending();
    for _ in 0..100 {
        let call = instance.validate(question(&plan.good, Duration::from_millis(50)));
        // Polled once at most, then dropped.
        let _ = tokio::time::timeout(Duration::ZERO, call).await;
    }
    let end = Instant::now() + END_LIMIT;
    while c_v1_calls::pending() > before {
        if Instant::now() > end {
            let lost = c_v1_calls::pending() - before;
            return Err(format!("{lost} cancelled calls were never completed"));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let ruling = bench.ask(instance, &plan.bad).await;
    refused(&ruling).map(|_| Seen::Fine("it keeps answering".to_owned()))
}

/// Half of the time that an answer takes is the deadline of the next.
pub(super) async fn deadline(bench: &Bench, plan: &Plan) -> Checked {
    let mut told = String::new();
    for _ in 0..ATTEMPTS {
        let instance = bench.create("check-deadline").await?;
        let usual = bench
            .ask_within(&instance, &plan.good, bench.budget.patience())
            .await
            .took;
        if usual < QUICK {
            return Ok(Seen::Fine(format!("it answers within {usual:.0?}")));
        }
        // What it remembers now is not asked again.
        let instance = bench.create("check-deadline").await?;
        let deadline = usual / 2;
        let grace = (usual / 4).min(Duration::from_millis(200));
        match kept(bench, &instance, &plan.good, deadline, grace).await {
            Kept::Answered(took) => {
                short_of_time(bench, plan).await?;
                return Ok(Seen::Fine(format!(
                    "answered after {took:.0?}, of {deadline:.0?}"
                )));
            }
            // On a busy machine it may be the usual end of the call that was seen.
            Kept::Cancelled(after) if bench.in_c() && after >= usual.mul_f32(0.9) => {}
            Kept::Cancelled(_) => {
                return Ok(Seen::Odd(format!(
                    "no answer within {deadline:.0?}, half of the usual time; the call ended when it was \
                     cancelled, but the host counts it as a fault"
                )));
            }
            Kept::Late => {}
        }
        told = format!(
            "no answer {grace:.0?} after a deadline of {deadline:.0?}; without one it took {usual:.0?}: answer \
             `unavailable` before the deadline of the request"
        );
    }
    Err(told)
}

/// What a validator made of a deadline.
pub(super) enum Kept {
    /// It answered after this time.
    Answered(Duration),
    /// It did not, and had ended after this time, when it was cancelled.
    Cancelled(Duration),
    /// It went on.
    Late,
}

/// Asks with a deadline, and cancels the call some time after it.
pub(super) async fn kept(
    bench: &Bench,
    instance: &Arc<dyn Instance>,
    token: &SecretString,
    deadline: Duration,
    grace: Duration,
) -> Kept {
    let before = c_v1_calls::pending();
    let started = Instant::now();
    let question = question(token, deadline);
    let answer = match bench.stalls.watch(|| instance.try_validate(&question)) {
        Some(answer) => Some(answer),
        None => {
            let call = instance.validate(question);
            tokio::time::timeout(deadline + grace, call).await.ok()
        }
    };
    if let Some(answer) = answer {
        bench.judge(answer, token);
        return Kept::Answered(started.elapsed());
    }
    tokio::time::sleep(grace.min(Duration::from_millis(20))).await;
    match c_v1_calls::pending() <= before {
        true => Kept::Cancelled(started.elapsed()),
        false => Kept::Late,
    }
}

/// Without time to decide, nobody is let in who should not be.
async fn short_of_time(bench: &Bench, plan: &Plan) -> Result<(), String> {
    let instance = bench.create("check-deadline").await?;
    for (_, token) in plan.refused() {
        let deadline = Duration::from_millis(1);
        let asked = bench.ask_within(&instance, token, deadline).await;
        if let Some(subject) = subject(&asked.ruling) {
            return Err(format!(
                "with a deadline of {deadline:.0?} a token to be refused is accepted as {subject}"
            ));
        }
    }
    Ok(())
}

/// A token, and what it stands for.
#[derive(Clone)]
pub(super) struct Known {
    token: SecretString,
    subject: Option<String>,
}

/// The tokens of the plan, with the persons that `instance` says they are of.
pub(super) async fn known(bench: &Bench, instance: &Arc<dyn Instance>, plan: &Plan) -> Vec<Known> {
    let mut known = Vec::new();
    let good = [Some(&plan.good), plan.other_person.as_ref()];
    for token in good.into_iter().flatten() {
        let ruling = bench.ask(instance, token).await;
        if let Some(subject) = subject(&ruling) {
            known.push(Known {
                token: token.clone(),
                subject: Some(subject.to_owned()),
            });
        }
    }
    known.push(Known {
        token: plan.bad.clone(),
        subject: None,
    });
    known
}

fn as_known(ruling: &Ruling, known: &Known) -> Result<(), String> {
    let Some(expected) = &known.subject else {
        return refused(ruling)
            .map(|_| ())
            .map_err(|why| format!("the bad token: {why}"));
    };
    accepted(ruling)?;
    match subject(ruling) {
        Some(found) if found == expected => Ok(()),
        found => Err(format!(
            "the token of {expected} was accepted as {}",
            found.unwrap_or_default()
        )),
    }
}

pub(super) async fn at_once(bench: &Arc<Bench>, known: &[Known]) -> Checked {
    bench.stalls.pause(true);
    let calls = together(bench, known).await;
    bench.stalls.pause(false);
    Ok(Seen::Fine(format!("{} calls", calls?)))
}

/// Asks many times at once. Returns the number of calls.
async fn together(bench: &Arc<Bench>, known: &[Known]) -> Result<usize, String> {
    // Nothing is remembered yet.
    let instance = bench.create("check-at-once").await?;
    let cycle = || known.iter().cycle();
    let asked = cycle()
        .take(AT_ONCE)
        .map(|known| bench.ask(&instance, &known.token));
    for (ruling, known) in join_all(asked).await.iter().zip(cycle()) {
        as_known(ruling, known)?;
    }
    Ok(AT_ONCE + from_threads(bench, &instance, known).await?)
}

/// As [`together`], from several threads.
async fn from_threads(
    bench: &Arc<Bench>,
    instance: &Arc<dyn Instance>,
    known: &[Known],
) -> Result<usize, String> {
    let runtime = tokio::runtime::Handle::current();
    let end = Instant::now() + THREADS_TIME;
    let threads = (0..THREADS).map(|thread| {
        let (bench, instance) = (Arc::clone(bench), Arc::clone(instance));
        let (known, runtime) = (known.to_vec(), runtime.clone());
        tokio::task::spawn_blocking(move || {
            let mut calls = 0;
            for known in known.iter().cycle().skip(thread) {
                if Instant::now() > end {
                    break;
                }
                let ruling = runtime.block_on(bench.ask(&instance, &known.token));
                as_known(&ruling, known)?;
                calls += 1;
            }
            Ok::<usize, String>(calls)
        })
    });
    let mut calls = 0;
    for thread in join_all(threads).await {
        calls += thread.map_err(|_| "a call panicked".to_owned())??;
    }
    Ok(calls)
}

pub(super) async fn two(bench: &Bench, plan: &Plan) -> Checked {
    let one = bench.create("check-1").await?;
    let other = bench.create("check-2").await?;
    accepted(&bench.ask(&one, &plan.good).await)?;
    bench.shutdown(&one).await?;
    drop(one);
    accepted(&bench.ask(&other, &plan.good).await)
        .map_err(|why| format!("the second fails when the first has gone: {why}"))?;
    let Some(secrets) = bench.with_other_secrets() else {
        return Ok(Seen::fine());
    };
    let Ok(stranger) = bench.create_with("check-3", secrets).await else {
        return Ok(Seen::Fine("other secrets are refused".to_owned()));
    };
    let asked = bench.ask(&stranger, &plan.good);
    // Whatever it says: only it has the other secrets.
    let strange = tokio::time::timeout(Duration::from_secs(1), asked).await;
    accepted(&bench.ask(&other, &plan.good).await)
        .map_err(|why| format!("it fails when one with other secrets is there: {why}"))?;
    Ok(match strange {
        Ok(Ruling {
            decision: Decision::Accepted(..),
            ..
        }) => Seen::Odd("one with other secrets accepts the same token".to_owned()),
        _ => Seen::fine(),
    })
}

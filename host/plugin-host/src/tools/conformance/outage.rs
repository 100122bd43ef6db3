//! The check of a provider that cannot be reached.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};

use super::{
    Plan,
    bench::{Bench, question},
    calls::{Kept, kept},
    mutations,
    report::{Checked, Seen},
    tokens::{accepted, subject, told},
};
use crate::{
    boundary::{FailureKind, Instance},
    serving::ruling::{Decision, Outcome, Ruling},
};

/// The time for asking again and again.
const AGAIN_TIME: Duration = Duration::from_millis(1_200);
const MOST: usize = 20;
const LEAST: usize = 2;
/// The deadline of each request: waiting for a provider that does not answer lasts as long.
const DEADLINE: Duration = Duration::from_millis(1_500);
/// Calls at once.
const AT_ONCE: usize = 16;

pub(super) async fn down(bench: &Bench, healthy: &Arc<dyn Instance>, plan: &Plan) -> Checked {
    let config = bench.down_options()?;
    let instance = match bench.create_with("check-down", config).await {
        Ok(instance) => instance,
        Err(failure) if failure.kind == FailureKind::Unavailable => {
            return Ok(Seen::Fine("says so when it is made".to_owned()));
        }
        Err(failure) => return Err(failure.to_string()),
    };
    let good = [Some(&plan.good), plan.other_person.as_ref()];
    let good: Vec<&SecretString> = good.into_iter().flatten().collect();
    // Each token again and again: what it remembers of the first answer shows in the second.
    for token in &good {
        let end = Instant::now() + AGAIN_TIME / 2;
        for time in 1..=MOST {
            if time > LEAST && Instant::now() > end {
                break;
            }
            bench.progress.at(format!("asked for time {time}"));
            unavailable(&ask(bench, &instance, token).await)
                .map_err(|why| format!("asked for time {time}: {why}"))?;
        }
    }
    let asked = good.iter().cycle().take(AT_ONCE);
    let asked = asked.map(|token| ask(bench, &instance, token));
    for ruling in join_all(asked).await {
        unavailable(&ruling).map_err(|why| format!("{AT_ONCE} at once: {why}"))?;
    }
    nobody(bench, &instance, plan).await?;
    // Waiting for a provider that does not answer ends with the deadline, too.
    let (deadline, grace) = (Duration::from_millis(400), Duration::from_millis(400));
    let kept = kept(bench, &instance, &plan.good, deadline, grace).await;
    if matches!(kept, Kept::Late) {
        return Err(format!(
            "no answer {grace:.0?} after a deadline of {deadline:.0?}"
        ));
    }
    for token in good {
        accepted(&bench.ask(healthy, token).await)
            .map_err(|why| format!("another one, whose provider is up, fails then: {why}"))?;
    }
    Ok(Seen::fine())
}

/// Asks with a deadline, and waits for one that does not keep it: that is another check.
async fn ask(bench: &Bench, instance: &Arc<dyn Instance>, token: &SecretString) -> Ruling {
    let (question, limit) = (question(token, DEADLINE), bench.budget.first_patience());
    bench.ask_for(instance, question, limit).await.ruling
}

fn unavailable(ruling: &Ruling) -> Result<(), String> {
    if ruling.outcome == Outcome::Failed(FailureKind::Unavailable) {
        return Ok(());
    }
    let found = match subject(ruling) {
        Some(subject) => format!("accepted as {subject}"),
        None => told(ruling),
    };
    Err(format!("expected unavailable, found {found}"))
}

/// Tokens that nobody should be let in with, whatever else the answer is.
async fn nobody(bench: &Bench, instance: &Arc<dyn Instance>, plan: &Plan) -> Result<(), String> {
    let new = (0..8).map(|number| mutations::unseen(plan.good.expose_secret(), number));
    let mut tokens: Vec<SecretString> = new.map(SecretString::from).collect();
    tokens.extend(plan.refused().map(|(_, token)| token.clone()));
    for token in tokens {
        let ruling = ask(bench, instance, &token).await;
        if let Decision::Accepted(accepted, _) = &ruling.decision {
            return Err(format!(
                "a token to be refused is accepted as {}",
                accepted.subject
            ));
        }
    }
    Ok(())
}

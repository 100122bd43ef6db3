//! The checks of single tokens: those of the plan, garbage, and mutations of the good one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};

use super::{
    Plan,
    bench::{Bench, IS_OVER},
    mutations,
    report::{Checked, Report, Seen},
};
use crate::{
    boundary::{FailureKind, Instance},
    serving::ruling::{Decision, Outcome, Ruling},
};

/// The time for all groups of mutations, and the most for one of them.
const GROUPS_TIME: Duration = Duration::from_millis(2_500);
const GROUP_TIME: Duration = Duration::from_millis(1_000);
/// The number of times that the good token is asked about again, and the time for it.
const AGAIN: usize = 3;
const AGAIN_TIME: Duration = Duration::from_millis(200);
/// The number of accepted mutations that are named.
const NAMED: usize = 3;

/// The person of an accepted token.
pub(super) fn subject(ruling: &Ruling) -> Option<&str> {
    match &ruling.decision {
        Decision::Accepted(accepted, _) => Some(&accepted.subject),
        _ => None,
    }
}

pub(super) fn accepted(ruling: &Ruling) -> Result<String, String> {
    subject(ruling)
        .map(|subject| format!("subject {subject}"))
        .ok_or_else(|| told(ruling))
}

pub(super) fn refused(ruling: &Ruling) -> Result<String, String> {
    match &ruling.decision {
        Decision::NotRecognized | Decision::Rejected => Ok(ruling.outcome.to_string()),
        Decision::Accepted(accepted, _) => Err(format!("accepted as {}", accepted.subject)),
        Decision::Unavailable(_) => Err(told(ruling)),
    }
}

/// Outcome and reason.
pub(super) fn told(ruling: &Ruling) -> String {
    match ruling.detail.as_str() {
        "" => ruling.outcome.to_string(),
        detail => format!("{}: {detail}", ruling.outcome),
    }
}

/// What the good token stands for.
pub(super) async fn good(bench: &Bench, instance: &Arc<dyn Instance>, plan: &Plan) -> Checked {
    let first = bench.ask(instance, &plan.good).await;
    let told = accepted(&first)?;
    let end = Instant::now() + AGAIN_TIME;
    for time in 0..AGAIN {
        if time > 0 && Instant::now() > end {
            break;
        }
        let again = bench.ask(instance, &plan.good).await;
        accepted(&again).map_err(|why| format!("{told}, and when it is asked again: {why}"))?;
        if subject(&again) != subject(&first) {
            let other = subject(&again).unwrap_or_default();
            return Err(format!("{told}, and when it is asked again: {other}"));
        }
    }
    Ok(Seen::from(told))
}

/// Another person's token.
pub(super) async fn other_person(
    bench: &Bench,
    instance: &Arc<dyn Instance>,
    plan: &Plan,
    other: &SecretString,
) -> Checked {
    let good = bench.ask(instance, &plan.good).await;
    let ruling = bench.ask(instance, other).await;
    let told = accepted(&ruling)?;
    let (Decision::Accepted(one, _), Decision::Accepted(another, _)) =
        (&good.decision, &ruling.decision)
    else {
        return Err("the good token is not accepted".to_owned());
    };
    if one.subject == another.subject {
        return Err(format!(
            "both tokens are of {}: everybody would act as the same person",
            one.subject
        ));
    }
    if one.datahub_token.expose_secret() == another.datahub_token.expose_secret() {
        return Err(format!(
            "{} and {} have the same token for DataHub: everybody would have its owner's permissions",
            one.subject, another.subject
        ));
    }
    Ok(Seen::from(told))
}

/// The bad token. A validator that does not recognize a token of its own form lets the next one of a
/// chain decide about it.
pub(super) async fn bad(bench: &Bench, instance: &Arc<dyn Instance>, plan: &Plan) -> Checked {
    let ruling = bench.ask(instance, &plan.bad).await;
    let told = refused(&ruling)?;
    let (good, bad) = (plan.good.expose_secret(), plan.bad.expose_secret());
    Ok(match ruling.decision {
        Decision::NotRecognized if mutations::have_one_form(good, bad) => Seen::Odd(format!(
            "{told}, and it has the form of the good one: a chain asks the next validator about it; answer \
             `rejected` about tokens of your form"
        )),
        Decision::NotRecognized => Seen::Fine(format!(
            "{told}: no signature was checked; if your tokens have a form, give `--bad` a token of that form, such \
             as one with a forged signature"
        )),
        _ => Seen::Fine(told),
    })
}

/// A token that has expired. Tells who refused it, and whether the server could know of the end.
pub(super) async fn expired(
    bench: &Bench,
    instance: &Arc<dyn Instance>,
    plan: &Plan,
    token: &SecretString,
) -> Checked {
    let ruling = bench.ask(instance, token).await;
    let told = refused(&ruling)?;
    if ruling.detail == IS_OVER {
        let who = "by the host: the validator accepts it, with an `expires_at` that is over";
        return Ok(Seen::Fine(format!("{told} {who}")));
    }
    match bench.ask(instance, &plan.good).await.decision {
        Decision::Accepted(good, cached)
            if good.expires_at.is_none() && cached != Some(Duration::ZERO) =>
        {
            Ok(Seen::Odd(format!(
                "{told}, but the good token's identity has no `expires_at`: the server serves a token from its \
                 cache after its end"
            )))
        }
        _ => Ok(Seen::from(told)),
    }
}

/// Tokens that are refused by every validator.
pub(super) fn odd_tokens(canary: &str) -> Vec<(&'static str, String)> {
    let header = "eyJhbGciOiJSUzI1NiJ9";
    vec![
        ("garbage is refused", canary.to_owned()),
        ("an empty token is refused", String::new()),
        ("a token of one byte is refused", "x".to_owned()),
        ("a token of spaces is refused", " ".repeat(8)),
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

/// Tokens that differ a little from the good one.
pub(super) async fn mutated(
    bench: &Bench,
    instance: &Arc<dyn Instance>,
    plan: &Plan,
    report: &Report,
) {
    let other = plan.other_person.as_ref().map(ExposeSecret::expose_secret);
    let mut hangs = false;
    let end = Instant::now() + GROUPS_TIME;
    let groups = mutations::groups(plan.good.expose_secret(), other);
    let mut to_come = u32::try_from(groups.len()).unwrap_or(u32::MAX);
    for group in groups {
        let share = end.saturating_duration_since(Instant::now()) / to_come;
        to_come -= 1;
        if group.mutations.is_empty() {
            // A validator of tokens that are no JWTs.
            continue;
        }
        if hangs {
            report.skip_after(group.name, "it does not answer about variations");
            continue;
        }
        let started = Instant::now();
        let share = (share * 2).min(GROUP_TIME);
        let made = all_refused(bench, instance, group.mutations, share);
        let passed = report.check(group.name, made).await;
        hangs = !passed && started.elapsed() >= bench.budget.patience();
    }
}

async fn all_refused(
    bench: &Bench,
    instance: &Arc<dyn Instance>,
    mutations: Vec<mutations::Mutation>,
    time: Duration,
) -> Checked {
    let count = mutations.len();
    let spellings: Vec<String> = mutations
        .iter()
        .filter(|mutation| mutation.spelling)
        .map(|mutation| mutation.what.clone())
        .collect();
    let (mut faults, mut odd, mut spelled) = (Vec::new(), Vec::new(), Vec::new());
    let tokens = mutations
        .into_iter()
        .map(|mutation| (mutation.what, SecretString::from(mutation.token)));
    let asked = bench
        .ask_all(instance, tokens, time, |what, ruling| {
            let Err(why) = refused(ruling) else {
                return false;
            };
            let told = format!("{what}: {why}");
            let unavailable = ruling.outcome == Outcome::Failed(FailureKind::Unavailable);
            if unavailable {
                odd.push(told);
            } else if subject(ruling).is_some() && spellings.iter().any(|s| s == what) {
                spelled.push(told);
            } else {
                faults.push(told);
            }
            ruling.outcome == Outcome::TimedOut
        })
        .await;
    let named = |list: &[String]| {
        let more = list.len().saturating_sub(NAMED);
        let named = list[..list.len() - more].join("; ");
        match more {
            0 => named,
            more => format!("{named}; and {more} more"),
        }
    };
    if !faults.is_empty() {
        return Err(named(&faults));
    }
    let mut warnings = Vec::new();
    if !spelled.is_empty() {
        let why = "other spellings of a token escape a list of revoked ones";
        warnings.push(format!("{} ({why})", named(&spelled)));
    }
    if !odd.is_empty() {
        warnings.push(named(&odd));
    }
    if !warnings.is_empty() {
        return Ok(Seen::Odd(warnings.join("; ")));
    }
    Ok(Seen::Fine(match asked {
        all if all == count => format!("{count} tokens"),
        some => format!("{some} of {count} tokens, in the time for it"),
    }))
}

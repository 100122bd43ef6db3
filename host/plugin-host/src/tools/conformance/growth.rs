//! The checks of what stays behind: after calls about new tokens and known ones, after validators.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};

use super::{
    Plan,
    bench::Bench,
    mutations,
    report::{Checked, Seen},
    tokens::{accepted, refused},
    usage::{Heap, Slope, Tokens, Usage},
};
use crate::boundary::{FailureKind, Instance};
use crate::serving::ruling::{Outcome, Ruling};

/// Calls about tokens that were never seen, and the time for them.
const NEW_TOKENS: usize = 30_000;
const NEW_TOKENS_TIME: Duration = Duration::from_millis(1_800);
/// Fewer calls than this show nothing.
const FEW_CALLS: usize = 400;
/// Calls about the tokens of the plan, the most where memory grows, and the time for them.
const KNOWN_TOKENS: usize = 10_000;
const MORE_KNOWN_TOKENS: usize = 60_000;
const KNOWN_TOKENS_TIME: Duration = Duration::from_millis(700);
/// Calls before the first measurement, and between two.
const WARM_UP: usize = 200;
const STEP: usize = 100;
/// The number of options that are set to nonsense, and the time for each.
const MOST_OPTIONS: usize = 8;
const OPTIONS_TIME: Duration = Duration::from_millis(500);
/// The time for all of them.
const ALL_OPTIONS_TIME: Duration = Duration::from_millis(1_500);
/// The number of times a validator is made and dropped, and the time for it.
const LIVES: usize = 100;
const LIVES_TIME: Duration = Duration::from_millis(1_500);
/// Fewer lives than this show nothing; a validator that takes longer to make has not so many.
const FEW_LIVES: usize = 10;
const LONG_TO_MAKE: Duration = Duration::from_millis(150);
/// The time within which what a validator left to its own tasks ends.
const LIVES_END: Duration = Duration::from_secs(2);
/// More time for calls after which memory has grown all along, to tell a leak from what fills.
const SUSPICIOUS_TIME: Duration = Duration::from_secs(3);

pub(super) async fn new_tokens(
    bench: &Bench,
    instance: &Arc<dyn Instance>,
    plan: &Plan,
) -> Checked {
    let good = plan.good.expose_secret();
    let mut tokens = (0..NEW_TOKENS).map(|number| {
        let token = mutations::unseen(good, number);
        ("a new token".to_owned(), SecretString::from(token))
    });
    let judged = |_: &str, ruling: &Ruling| {
        // One that is asked about too much may say so.
        match ruling.outcome {
            Outcome::Failed(FailureKind::Unavailable) => Ok(()),
            _ => refused(ruling).map(|_| ()),
        }
    };
    let (watch, kind) = (Watch::new(), Tokens::New);
    let mut calls = watched(bench, instance, &mut tokens, NEW_TOKENS_TIME, watch, judged).await?;
    if calls.slope.is_suspicious(kind) {
        let time = more_time(bench);
        calls = watched(bench, instance, &mut tokens, time, calls, judged).await?;
    }
    calls.verdict(good.len(), kind)
}

pub(super) async fn known_tokens(
    bench: &Bench,
    instance: &Arc<dyn Instance>,
    plan: &Plan,
) -> Checked {
    let good = [Some(&plan.good), plan.other_person.as_ref()];
    let good: Vec<_> = good.into_iter().flatten().collect();
    let mut tokens = (0..MORE_KNOWN_TOKENS).map(|number| match good.get(number % 3) {
        Some(token) => ("accepted".to_owned(), (*token).clone()),
        None => ("refused".to_owned(), plan.bad.clone()),
    });
    let judged = |what: &str, ruling: &Ruling| {
        match what {
            "accepted" => accepted(ruling),
            _ => refused(ruling),
        }
        .map(|_| ())
    };
    let (watch, kind) = (Watch::new(), Tokens::Known);
    let (mut first, time) = (tokens.by_ref().take(KNOWN_TOKENS), KNOWN_TOKENS_TIME);
    let mut calls = watched(bench, instance, &mut first, time, watch, judged).await?;
    if calls.slope.is_suspicious(kind) || calls.heap.heap_is_suspicious() {
        let time = more_time(bench);
        calls = watched(bench, instance, &mut tokens, time, calls, judged).await?;
    }
    let heap = calls.heap.heap();
    let seen = calls.verdict(plan.good.expose_secret().len(), kind)?;
    match heap {
        Heap::Stays => Ok(seen),
        Heap::MayLeak(told) => Ok(Seen::Odd(told)),
        Heap::Leaks(told) => Err(told),
    }
}

/// The time for more calls, which leaves some for other checks.
fn more_time(bench: &Bench) -> Duration {
    SUSPICIOUS_TIME.min(bench.budget.left() / 2)
}

/// The resources during many calls.
struct Watch {
    calls: usize,
    before: Usage,
    slope: Slope,
    heap: Slope,
}

impl Watch {
    fn new() -> Self {
        Self {
            calls: 0,
            before: Usage::now(),
            slope: Slope::default(),
            heap: Slope::default(),
        }
    }

    fn verdict(self, length: usize, kind: Tokens) -> Checked {
        // What stands on calls that just ended goes a moment later.
        self.before.compare(&Usage::now())?;
        let told = self.slope.verdict(length, kind)?;
        if self.calls < FEW_CALLS {
            return Ok(Seen::Fine(format!(
                "{} calls, in the time for it",
                self.calls
            )));
        }
        Ok(Seen::from(told))
    }
}

/// Makes calls and measures now and then. `judged` tells whether an answer is right.
async fn watched(
    bench: &Bench,
    instance: &Arc<dyn Instance>,
    tokens: impl Iterator<Item = (String, SecretString)>,
    time: Duration,
    mut watch: Watch,
    judged: impl Fn(&str, &Ruling) -> Result<(), String>,
) -> Result<Watch, String> {
    let mut fault = None;
    bench
        .ask_all(instance, tokens, time, |what, ruling| {
            watch.calls += 1;
            if watch.calls == WARM_UP {
                watch.before = Usage::now();
            }
            if let Err(why) = judged(what, ruling) {
                fault = Some(format!("call {}: {why}", watch.calls));
                return true;
            }
            if watch.calls < WARM_UP || !watch.calls.is_multiple_of(STEP) {
                return false;
            }
            watch.heap.note_heap(watch.calls);
            watch.slope.note(watch.calls)
        })
        .await;
    match fault {
        Some(fault) => Err(fault),
        None => Ok(watch),
    }
}

/// Makes validators with options that are nonsense, one after the other. They may fail, and tell the
/// listener why.
pub(super) async fn wrong_options(bench: &Bench) -> Checked {
    let (mut refused, mut made, mut late) = (0, 0, 0);
    let wrong: Vec<_> = bench.with_wrong_options();
    let count = wrong.len().min(MOST_OPTIONS);
    if count == 0 {
        let why = "no option takes any text that could be nonsense";
        return Ok(Seen::NotChecked(why.to_owned()));
    }
    let limit = OPTIONS_TIME.max(bench.budget.time_to_make() * 2);
    let end = Instant::now() + ALL_OPTIONS_TIME.min(bench.budget.left());
    for (name, options) in wrong.into_iter().take(MOST_OPTIONS) {
        if refused + made + late > 0 && Instant::now() > end {
            break;
        }
        bench.progress.at(format!("option `{name}` is nonsense"));
        let created = bench.create_with("check-options", options);
        match tokio::time::timeout(limit, created).await {
            Ok(Ok(_)) => made += 1,
            Ok(Err(failure)) if failure.kind == FailureKind::Panicked => {
                return Err(format!("with option `{name}`: {failure}"));
            }
            Ok(Err(_)) => refused += 1,
            Err(_) => late += 1,
        }
    }
    let mut told = format!("{refused} refused, {made} not");
    if late > 0 {
        told.push_str(&format!(", {late} without an answer within {limit:.1?}"));
    }
    let untried = count - (refused + made + late);
    if untried > 0 {
        told.push_str(&format!(", {untried} not tried, in the time for it"));
    }
    Ok(Seen::Fine(told))
}

pub(super) async fn lives(bench: &Bench) -> Checked {
    let each = bench.budget.time_to_make();
    if each > LONG_TO_MAKE {
        return Ok(Seen::NotChecked(format!(
            "a validator takes {each:.1?} to make, too long to make {FEW_LIVES}"
        )));
    }
    let end = Instant::now() + LIVES_TIME;
    let mut before = Usage::now();
    let mut made = 0;
    while made < LIVES && (made < FEW_LIVES || Instant::now() < end) {
        if made == 5 {
            before = Usage::now();
        }
        let instance = bench.create("check-life").await?;
        bench.shutdown(&instance).await?;
        made += 1;
    }
    // What a validator leaves to its own tasks ends a moment later.
    let mut compared = Ok(());
    let end = Instant::now() + LIVES_END;
    while Instant::now() < end {
        compared = before.compare(&Usage::now());
        if compared.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    compared.map(|()| Seen::Fine(format!("{made} were made")))
}

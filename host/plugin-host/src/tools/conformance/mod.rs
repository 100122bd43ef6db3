//! `plugins check`: looks for faults of a validator. Loads it into this process and calls it as
//! the server would, and under the worst conditions that the server may meet.
//!
//! Runs in a child process, which [`watch`](watch::watch) starts: the faults that it looks for can
//! end the process.

mod bench;
mod budget;
mod calls;
mod growth;
mod listener;
mod mutations;
mod outage;
mod output;
mod prepare;
mod report;
mod secrets;
mod stalls;
mod tokens;
mod usage;
mod watch;

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use self::{
    bench::Bench,
    budget::Budget,
    output::Stray,
    prepare::prepare,
    report::{Checked, Progress, Report, Seen},
    tokens::refused,
};
pub use self::{
    output::{Events, bind_to_parent},
    report::{CheckResult, Conformance, Finding},
    watch::{Watched, watch},
};
use crate::{
    Settings,
    boundary::{Instance, c_v1_calls},
    tools::Ground,
};

/// The input of a conformance check.
#[derive(Debug)]
pub struct Plan {
    /// The library, a path or a name.
    pub library: String,
    /// The factory.
    pub factory: Option<String>,
    /// The options; without any, those of the settings.
    pub config: Option<Map<String, Value>>,
    /// Options with which the validator cannot reach its provider.
    pub down_config: Option<Map<String, Value>>,
    /// A token to be accepted.
    pub good: SecretString,
    /// A token of another person, to be accepted.
    pub other_person: Option<SecretString>,
    /// A token to be refused.
    pub bad: SecretString,
    /// A token that has expired.
    pub expired: Option<SecretString>,
    /// A token that was revoked.
    pub revoked: Option<SecretString>,
    /// A genuine token for another audience.
    pub other_audience: Option<SecretString>,
    /// The time for all checks, but for making validators that take long to make.
    pub time: Duration,
}

const BAD: &str = "the bad token is refused";
const EXPIRED: &str = "an expired token is refused";
const REVOKED: &str = "a revoked token is refused";
const AUDIENCE: &str = "a token for another audience is refused";
const OTHER_PERSON: &str = "another person's token is another person's";
const DOWN: &str = "a provider that is down is unavailable";
const SHUTS_DOWN: &str = "it shuts down";
/// The reason to skip what needs a good token.
const NOT_ACCEPTED: &str = "the good token is not accepted";

impl Plan {
    /// The tokens to be refused, each with the check that asks for it.
    fn refused(&self) -> impl Iterator<Item = (&'static str, &SecretString)> {
        let all = [
            (BAD, Some(&self.bad)),
            (EXPIRED, self.expired.as_ref()),
            (REVOKED, self.revoked.as_ref()),
            (AUDIENCE, self.other_audience.as_ref()),
        ];
        all.into_iter()
            .filter_map(|(name, token)| Some((name, token?)))
    }

    /// The checks that cannot be made, and the option that is missing.
    fn missing(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [
            (OTHER_PERSON, "--good2", self.other_person.is_none()),
            (EXPIRED, "--expired", self.expired.is_none()),
            (REVOKED, "--revoked", self.revoked.is_none()),
            (AUDIENCE, "--other-audience", self.other_audience.is_none()),
            (DOWN, "--down-config", self.down_config.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, option, missing)| missing.then_some((name, option)))
    }
}

/// Checks the validator that `plan` names, with the plugin directories of `settings`, and tells
/// `events` each result. `ground` is what is known about it already.
pub async fn conform(settings: &Settings, plan: &Plan, ground: Ground, events: Events) {
    let progress = Progress::new(move |event| events.tell(event));
    let budget = Arc::new(Budget::new(plan.time));
    let report = Report::new(progress.clone(), Arc::clone(&budget));
    if let Some(bench) = prepare(settings, plan, ground, &progress, &report, &budget) {
        run(&Arc::new(bench), plan, &report).await;
    }
    report.end();
}

async fn run(bench: &Arc<Bench>, plan: &Plan, report: &Report) {
    let canary = format!("canary.{:032x}", rand::random::<u128>());
    let stray = Stray::default();
    bench.keep("a made-up token", &canary);
    bench.keep("the good token", plan.good.expose_secret());
    if let Some(other) = &plan.other_person {
        bench.keep("the other good token", other.expose_secret());
    }
    for (_, token) in plan.refused() {
        bench.keep("a token to be refused", token.expose_secret());
    }
    let mut instance = None;
    report
        .check("a validator is made", async {
            instance = Some(bench.create("check").await?);
            Ok(Seen::fine())
        })
        .await;
    let Some(instance) = instance else { return };
    report
        .check("it is healthy", health(bench, &instance))
        .await;
    single_tokens(bench, &instance, plan, &canary, report).await;
    let is_good = report
        .check(
            "the good token is still accepted",
            tokens::good(bench, &instance, plan),
        )
        .await;
    report
        .check(
            "cancelled calls are released",
            calls::cancel(bench, &instance, plan),
        )
        .await;
    with_good_token(bench, &instance, plan, is_good, report).await;
    match &plan.down_config {
        Some(_) if is_good => {
            report
                .check(DOWN, outage::down(bench, &instance, plan))
                .await;
        }
        Some(_) => report.skip_after(DOWN, NOT_ACCEPTED),
        None => {}
    }
    report
        .check("validators leave nothing behind", growth::lives(bench))
        .await;
    report
        .check("it survives wrong options", growth::wrong_options(bench))
        .await;
    for (name, option) in plan.missing() {
        report.skip(name, &format!("{option} is not given"));
    }
    report.begin(SHUTS_DOWN);
    report.add(SHUTS_DOWN, bench.shutdown(&instance).await);
    drop(instance);
    at_the_end(bench, &stray, report);
}

/// The checks of everything that was seen on the way.
fn at_the_end(bench: &Bench, stray: &Stray, report: &Report) {
    report.add(
        "`try_validate` does not block",
        bench.stalls.verdict().map(Seen::from),
    );
    report.add(
        "each call is completed once",
        match c_v1_calls::stray() {
            0 => Ok(Seen::fine()),
            more => Err(format!("{more} completions belonged to no call")),
        },
    );
    report.add(
        "`try_validate` returns whether it completed",
        match c_v1_calls::contradictions() {
            0 => Ok(Seen::fine()),
            more => Err(format!(
                "{more} calls completed and returned 0: return 1 if you completed, and never complete if you return 0"
            )),
        },
    );
    stray.hear(&bench.listener);
    report.add(
        "no secret is disclosed",
        bench.listener.verdict().map(|()| Seen::fine()),
    );
}

async fn health(bench: &Bench, instance: &Arc<dyn Instance>) -> Checked {
    match tokio::time::timeout(bench.budget.patience(), instance.health()).await {
        Ok(Ok(())) => Ok(Seen::fine()),
        Ok(Err(failure)) => {
            bench.listener.hear_failure(&failure);
            Err(failure.to_string())
        }
        Err(_) => Err("`health` hangs".to_owned()),
    }
}

/// The checks of one token after the other.
async fn single_tokens(
    bench: &Bench,
    instance: &Arc<dyn Instance>,
    plan: &Plan,
    canary: &str,
    report: &Report,
) {
    let is_good = report
        .check(
            "the good token is accepted",
            tokens::good(bench, instance, plan),
        )
        .await;
    if let Some(other) = &plan.other_person {
        let made = tokens::other_person(bench, instance, plan, other);
        report.check(OTHER_PERSON, made).await;
    }
    let refusal = async |token: &SecretString| {
        let ruling = bench.ask(instance, token).await;
        refused(&ruling).map(Seen::from)
    };
    for (name, token) in plan.refused() {
        if name == EXPIRED {
            let made = tokens::expired(bench, instance, plan, token);
            report.check(name, made).await;
        } else if name == BAD {
            report.check(name, tokens::bad(bench, instance, plan)).await;
        } else {
            report.check(name, refusal(token)).await;
        }
    }
    for (name, token) in tokens::odd_tokens(canary) {
        let token = SecretString::from(token);
        report.check(name, refusal(&token)).await;
    }
    if is_good {
        tokens::mutated(bench, instance, plan, report).await;
    } else {
        report.skip_after("mutations of the good token are refused", NOT_ACCEPTED);
    }
}

/// The checks that need a token that is accepted.
async fn with_good_token(
    bench: &Arc<Bench>,
    instance: &Arc<dyn Instance>,
    plan: &Plan,
    is_good: bool,
    report: &Report,
) {
    const DEADLINE: &str = "it keeps the deadline of a request";
    const TOGETHER: &str = "concurrent calls are not mixed up";
    const INDEPENDENT: &str = "two validators are independent";
    const NEW: &str = "nothing grows with each new token";
    const KNOWN: &str = "nothing grows with each call";
    if !is_good {
        for name in [DEADLINE, TOGETHER, INDEPENDENT, KNOWN, NEW] {
            report.skip_after(name, NOT_ACCEPTED);
        }
        return;
    }
    report.check(DEADLINE, calls::deadline(bench, plan)).await;
    let known = calls::known(bench, instance, plan).await;
    report.check(TOGETHER, calls::at_once(bench, &known)).await;
    report.check(INDEPENDENT, calls::two(bench, plan)).await;
    report
        .check(KNOWN, growth::known_tokens(bench, instance, plan))
        .await;
    report
        .check(NEW, growth::new_tokens(bench, instance, plan))
        .await;
}

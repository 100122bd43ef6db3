//! `plugins check`: checks that a validator keeps the contract. Loads it into this process and
//! calls it as the server would, and under the worst conditions that the server may meet.
//!
//! Run it in a child process: the faults that it looks for can end the process.

mod bench;
mod checks;
mod usage;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};

use self::{
    bench::{ANSWER_LIMIT, Bench, prepare},
    checks::{accepted, at_once, cancel, down, lives, many_calls, odd_tokens, refused, two},
};
use crate::{Settings, boundary::Instance};

/// The input of a conformance check.
#[derive(Debug)]
pub struct Plan {
    /// The library, a path or a name.
    pub library: String,
    /// The factory.
    pub factory: Option<String>,
    /// The options.
    pub config: Map<String, Value>,
    /// Options with which the validator cannot reach its provider.
    pub down_config: Option<Map<String, Value>>,
    /// A token to be accepted.
    pub good: SecretString,
    /// A token to be refused.
    pub bad: SecretString,
}

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Conformance {
    /// True if every check that could be made passed.
    pub passed: bool,
    /// One for each check, in the order in which they were made.
    pub checks: Vec<CheckResult>,
}

/// The result of one check.
#[derive(Debug, Serialize)]
pub struct CheckResult {
    /// The property that was checked.
    pub name: &'static str,
    /// `pass`, `fail` or `skip`.
    pub result: &'static str,
    /// The observation, or the reason for a failure or a skip.
    pub detail: String,
}

/// The observation, or the fault.
type Checked = Result<String, String>;

/// Checks the validator that `plan` names, with the plugin directories of `settings`.
pub async fn conform(settings: &Settings, plan: &Plan) -> Conformance {
    let mut report = Report(Vec::new());
    if let Some(bench) = prepare(settings, plan, &mut report) {
        run(&bench, plan, &mut report).await;
    }
    Conformance {
        passed: report.0.iter().all(|check| check.result != "fail"),
        checks: report.0,
    }
}

struct Report(Vec<CheckResult>);

impl Report {
    fn add(&mut self, name: &'static str, checked: Checked) -> bool {
        let (result, detail) = match checked {
            Ok(detail) => ("pass", detail),
            Err(detail) => ("fail", detail),
        };
        self.0.push(CheckResult {
            name,
            result,
            detail,
        });
        result == "pass"
    }

    fn skip(&mut self, name: &'static str, why: &str) {
        self.0.push(CheckResult {
            name,
            result: "skip",
            detail: why.to_owned(),
        });
    }
}

async fn run(bench: &Bench, plan: &Plan, report: &mut Report) {
    let canary = format!("canary.{:032x}", rand::random::<u128>());
    *bench.spoken.secrets.lock() = vec![
        plan.good.expose_secret().to_owned(),
        plan.bad.expose_secret().to_owned(),
        canary.clone(),
    ];
    let mut instance = None;
    let created = bench.create("check").await.map(|made| {
        instance = Some(made);
        String::new()
    });
    report.add("a validator is made", created);
    let Some(instance) = instance else { return };
    let health = tokio::time::timeout(ANSWER_LIMIT, instance.health()).await;
    report.add(
        "it is healthy",
        match health {
            Ok(Ok(())) => Ok(String::new()),
            Ok(Err(failure)) => Err(failure.to_string()),
            Err(_) => Err("`health` hangs".to_owned()),
        },
    );
    let good = bench.ask(&instance, &plan.good).await;
    let is_good = report.add("the good token is accepted", accepted(&good));
    report.add(
        "the bad token is refused",
        refused(&bench.ask(&instance, &plan.bad).await),
    );
    for (name, token) in odd_tokens(&canary) {
        report.add(
            name,
            refused(&bench.ask(&instance, &SecretString::from(token)).await),
        );
    }
    report.add(
        "cancelled calls are released",
        cancel(bench, &instance, plan).await,
    );
    with_good_token(bench, &instance, plan, is_good, report).await;
    report.add("100 instances leave nothing behind", lives(bench).await);
    match &plan.down_config {
        Some(config) => {
            report.add(
                "a provider that is down is unavailable",
                down(bench, plan, config).await,
            );
        }
        None => report.skip("a provider that is down is unavailable", "no --down-config"),
    }
    let shutdown = tokio::time::timeout(Duration::from_secs(5), instance.shutdown()).await;
    report.add(
        "it shuts down",
        shutdown
            .map(|()| String::new())
            .map_err(|_| "hangs".to_owned()),
    );
    report.add(
        "no token is disclosed",
        if bench.spoken.leaked.load(Ordering::Relaxed) {
            Err("a token was in a log record, a detail or the claims".to_owned())
        } else {
            Ok(String::new())
        },
    );
}

/// The checks that need a token that is accepted.
async fn with_good_token(
    bench: &Bench,
    instance: &Arc<dyn Instance>,
    plan: &Plan,
    is_good: bool,
    report: &mut Report,
) {
    const TOGETHER: &str = "64 concurrent calls are not mixed up";
    const INDEPENDENT: &str = "two validators are independent";
    const GROWTH: &str = "nothing grows over many calls";
    if !is_good {
        for name in [TOGETHER, INDEPENDENT, GROWTH] {
            report.skip(name, "the good token is not accepted");
        }
        return;
    }
    report.add(TOGETHER, at_once(bench, instance, plan).await);
    report.add(INDEPENDENT, two(bench, plan).await);
    report.add(GROWTH, many_calls(bench, instance, plan).await);
}

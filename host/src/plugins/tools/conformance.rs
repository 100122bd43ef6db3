//! `plugins check`: does a validator keep the contract? Loads it into this process and calls it
//! as the server would, and as the server's worst day would.
//!
//! Run it in a child process: what it looks for can end the process that looks.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::Level;

use super::resolve;
use crate::{
    auth::TokenDigest,
    clock::Clock,
    plugins::{
        OptionSources, Settings,
        answer::{self, Decision, Ruling},
        backend::{Answer, Failure, FailureKind, Instance, Library, Question},
        check, hostlog, load, options,
    },
};

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// A `try_validate` that takes longer waits for something.
const QUICK: Duration = Duration::from_millis(500);
/// How many calls show whether something grows, and how long they may take.
const MANY_CALLS: usize = 10_000;
const MANY_CALLS_LIMIT: Duration = Duration::from_secs(60);
const WARM_UP: usize = 500;
/// How often a validator is made and dropped.
const LIVES: usize = 100;
/// What may grow all the same: pools, arenas.
const FEW: usize = 8;
const SOME_MEMORY: usize = 32 * 1024 * 1024;

/// What to check.
#[derive(Debug)]
pub struct Plan {
    /// The library, a path or a name, with its factory where it has several.
    pub library: String,
    /// The factory.
    pub factory: Option<String>,
    /// The options.
    pub config: Map<String, Value>,
    /// Options under which whom the validator asks cannot be reached.
    pub down_config: Option<Map<String, Value>>,
    /// A token to be accepted.
    pub good: SecretString,
    /// A token to be refused.
    pub bad: SecretString,
}

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Conformance {
    /// Did every check pass that could be made?
    pub passed: bool,
    /// One for each check, in the order in which they were made.
    pub checks: Vec<CheckResult>,
}

/// The result of one check.
#[derive(Debug, Serialize)]
pub struct CheckResult {
    /// What was checked.
    pub name: &'static str,
    /// `pass`, `fail` or `skip`.
    pub result: &'static str,
    /// What was seen, or why not.
    pub detail: String,
}

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

/// A loaded library with what it takes to make validators.
struct Bench {
    library: Arc<dyn Library>,
    factory: String,
    schema: Value,
    config: SecretString,
    clock: Clock,
    spoken: Arc<Spoken>,
}

/// What the plugin wrote to the log, looked through for tokens.
#[derive(Default)]
struct Spoken {
    secrets: Mutex<Vec<String>>,
    leaked: AtomicBool,
}

impl Spoken {
    fn hear(&self, text: &str) {
        if self
            .secrets
            .lock()
            .iter()
            .any(|secret| text.contains(secret.as_str()))
        {
            self.leaked.store(true, Ordering::Relaxed);
        }
    }
}

fn prepare(settings: &Settings, plan: &Plan, report: &mut Report) -> Option<Bench> {
    let mut file = None;
    let checked = resolve(&settings.directories, &plan.library)
        .map_err(|error| error.to_string())
        .and_then(|found| check::check(&found, None).map_err(|error| error.to_string()))
        .map(|checked| {
            let detail = format!("sha256 {}", checked.sha256);
            file = Some(checked);
            detail
        });
    report.add("the file is trusted and whole", checked);
    let file = file?;
    let mut library = None;
    let loaded = load::load(&file)
        .map_err(|error| error.to_string())
        .map(|loaded| {
            let detail = format!("plugin API {}", loaded.rung());
            library = Some(loaded);
            detail
        });
    report.add("it loads", loaded);
    let library = library?;
    let mut factories = Vec::new();
    let described = library
        .info()
        .and_then(|_| library.factories())
        .map_err(|bad| bad.to_string())
        .map(|list| {
            factories = list;
            let names: Vec<_> = factories.iter().map(|one| one.name.clone()).collect();
            names.join(", ")
        });
    report.add("it describes itself", described);
    let mut chosen = factories.into_iter().filter(|one| {
        plan.factory
            .as_ref()
            .is_none_or(|wanted| *wanted == one.name)
    });
    let Some(factory) = chosen.next() else {
        report.add(
            "the factory is there",
            Err("there is no such factory".to_owned()),
        );
        return None;
    };
    let mut config = None;
    let assembled = options::assemble(&factory.schema, plan.config.clone(), &settings.options)
        .map_err(|error| error.to_string())
        .map(|assembled| {
            config = Some(assembled.json);
            format!("{} options are set", assembled.origins.len())
        });
    report.add("the options fit its schema", assembled);
    let spoken = Arc::new(Spoken::default());
    let ear = Arc::clone(&spoken);
    hostlog::redirect(Level::TRACE, move |record| {
        ear.hear(record.message);
        ear.hear(record.fields);
    });
    Some(Bench {
        library,
        factory: factory.name,
        schema: factory.schema,
        config: config?,
        clock: settings.clock.clone(),
        spoken,
    })
}

impl Bench {
    async fn create_with(
        &self,
        id: &'static str,
        config: SecretString,
    ) -> Result<Arc<dyn Instance>, Failure> {
        let (library, factory) = (Arc::clone(&self.library), self.factory.clone());
        let made = tokio::task::spawn_blocking(move || library.create(id, &factory, &config));
        match tokio::time::timeout(Duration::from_secs(30), made).await {
            Ok(Ok(made)) => made,
            Ok(Err(_)) => Err(Failure::new(FailureKind::Panicked, "`create` panicked")),
            Err(_) => Err(Failure::new(FailureKind::Internal, "`create` hangs")),
        }
    }

    async fn create(&self, id: &'static str) -> Result<Arc<dyn Instance>, String> {
        self.create_with(id, self.config.clone())
            .await
            .map_err(|failure| failure.to_string())
    }

    /// Asks as the server does, and looks for the token in what comes back.
    async fn ask(&self, instance: &Arc<dyn Instance>, token: &SecretString) -> Ruling {
        let question = question(token, ANSWER_LIMIT);
        let started = Instant::now();
        let answer = match instance.try_validate(&question) {
            Some(answer) => {
                if started.elapsed() > QUICK {
                    return Ruling::unavailable(
                        "blocked",
                        answer::RETRY_AFTER,
                        "`try_validate` blocks",
                    );
                }
                answer
            }
            None => match tokio::time::timeout(ANSWER_LIMIT, instance.validate(question)).await {
                Ok(answer) => answer,
                Err(_) => {
                    return Ruling::unavailable("timeout", answer::RETRY_AFTER, "no answer");
                }
            },
        };
        match &answer {
            Answer::Accepted(accepted) => self.spoken.hear(&accepted.claims_json),
            Answer::Failed(failure) => self.spoken.hear(&failure.log_detail),
            Answer::Nonsense(_) => {}
        }
        let context = answer::Context {
            validator: &self.factory,
            digest: TokenDigest::of(token.expose_secret()),
            now: self.clock.now(),
        };
        answer::rule(answer, context)
    }
}

fn question(token: &SecretString, deadline: Duration) -> Question {
    Question {
        token: Arc::new(token.clone()),
        request_id: Arc::from("plugins-check"),
        deadline,
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
        "it is well",
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
        "cancelled calls are let go",
        cancel(bench, &instance, plan).await,
    );
    if is_good {
        report.add(
            "64 at once are not mixed up",
            at_once(bench, &instance, plan).await,
        );
        report.add("two validators are independent", two(bench, plan).await);
        report.add(
            "nothing grows over many calls",
            many_calls(bench, &instance, plan).await,
        );
    } else {
        report.skip(
            "64 at once are not mixed up",
            "the good token is not accepted",
        );
        report.skip(
            "two validators are independent",
            "the good token is not accepted",
        );
        report.skip(
            "nothing grows over many calls",
            "the good token is not accepted",
        );
    }
    report.add("nothing is left of 100 lives", lives(bench).await);
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
        "no token is spoken of",
        if bench.spoken.leaked.load(Ordering::Relaxed) {
            Err("a token was in a log record, a detail or the claims".to_owned())
        } else {
            Ok(String::new())
        },
    );
}

fn accepted(ruling: &Ruling) -> Checked {
    match &ruling.decision {
        Decision::Accepted(principal, _) => Ok(format!("subject {}", principal.subject)),
        _ => Err(format!("{}: {}", ruling.outcome, ruling.detail)),
    }
}

fn refused(ruling: &Ruling) -> Checked {
    match &ruling.decision {
        Decision::NotMine | Decision::Rejected => Ok(ruling.outcome.to_owned()),
        _ => Err(format!("{}: {}", ruling.outcome, ruling.detail)),
    }
}

fn odd_tokens(canary: &str) -> Vec<(&'static str, String)> {
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
        ("a JWT of nothing is refused", "..".to_owned()),
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

async fn cancel(bench: &Bench, instance: &Arc<dyn Instance>, plan: &Plan) -> Checked {
    for _ in 0..100 {
        let call = instance.validate(question(&plan.good, Duration::from_millis(50)));
        // Polled once at most, then dropped.
        let _ = tokio::time::timeout(Duration::ZERO, call).await;
    }
    let ruling = bench.ask(instance, &plan.bad).await;
    refused(&ruling).map(|_| "it goes on answering".to_owned())
}

async fn at_once(bench: &Bench, instance: &Arc<dyn Instance>, plan: &Plan) -> Checked {
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

async fn two(bench: &Bench, plan: &Plan) -> Checked {
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

async fn many_calls(bench: &Bench, instance: &Arc<dyn Instance>, plan: &Plan) -> Checked {
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

async fn lives(bench: &Bench) -> Checked {
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

async fn down(bench: &Bench, plan: &Plan, config: &Map<String, Value>) -> Checked {
    let config = options::assemble(&bench.schema, config.clone(), &OptionSources::default())
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
            outcome: "unavailable",
            ..
        } => Ok(String::new()),
        other => Err(format!(
            "expected unavailable, found {}: {}",
            other.outcome, other.detail
        )),
    }
}

/// What this process holds.
struct Usage {
    files: usize,
    threads: usize,
    memory: usize,
}

impl Usage {
    fn now() -> Self {
        let entries = |dir: &str| fs::read_dir(Path::new(dir)).map_or(0, Iterator::count);
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages: usize = statm
            .split_whitespace()
            .nth(1)
            .and_then(|pages| pages.parse().ok())
            .unwrap_or(0);
        Self {
            files: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
            memory: pages * rustix::param::page_size(),
        }
    }

    fn compare(&self, now: &Self) -> Result<(), String> {
        if now.files > self.files + FEW {
            return Err(format!(
                "open files grew from {} to {}",
                self.files, now.files
            ));
        }
        if now.threads > self.threads + FEW {
            return Err(format!(
                "threads grew from {} to {}",
                self.threads, now.threads
            ));
        }
        if now.memory > self.memory + SOME_MEMORY {
            return Err(format!(
                "memory grew from {} to {} bytes",
                self.memory, now.memory
            ));
        }
        Ok(())
    }
}

//! The bench: one library, loaded and described, and the way to call it.
//!
//! Asks as the server does, measures `try_validate`, and lets the listener hear every answer.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use foundation::{clock::Clock, identity::TokenDigest};
use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tracing::Level;

use super::{
    Plan,
    listener::Listener,
    report::{Progress, Report, Seen},
    secrets,
    stalls::Stalls,
};
use crate::{
    OptionSources, Settings,
    boundary::{
        Answer, Factory, Failure, FailureKind, Instance, Library, Question, Queue, load,
        plugin_log, redact, sealed::SealedLibrary,
    },
    library::check,
    options::{
        assemble::{assemble, is_secret},
        schema::Schema,
    },
    serving::ruling::{self, Decision, Outcome, Ruling},
    tools::{
        confine::{Ground, Known},
        describe::Undescribed,
        resolve,
    },
};

/// Time limit for one answer.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Time limit for making a validator.
const CREATE_LIMIT: Duration = Duration::from_secs(30);
/// The detail of an identity that the host refuses because its time is over.
pub(super) const IS_OVER: &str = "an identity that has expired";
/// The number of calls that are under way together when many tokens are asked about.
const TOGETHER: usize = 32;

/// A loaded library with everything needed to make validators.
pub(super) struct Bench {
    library: Arc<dyn Library>,
    factory: String,
    schema: Value,
    config: SecretString,
    down: Option<Result<SecretString, String>>,
    clock: Clock,
    pub(super) listener: Arc<Listener>,
    pub(super) progress: Progress,
    pub(super) stalls: Stalls,
    /// The time that the first validator took to make.
    first_made: OnceLock<Duration>,
}

/// An answer and the time that it took.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ruling: Ruling,
    pub(super) took: Duration,
}

/// Everything that comes before the first validator; `None`: the report holds the reason.
pub(super) fn prepare(
    settings: &Settings,
    plan: &Plan,
    Ground(ground): Ground,
    progress: &Progress,
    report: &Report,
) -> Option<Bench> {
    let (library, factory, known) = open(settings, plan, ground, report)?;
    let mut needs = None;
    report.step("its needs are valid", || {
        needs = Some(known.needs?);
        Ok(needs.clone().unwrap_or_default())
    });
    needs?;
    let mut config = None;
    report.step("the options fit its schema", || {
        let made = known.options?;
        config = Some(made.json);
        Ok(format!("{} options are set", made.origins.len()))
    });
    let unmarked = secrets::unmarked(&factory.schema);
    if !unmarked.is_empty() {
        report.add(
            "its secrets are marked",
            Ok(Seen::Odd(format!(
                "{} is named like a secret and has no `x-secret`: the log and errors may show it",
                unmarked.join(", ")
            ))),
        );
    }
    let listener = Arc::new(Listener::default());
    let ear = Arc::clone(&listener);
    plugin_log::redirect_all(Level::TRACE, move |record| {
        let place = format!(
            "a log record of level {}, target {}",
            record.level,
            redact::for_log(record.target)
        );
        for text in [
            record.message,
            record.fields,
            record.target,
            record.plugin,
            record.request_id,
        ] {
            ear.hear(&place, text);
        }
    });
    let bench = Bench {
        library,
        factory: factory.name,
        schema: factory.schema,
        config: config?,
        down: known.down,
        clock: settings.clock.clone(),
        listener,
        progress: progress.clone(),
        stalls: Stalls::default(),
        first_made: OnceLock::new(),
    };
    bench.keep_secrets(&bench.options(&bench.config));
    if let Some(Ok(down)) = &bench.down {
        bench.keep_secrets(&bench.options(down));
    }
    Some(bench)
}

/// Checks and loads the library, and finds the factory in it.
fn open(
    settings: &Settings,
    plan: &Plan,
    ground: Result<Known, Undescribed>,
    report: &Report,
) -> Option<(Arc<dyn Library>, Factory, Known)> {
    let (mut file, mut library, mut factory, mut known) = (None, None, None, None);
    report.step("the file is trusted and whole", || {
        let found = resolve(&settings.directories, &plan.library).map_err(|e| e.to_string())?;
        let checked = check::check(&found, None).map_err(|e| e.to_string())?;
        let digest = checked.sha256;
        file = Some(checked);
        Ok(format!("sha256 {digest}"))
    });
    let file = file?;
    report.step("it loads", || {
        if let Err(hangs @ Undescribed::Hangs(_)) = &ground {
            return Err(hangs.to_string());
        }
        let file = SealedLibrary::of(&file).map_err(|error| error.to_string())?;
        let loaded = load::load(&file).map_err(|error| error.to_string())?;
        let version = loaded.abi_version();
        library = Some(loaded);
        Ok(format!("plugin API {version}"))
    });
    let library = library?;
    report.step("it describes itself", || {
        let described = library.info().and_then(|_| library.factories());
        let factories = described.map_err(|bad| bad.to_string())?;
        let names: Vec<_> = factories.iter().map(|one| one.name.clone()).collect();
        let described = ground.map_err(|reason| reason.to_string())?;
        let chosen = described.factory.clone()?;
        factory = factories.into_iter().find(|one| one.name == chosen);
        if factory.is_none() {
            return Err("it does not describe itself in the same way twice".to_owned());
        }
        known = Some(described);
        Ok(names.join(", "))
    });
    Some((library, factory?, known?))
}

impl Bench {
    /// True for a library of the C header, which may go on after a call was cancelled.
    pub(super) fn in_c(&self) -> bool {
        self.library.abi_version().starts_with('C')
    }

    fn options(&self, config: &SecretString) -> Map<String, Value> {
        serde_json::from_str(config.expose_secret()).unwrap_or_default()
    }

    /// Listens for a token.
    pub(super) fn keep(&self, label: &str, token: &str) {
        self.progress.secret(token);
        self.listener.keep_token(label, token);
    }

    /// The names of the options that are marked secret.
    fn secret_names(&self) -> Vec<String> {
        let view = Schema::new(&self.schema);
        let properties = view.properties().into_iter();
        properties
            .filter(|(_, property)| is_secret(view, property))
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// Listens for the values of the options that are marked secret.
    fn keep_secrets(&self, options: &Map<String, Value>) {
        for name in self.secret_names() {
            if let Some(value) = options.get(&name) {
                let label = format!("the value of option `{name}`");
                each_text(value, &mut |text| {
                    self.progress.secret(text);
                    self.listener.keep(&label, text);
                });
            }
        }
    }

    /// The options in force, with other secrets; `None` if none of them is a secret text.
    pub(super) fn with_other_secrets(&self) -> Option<SecretString> {
        let mut options = self.options(&self.config);
        let mut changed = false;
        for name in self.secret_names() {
            if let Some(Value::String(text)) = options.get_mut(&name) {
                let made = format!("{:032x}", rand::random::<u128>()).repeat(text.len() / 32 + 1);
                *text = made.chars().take(text.len().max(12)).collect();
                changed = true;
            }
        }
        self.keep_secrets(&options);
        changed.then(|| SecretString::from(Value::Object(options).to_string()))
    }

    /// The options in force, each time with another one that is nonsense.
    pub(super) fn with_wrong_options(&self) -> Vec<(String, SecretString)> {
        let options = self.options(&self.config);
        let secret = self.secret_names();
        let view = Schema::new(&self.schema);
        let texts = view.properties().into_iter().filter(|(name, property)| {
            let text = view.type_name(property).contains("string");
            text && view.choices(property).is_empty() && !secret.iter().any(|known| known == name)
        });
        texts
            .filter_map(|(name, _)| {
                let mut options = options.clone();
                options.insert(name.to_owned(), "nonsense \u{fc}%s".into());
                // The host refuses whatever does not fit the schema.
                Some((name.to_owned(), self.assemble(&options).ok()?))
            })
            .collect()
    }

    /// The options with which it cannot reach its provider.
    pub(super) fn down_options(&self) -> Result<SecretString, String> {
        match &self.down {
            Some(down) => down.clone(),
            None => Err("there are no such options".to_owned()),
        }
    }

    /// Other options, checked against the schema.
    fn assemble(&self, options: &Map<String, Value>) -> Result<SecretString, String> {
        let none = OptionSources::default();
        let made = assemble(&self.schema, options.clone(), &none).map_err(|e| e.to_string())?;
        self.keep_secrets(&self.options(&made.json));
        Ok(made.json)
    }

    pub(super) async fn create_with(
        &self,
        id: &'static str,
        config: SecretString,
    ) -> Result<Arc<dyn Instance>, Failure> {
        let (library, factory) = (Arc::clone(&self.library), self.factory.clone());
        self.progress.goes();
        let started = Instant::now();
        let made = tokio::task::spawn_blocking(move || library.create(id, &factory, &config));
        let made = match tokio::time::timeout(CREATE_LIMIT, made).await {
            Ok(Ok(made)) => made,
            Ok(Err(_)) => Err(Failure::new(FailureKind::Panicked, "`create` panicked")),
            Err(_) => Err(Failure::new(FailureKind::Internal, "`create` hangs")),
        };
        // Whoever tries again keeps the first time.
        let _ = self.first_made.set(started.elapsed());
        self.progress.goes();
        made.inspect_err(|failure| self.listener.hear_failure(failure))
    }

    /// The time that the first validator took to make.
    pub(super) fn time_to_make(&self) -> Duration {
        self.first_made.get().copied().unwrap_or_default()
    }

    pub(super) async fn create(&self, id: &'static str) -> Result<Arc<dyn Instance>, String> {
        self.create_with(id, self.config.clone())
            .await
            .map_err(|failure| failure.to_string())
    }

    /// Asks as the server does.
    pub(super) async fn ask(&self, instance: &Arc<dyn Instance>, token: &SecretString) -> Ruling {
        self.ask_within(instance, token, ANSWER_LIMIT).await.ruling
    }

    /// Asks with a deadline, and waits for [`ANSWER_LIMIT`] all the same.
    pub(super) async fn ask_within(
        &self,
        instance: &Arc<dyn Instance>,
        token: &SecretString,
        deadline: Duration,
    ) -> Asked {
        let started = Instant::now();
        let question = question(token, deadline);
        let ruling = match self.stalls.watch(|| instance.try_validate(&question)) {
            Some(answer) => self.judge(answer, token),
            None => self.waited(instance, question).await,
        };
        Asked {
            ruling,
            took: started.elapsed(),
        }
    }

    async fn waited(&self, instance: &Arc<dyn Instance>, question: Question) -> Ruling {
        let token = Arc::clone(&question.token);
        match tokio::time::timeout(ANSWER_LIMIT, instance.validate(question)).await {
            Ok(answer) => self.judge(answer, &token),
            Err(_) => {
                Ruling::unavailable(Outcome::TimedOut, ruling::RETRY_AFTER, "no answer at all")
            }
        }
    }

    /// Asks about many tokens, several at once where the validator waits. Ends early when the time
    /// is up, and after an answer for which `enough` holds.
    pub(super) async fn ask_all(
        &self,
        instance: &Arc<dyn Instance>,
        tokens: impl Iterator<Item = (String, SecretString)>,
        time: Duration,
        mut enough: impl FnMut(&str, &Ruling) -> bool,
    ) -> usize {
        let end = Instant::now() + time;
        let mut tokens = tokens.peekable();
        let mut asked = 0;
        while tokens.peek().is_some() && Instant::now() < end {
            let mut waiting = Vec::new();
            for (what, token) in tokens.by_ref().take(TOGETHER) {
                self.progress.at(what.as_str());
                let question = question(&token, ANSWER_LIMIT);
                asked += 1;
                match self.stalls.watch(|| instance.try_validate(&question)) {
                    Some(answer) => {
                        if enough(&what, &self.judge(answer, &token)) {
                            return asked;
                        }
                    }
                    None => waiting.push((what, question)),
                }
                if Instant::now() > end {
                    break;
                }
            }
            let waiting = waiting.into_iter().map(|(what, question)| async move {
                let ruling = self.waited(instance, question).await;
                (what, ruling)
            });
            for (what, ruling) in join_all(waiting).await {
                if enough(&what, &ruling) {
                    return asked;
                }
            }
        }
        asked
    }

    /// Hears an answer and turns it into a ruling.
    pub(super) fn judge(&self, answer: Answer, token: &SecretString) -> Ruling {
        let now = self.clock.now();
        match &answer {
            Answer::Accepted(accepted) => {
                let token = token.expose_secret();
                self.listener.hear_identity(accepted, token);
                if let Some(resolved) = &accepted.resolved_token {
                    let resolved = resolved.expose_secret();
                    self.listener.keep_token("a token for DataHub", resolved);
                }
            }
            Answer::Failed(failure) => self.listener.hear_failure(failure),
            Answer::Nonsense(_) => {}
        }
        if is_over(&answer, now) {
            // The answer of the host, not of the validator.
            return Ruling {
                decision: Decision::Rejected,
                outcome: Outcome::Failed(FailureKind::Rejected),
                detail: IS_OVER.to_owned(),
                extensions: String::new(),
            };
        }
        let context = ruling::Context {
            validator: &self.factory,
            digest: TokenDigest::of(token.expose_secret()),
            now,
        };
        ruling::rule(answer, context)
    }
}

/// True for an identity that ended before the answer came, within the validator's leeway: the host
/// lets nobody in with it.
fn is_over(answer: &Answer, now: SystemTime) -> bool {
    let Answer::Accepted(accepted) = answer else {
        return false;
    };
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    accepted.expires_at.is_some_and(|end| end <= now.as_secs())
}

/// Calls `told` with each text of an option's value.
fn each_text(value: &Value, told: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => told(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, told)),
        Value::Object(members) => members.values().for_each(|item| each_text(item, told)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

pub(super) fn question(token: &SecretString, deadline: Duration) -> Question {
    Question {
        token: Arc::new(token.clone()),
        request_id: Arc::from("plugins-check"),
        deadline,
        queue: Queue::default(),
    }
}

//! The bench: one library, loaded and described, and the way to call it.
//!
//! Asks as the server does, measures `try_validate`, and lets the listener hear every answer.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use foundation::{clock::Clock, identity::TokenDigest};
use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::{
    budget::{Budget, Shutdown, TIME_IS_UP},
    listener::Listener,
    report::{Checked, Progress, Seen},
    stalls::Stalls,
};
use crate::{
    OptionSources,
    boundary::{Answer, Failure, FailureKind, Instance, Library, Question, Queue},
    options::{
        assemble::{assemble, is_secret},
        schema::Schema,
    },
    serving::ruling::{self, Decision, Outcome, Ruling},
};

/// Time limit for making a validator.
const CREATE_LIMIT: Duration = Duration::from_secs(30);
/// The detail of an identity that the host refuses because its time is over.
pub(super) const IS_OVER: &str = "an identity that has expired";
/// The number of calls that are under way together when many tokens are asked about.
const TOGETHER: usize = 32;

/// A loaded library with everything needed to make validators.
pub(super) struct Bench {
    pub(super) library: Arc<dyn Library>,
    pub(super) factory: String,
    pub(super) schema: Value,
    pub(super) config: SecretString,
    pub(super) down: Option<Result<SecretString, String>>,
    pub(super) clock: Clock,
    pub(super) listener: Arc<Listener>,
    pub(super) progress: Progress,
    pub(super) stalls: Stalls,
    pub(super) budget: Arc<Budget>,
}

/// An answer and the time that it took.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ruling: Ruling,
    pub(super) took: Duration,
}

impl Bench {
    /// True for a library of the C header, which may go on after a call was cancelled.
    pub(super) fn in_c(&self) -> bool {
        self.library.abi_version().starts_with('C')
    }

    pub(super) fn options(&self, config: &SecretString) -> Map<String, Value> {
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
    pub(super) fn keep_secrets(&self, options: &Map<String, Value>) {
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
        self.progress.makes(true);
        let making = self.budget.make();
        let made = tokio::task::spawn_blocking(move || library.create(id, &factory, &config));
        let made = match tokio::time::timeout(CREATE_LIMIT, made).await {
            Ok(Ok(made)) => made,
            Ok(Err(_)) => Err(Failure::new(FailureKind::Panicked, "`create` panicked")),
            Err(_) => Err(Failure::new(FailureKind::Internal, "`create` hangs")),
        };
        drop(making);
        self.progress.makes(false);
        made.inspect_err(|failure| self.listener.hear_failure(failure))
    }

    pub(super) async fn create(&self, id: &'static str) -> Result<Arc<dyn Instance>, String> {
        self.create_with(id, self.config.clone())
            .await
            .map_err(|failure| failure.to_string())
    }

    /// Lets a validator shut down.
    pub(super) async fn shutdown(&self, instance: &Arc<dyn Instance>) -> Checked {
        match self.budget.shutdown(instance.shutdown()).await {
            Shutdown::Ended => Ok(Seen::fine()),
            Shutdown::Hangs => Err("`shutdown` hangs".to_owned()),
            Shutdown::Unknown(limit) => {
                Seen::not_checked(&format!("no end within {limit:.1?}, {TIME_IS_UP}"))
            }
        }
    }

    /// Asks as the server does.
    pub(super) async fn ask(&self, instance: &Arc<dyn Instance>, token: &SecretString) -> Ruling {
        self.ask_within(instance, token, self.budget.patience())
            .await
            .ruling
    }

    /// Asks with a deadline, and waits for an answer as long as for any other.
    pub(super) async fn ask_within(
        &self,
        instance: &Arc<dyn Instance>,
        token: &SecretString,
        deadline: Duration,
    ) -> Asked {
        let limit = self.budget.patience().max(deadline);
        self.ask_for(instance, question(token, deadline), limit)
            .await
    }

    /// Asks, and waits for an answer for `limit`.
    pub(super) async fn ask_for(
        &self,
        instance: &Arc<dyn Instance>,
        question: Question,
        limit: Duration,
    ) -> Asked {
        let started = Instant::now();
        let ruling = match self.stalls.watch(|| instance.try_validate(&question)) {
            Some(answer) => self.judge(answer, &question.token),
            None => self.waited(instance, question, limit).await,
        };
        let took = started.elapsed();
        if ruling.outcome != Outcome::TimedOut {
            self.budget.answered(took);
        }
        Asked { ruling, took }
    }

    async fn waited(
        &self,
        instance: &Arc<dyn Instance>,
        question: Question,
        limit: Duration,
    ) -> Ruling {
        let token = Arc::clone(&question.token);
        match tokio::time::timeout(limit, instance.validate(question)).await {
            Ok(answer) => self.judge(answer, &token),
            Err(_) => {
                let detail = format!("no answer within {limit:.1?}");
                Ruling::unavailable(Outcome::TimedOut, ruling::RETRY_AFTER, detail)
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
        let end = Instant::now() + time.min(self.budget.left());
        let mut tokens = tokens.peekable();
        let (mut asked, patience) = (0, self.budget.patience());
        while tokens.peek().is_some() && Instant::now() < end {
            let mut waiting = Vec::new();
            for (what, token) in tokens.by_ref().take(TOGETHER) {
                self.progress.at(what.as_str());
                let question = question(&token, patience);
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
                let ruling = self.waited(instance, question, patience).await;
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

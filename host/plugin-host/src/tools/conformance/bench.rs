//! The bench: one library, loaded and described, and the way to call it.
//!
//! Searches the plugin's log and its answers for tokens.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use foundation::{clock::Clock, identity::TokenDigest};
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tracing::Level;

use super::{Plan, Report};
use crate::{
    Settings,
    boundary::{Answer, Failure, FailureKind, Instance, Library, Question, load, plugin_log},
    library::check,
    options::assemble,
    serving::ruling::{self, Outcome, Ruling},
    tools::resolve,
};

/// Time limit for one answer.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// A `try_validate` that takes longer is assumed to block.
const QUICK: Duration = Duration::from_millis(500);

/// A loaded library with everything needed to make validators.
pub(super) struct Bench {
    library: Arc<dyn Library>,
    factory: String,
    pub(super) schema: Value,
    config: SecretString,
    clock: Clock,
    pub(super) spoken: Arc<Spoken>,
}

/// The plugin's log records, searched for tokens.
#[derive(Default)]
pub(super) struct Spoken {
    pub(super) secrets: Mutex<Vec<String>>,
    pub(super) leaked: AtomicBool,
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

/// Everything that comes before the first validator; `None`: the report holds the reason.
pub(super) fn prepare(settings: &Settings, plan: &Plan, report: &mut Report) -> Option<Bench> {
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
            let detail = format!("plugin API {}", loaded.abi_version());
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
    let assembled = assemble::assemble(&factory.schema, plan.config.clone(), &settings.options)
        .map_err(|error| error.to_string())
        .map(|assembled| {
            config = Some(assembled.json);
            format!("{} options are set", assembled.origins.len())
        });
    report.add("the options fit its schema", assembled);
    let spoken = Arc::new(Spoken::default());
    let ear = Arc::clone(&spoken);
    plugin_log::redirect(Level::TRACE, move |record| {
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
    pub(super) async fn create_with(
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

    pub(super) async fn create(&self, id: &'static str) -> Result<Arc<dyn Instance>, String> {
        self.create_with(id, self.config.clone())
            .await
            .map_err(|failure| failure.to_string())
    }

    /// Asks as the server does, and searches the answer for the token.
    pub(super) async fn ask(&self, instance: &Arc<dyn Instance>, token: &SecretString) -> Ruling {
        let question = question(token, ANSWER_LIMIT);
        let started = Instant::now();
        let answer = match instance.try_validate(&question) {
            Some(answer) => {
                if started.elapsed() > QUICK {
                    return Ruling::unavailable(
                        Outcome::Blocked,
                        ruling::RETRY_AFTER,
                        "`try_validate` blocks",
                    );
                }
                answer
            }
            None => match tokio::time::timeout(ANSWER_LIMIT, instance.validate(question)).await {
                Ok(answer) => answer,
                Err(_) => {
                    return Ruling::unavailable(
                        Outcome::TimedOut,
                        ruling::RETRY_AFTER,
                        "no answer",
                    );
                }
            },
        };
        match &answer {
            Answer::Accepted(accepted) => self.spoken.hear(&accepted.claims_json),
            Answer::Failed(failure) => self.spoken.hear(&failure.log_detail),
            Answer::Nonsense(_) => {}
        }
        let context = ruling::Context {
            validator: &self.factory,
            digest: TokenDigest::of(token.expose_secret()),
            now: self.clock.now(),
        };
        ruling::rule(answer, context)
    }
}

pub(super) fn question(token: &SecretString, deadline: Duration) -> Question {
    Question {
        token: Arc::new(token.clone()),
        request_id: Arc::from("plugins-check"),
        deadline,
    }
}

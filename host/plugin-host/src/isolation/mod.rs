//! Isolation: a validator in a process of its own. A crash of the plugin costs the requests in
//! flight a 503 and a moment until the process is restarted; the server keeps running.
//!
//! One thread for each validator reads from its process, and restarts it after it has died.

pub(crate) mod child;
mod process;
mod wire;

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use self::{
    process::Process,
    wire::{FromChild, ToChild},
};
use super::{
    boundary::{
        self, Answer, BadLibrary, Call, Factory, Failure, FailureKind, Instance, Library, Question,
        description::Description,
    },
    library::check::CheckedFile,
};

/// The pause before a process that died is restarted; doubled each time it dies.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The lifetime after which a process is restarted with the first pause again.
const LONG_LIFE: Duration = Duration::from_secs(60);
/// A process that left this many calls unanswered ...
const MAX_UNANSWERED: usize = 8;
/// ... and sent nothing for this long gets a health check: its provider may be the slow part.
const SILENCE: Duration = Duration::from_secs(10);
/// The time for that health check, after which the process is killed and restarted. Longer than our
/// validators take to check their provider: 12 s for keys and 5 s for a call.
const PATIENCE: Duration = Duration::from_secs(20);

/// The limits of a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Time to load the library and to make the validator.
    pub(super) start: Duration,
    /// Memory, in bytes.
    pub(super) memory: Option<u64>,
}

/// A library that is loaded in processes of its own only.
pub(super) struct Isolated {
    file: Arc<CheckedFile>,
    bounds: Bounds,
    abi_version: &'static str,
    description: Description,
}

impl std::fmt::Debug for Isolated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Library({}, isolated)", self.abi_version)
    }
}

/// Loads `file` in a process of its own, which reports the library's description and ends.
///
/// # Errors
/// The reason it would not load; a crash is one of them.
pub(super) fn library(file: CheckedFile, bounds: Bounds) -> Result<Arc<dyn Library>, BadLibrary> {
    let file = Arc::new(file);
    let (process, description) = Process::load(&file, bounds).map_err(BadLibrary)?;
    process.end();
    Ok(Arc::new(Isolated {
        file,
        bounds,
        abi_version: if description.api.starts_with('C') {
            "C 1, isolated"
        } else {
            "1.0, isolated"
        },
        description,
    }))
}

impl Library for Isolated {
    fn abi_version(&self) -> &'static str {
        self.abi_version
    }

    fn info(&self) -> Result<Map<String, Value>, BadLibrary> {
        Ok(self.description.info.clone())
    }

    fn factories(&self) -> Result<Vec<Factory>, BadLibrary> {
        let list = self
            .description
            .factories
            .iter()
            .map(|(name, schema)| boundary::factory(name.clone(), &schema.to_string()));
        boundary::factories(list.collect::<Result<_, _>>()?)
    }

    fn create(
        &self,
        id: &str,
        factory: &str,
        config: &SecretString,
    ) -> Result<Arc<dyn Instance>, Failure> {
        let recipe = Recipe {
            file: Arc::clone(&self.file),
            bounds: self.bounds,
            id: id.to_owned(),
            factory: factory.to_owned(),
            config: config.clone(),
        };
        let process = recipe.start()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State::Running(process.clone())),
            wake: Condvar::new(),
            calls: Mutex::default(),
            next_call: AtomicU64::new(1),
        });
        let supervisor = Arc::clone(&shared);
        let name: String = format!("keeper {id}").chars().take(32).collect();
        thread::Builder::new()
            .name(name)
            .spawn(move || supervise(&supervisor, &recipe, process))
            .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))?;
        Ok(Arc::new(Remote { shared }))
    }
}

/// Everything needed to restart the process.
struct Recipe {
    file: Arc<CheckedFile>,
    bounds: Bounds,
    id: String,
    factory: String,
    config: SecretString,
}

impl Recipe {
    fn start(&self) -> Result<Process, Failure> {
        let broken = |reason: String| Failure::new(FailureKind::Internal, reason);
        let (process, _) = Process::load(&self.file, self.bounds).map_err(broken)?;
        let message = ToChild::Create {
            id: self.id.clone(),
            factory: self.factory.clone(),
            config: Zeroizing::new(self.config.expose_secret().to_owned()),
        };
        let reply = process.send(&message).and_then(|()| {
            loop {
                // Its log records while it starts.
                match process.receive()? {
                    Some(FromChild::Log(record)) => record.write(),
                    other => break Ok(other),
                }
            }
        });
        match reply {
            Ok(Some(FromChild::Created)) => {
                process
                    .running()
                    .map_err(|error| broken(error.to_string()))?;
                Ok(process)
            }
            Ok(Some(FromChild::Refused(failure))) => {
                process.end();
                Err(failure.into())
            }
            Ok(Some(_)) => {
                process.end();
                Err(broken("its process answers out of order".to_owned()))
            }
            Ok(None) | Err(_) => Err(broken(format!("its process {}", process.end()))),
        }
    }
}

#[derive(Debug)]
enum State {
    Running(Process),
    /// Died; restarted at this time.
    Down {
        until: Instant,
    },
    Stopped,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    calls: Mutex<Calls>,
    next_call: AtomicU64,
}

struct Calls {
    waiting: HashMap<u64, oneshot::Sender<FromChild>>,
    /// Calls that were given up since the process last answered one.
    unanswered: usize,
    answered: Instant,
    /// The time of the health check since then, if there was one.
    asked: Option<Instant>,
}

/// The assessment of a process that did not answer a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// Too short to act on.
    Short,
    /// Long enough for a health check.
    Suspicious,
    /// It hangs.
    Dead,
}

impl Calls {
    fn answer(&mut self, call: u64) -> Option<oneshot::Sender<FromChild>> {
        self.unanswered = 0;
        self.answered = Instant::now();
        self.asked = None;
        self.waiting.remove(&call)
    }

    fn give_up(&mut self, call: u64) -> Silence {
        self.waiting.remove(&call);
        self.unanswered += 1;
        if self.unanswered < MAX_UNANSWERED || self.answered.elapsed() <= SILENCE {
            return Silence::Short;
        }
        match self.asked {
            Some(asked) if asked.elapsed() > PATIENCE => Silence::Dead,
            Some(_) => Silence::Short,
            None => {
                self.asked = Some(Instant::now());
                Silence::Suspicious
            }
        }
    }
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            unanswered: 0,
            answered: Instant::now(),
            asked: None,
        }
    }
}

/// Reads from the process until it dies and restarts it, until it is not needed any more.
fn supervise(shared: &Shared, recipe: &Recipe, mut process: Process) {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        read(shared, &process);
        let how = process.end();
        // The waiting calls see the channel closed.
        shared.calls.lock().waiting.clear();
        if matches!(*shared.state.lock(), State::Stopped) {
            return;
        }
        if started.elapsed() > LONG_LIFE {
            pause = FIRST_PAUSE;
        }
        tracing::error!(
            validator = %recipe.id, how, pause_ms = pause.as_millis(),
            "the process of a validator died; restarting it"
        );
        loop {
            if !wait(shared, pause) {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            let validator = recipe.id.clone();
            metrics::counter!("datahub_mcp_plugin_process_restarts_total", "validator" => validator)
                .increment(1);
            match recipe.start() {
                Ok(new) => {
                    let mut state = shared.state.lock();
                    if matches!(*state, State::Stopped) {
                        new.end();
                        return;
                    }
                    *shared.calls.lock() = Calls::default();
                    *state = State::Running(new.clone());
                    process = new;
                    break;
                }
                Err(failure) => {
                    tracing::error!(
                        validator = %recipe.id, %failure, pause_ms = pause.as_millis(),
                        "the process of a validator does not start"
                    );
                }
            }
        }
    }
}

/// Sleeps; false: the validator is not needed any more.
fn wait(shared: &Shared, pause: Duration) -> bool {
    let until = Instant::now() + pause;
    let mut state = shared.state.lock();
    if matches!(*state, State::Stopped) {
        return false;
    }
    *state = State::Down { until };
    while Instant::now() < until {
        shared.wake.wait_until(&mut state, until);
        if matches!(*state, State::Stopped) {
            return false;
        }
    }
    true
}

fn read(shared: &Shared, process: &Process) {
    while let Ok(Some(message)) = process.receive() {
        match message {
            FromChild::Log(record) => record.write(),
            FromChild::Answer { call, .. }
            | FromChild::Health { call, .. }
            | FromChild::ShutDown { call } => {
                let waiting = shared.calls.lock().answer(call);
                if let Some(waiting) = waiting {
                    // The caller may have been dropped in this moment.
                    let _ = waiting.send(message);
                }
            }
            FromChild::Loaded(_)
            | FromChild::Unloadable(_)
            | FromChild::Created
            | FromChild::Refused(_) => return,
        }
    }
}

/// A validator in another process.
struct Remote {
    shared: Arc<Shared>,
}

impl Remote {
    /// Sends a message about a new call; the answer comes through the channel.
    fn call(&self, message: impl FnOnce(u64) -> ToChild) -> Result<Waiting, Failure> {
        let process = match &*self.shared.state.lock() {
            State::Running(process) => process.clone(),
            State::Down { until } => {
                let mut failure = died();
                failure.retry_after = Some(until.saturating_duration_since(Instant::now()));
                return Err(failure);
            }
            State::Stopped => return Err(Failure::new(FailureKind::Internal, "it is shut down")),
        };
        let id = self.shared.next_call.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.shared.calls.lock().waiting.insert(id, sender);
        let waiting = Waiting {
            shared: Arc::clone(&self.shared),
            process,
            id,
            receiver,
            done: false,
        };
        waiting.process.send(&message(id)).map_err(|_| died())?;
        Ok(waiting)
    }
}

fn died() -> Failure {
    let mut failure = Failure::new(FailureKind::Unavailable, "its process died");
    failure.retry_after = Some(Duration::from_secs(1));
    failure
}

impl Drop for Remote {
    fn drop(&mut self) {
        let before = std::mem::replace(&mut *self.shared.state.lock(), State::Stopped);
        self.shared.wake.notify_all();
        if let State::Running(process) = before {
            process.kill();
        }
    }
}

impl Instance for Remote {
    fn try_validate(&self, _: &Question) -> Option<Answer> {
        None
    }

    fn validate(&self, question: Question) -> Call<Answer> {
        let waiting = self.call(|call| ToChild::Ask {
            call,
            token: Zeroizing::new(question.token.expose_secret().to_owned()),
            request_id: question.request_id.to_string(),
            deadline_ms: u64::try_from(question.deadline.as_millis()).unwrap_or(u64::MAX),
        });
        Box::pin(async move {
            match waiting {
                Ok(waiting) => match waiting.await {
                    Some(FromChild::Answer { answer, .. }) => answer.into(),
                    _ => Answer::Failed(died()),
                },
                Err(failure) => Answer::Failed(failure),
            }
        })
    }

    fn health(&self) -> Call<Result<(), Failure>> {
        let waiting = self.call(|call| ToChild::Health { call });
        Box::pin(async move {
            match waiting?.await {
                Some(FromChild::Health { problem: None, .. }) => Ok(()),
                Some(FromChild::Health {
                    problem: Some(failure),
                    ..
                }) => Err(failure.into()),
                _ => Err(died()),
            }
        })
    }

    fn shutdown(&self) -> Call<()> {
        let waiting = self.call(|call| ToChild::Shutdown { call });
        Box::pin(async move {
            if let Ok(waiting) = waiting {
                waiting.await;
            }
        })
    }
}

/// A call in flight; it is cancelled if this is dropped before its end.
struct Waiting {
    shared: Arc<Shared>,
    process: Process,
    id: u64,
    receiver: oneshot::Receiver<FromChild>,
    done: bool,
}

impl Future for Waiting {
    type Output = Option<FromChild>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let received = Pin::new(&mut self.receiver).poll(context);
        received.map(|message| {
            self.done = true;
            message.ok()
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let silence = self.shared.calls.lock().give_up(self.id);
        if silence == Silence::Dead {
            tracing::error!("the process of a validator hangs: killing it");
            self.process.kill();
            return;
        }
        // If it has died, there is nothing to cancel.
        let _ = self.process.send(&ToChild::Cancel { call: self.id });
        if silence == Silence::Suspicious {
            // Nothing waits for this answer: its arrival is enough.
            let call = self.shared.next_call.fetch_add(1, Ordering::Relaxed);
            let _ = self.process.send(&ToChild::Health { call });
        }
    }
}

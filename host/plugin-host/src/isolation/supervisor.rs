//! The supervisor of one validator's process: a thread that reads what the process says and restarts
//! it after it died.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, atomic::AtomicU64},
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::{
    process::{Bounds, Process},
    sandbox::Policy,
    wire::{FromChild, ToChild},
};
use crate::{
    boundary::{Failure, FailureKind},
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

/// Everything needed to restart the process.
pub(super) struct Recipe {
    pub(super) file: Arc<CheckedFile>,
    pub(super) bounds: Bounds,
    pub(super) sandbox: Policy,
    pub(super) id: String,
    pub(super) factory: String,
    pub(super) config: SecretString,
}

impl Recipe {
    pub(super) fn start(&self) -> Result<Process, Failure> {
        let broken = |reason: String| Failure::new(FailureKind::Internal, reason);
        let loaded = Process::load(&self.file, self.bounds, &self.sandbox);
        let (process, _, level) = loaded.map_err(broken)?;
        level.announce(&self.id);
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
pub(super) enum State {
    Running(Process),
    /// Died; restarted at this time.
    Down {
        until: Instant,
    },
    Stopped,
}

pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) wake: Condvar,
    pub(super) calls: Mutex<Calls>,
    pub(super) next_call: AtomicU64,
}

pub(super) struct Calls {
    pub(super) waiting: HashMap<u64, oneshot::Sender<FromChild>>,
    /// Calls that were given up since the process last answered one.
    unanswered: usize,
    answered: Instant,
    /// The time of the health check since then, if there was one.
    asked: Option<Instant>,
}

/// The assessment of a process that did not answer a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
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

    pub(super) fn give_up(&mut self, call: u64) -> Silence {
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

/// Starts the thread that looks after `process`, which `recipe` made.
///
/// # Errors
/// If the system has no thread for it.
pub(super) fn start(recipe: Recipe, process: Process) -> io::Result<Arc<Shared>> {
    let shared = Arc::new(Shared {
        state: Mutex::new(State::Running(process.clone())),
        wake: Condvar::new(),
        calls: Mutex::default(),
        next_call: AtomicU64::new(1),
    });
    let supervised = Arc::clone(&shared);
    let name: String = format!("supervisor {}", recipe.id)
        .chars()
        .take(32)
        .collect();
    thread::Builder::new()
        .name(name)
        .spawn(move || supervise(&supervised, &recipe, process))?;
    Ok(shared)
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
            FromChild::Loaded { .. }
            | FromChild::Unloadable(_)
            | FromChild::Created
            | FromChild::Refused(_) => return,
        }
    }
}

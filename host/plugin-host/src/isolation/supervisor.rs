//! The supervisor of one library's process: a thread that starts it, reads what it says, watches its
//! heartbeat, and restarts it after it died.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use secrecy::SecretString;

use super::{
    calls::{Calls, Reply, Silence},
    process::{Bounds, Event, Link, Process},
    recipe::{Made, Opened, Recipe},
    sandbox::Policy,
    wire::{FromChild, ToChild},
};
use crate::boundary::{Failure, Queue, sealed::SealedLibrary};

/// The pause before a process that died is restarted; doubled each time it dies.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The lifetime after which a process is restarted with the first pause again.
const LONG_LIFE: Duration = Duration::from_secs(60);
/// The process is pinged after this time without a sign of life ...
const HEARTBEAT: Duration = Duration::from_secs(5);
/// ... and is killed this long after an unanswered ping, or after the longest call and a little if
/// that is longer: a plugin may keep all threads busy for one call.
const PATIENCE: Duration = Duration::from_secs(15);
const BEYOND_CALL: Duration = Duration::from_secs(5);
/// The interval of looks at the clock.
const TICK: Duration = Duration::from_secs(1);

pub(super) enum State {
    Running(Arc<Process>),
    /// Died; restarted at this time.
    Down {
        until: Instant,
    },
    Stopped,
}

/// What the thread and the callers share.
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    wake: Condvar,
    pub(super) calls: Mutex<Calls>,
    next_call: AtomicU64,
    made: Mutex<Vec<Made>>,
    /// Validators that are being made: the thread that the heartbeat needs is busy with them.
    making: AtomicUsize,
}

impl Shared {
    pub(super) fn number(&self) -> u64 {
        self.next_call.fetch_add(1, Ordering::Relaxed)
    }

    /// True if a process that died must be restarted. One that died before it had made all its
    /// validators is not: whoever wanted them says how it ended.
    fn is_needed(&self) -> bool {
        let mut state = self.state.lock();
        if self.making.load(Ordering::SeqCst) > 0 || self.made.lock().is_empty() {
            *state = State::Stopped;
        }
        !matches!(*state, State::Stopped)
    }
}

/// The reason a process made no validator.
pub(super) enum NotMade {
    /// The plugin refused.
    Refused(Failure),
    /// It did not get that far.
    Process(String),
}

/// The process of one library. It ends when this is dropped.
pub(super) struct Supervisor {
    pub(super) shared: Arc<Shared>,
    name: String,
    limit: Duration,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts a process that opens `file` in a sandbox with the rights of `policy`, and describes it.
    ///
    /// # Errors
    /// The reason it did not.
    pub(super) fn start(
        file: Arc<SealedLibrary>,
        bounds: Bounds,
        policy: Policy,
    ) -> Result<(Self, Opened), String> {
        let stem = file.path.file_stem().unwrap_or_default().to_string_lossy();
        let name = stem.strip_prefix("lib").unwrap_or(&stem).to_owned();
        let recipe = Recipe {
            file,
            bounds,
            policy,
            name,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(State::Down {
                until: Instant::now(),
            }),
            wake: Condvar::new(),
            calls: Mutex::default(),
            next_call: AtomicU64::new(1),
            made: Mutex::default(),
            making: AtomicUsize::new(0),
        });
        let (sender, receiver) = mpsc::sync_channel(1);
        let name = recipe.name.clone();
        let thread = {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(format!("plugin {}", recipe.name).chars().take(32).collect())
                .spawn(move || supervise(&shared, &recipe, &sender))
                .map_err(|error| format!("cannot start a thread: {error}"))?
        };
        // The thread keeps the time limit.
        let opened = receiver
            .recv()
            .unwrap_or_else(|_| Err("its supervisor ended".to_owned()))?;
        let supervisor = Self {
            shared,
            name,
            limit: bounds.start,
            thread: Some(thread),
        };
        Ok((supervisor, opened))
    }

    /// The name of the library.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes a validator and returns its number. Blocks.
    pub(super) fn make(
        &self,
        id: &str,
        factory: &str,
        config: &SecretString,
    ) -> Result<u64, NotMade> {
        let gone = || NotMade::Process("its process died".to_owned());
        let process = match &*self.shared.state.lock() {
            State::Running(process) => Arc::clone(process),
            State::Down { .. } | State::Stopped => return Err(gone()),
        };
        let made = Made {
            number: self.shared.number(),
            id: id.to_owned(),
            factory: factory.to_owned(),
            config: config.clone(),
        };
        let (sender, receiver) = mpsc::sync_channel(1);
        let (number, reply) = (made.number, Reply::Thread(sender));
        self.shared.making.fetch_add(1, Ordering::SeqCst);
        let mut calls = self.shared.calls.lock();
        calls.wait(number, reply, Queue::default());
        drop(calls);
        let reply = process
            .send(&made.message())
            .map_err(|_| mpsc::RecvTimeoutError::Disconnected)
            .and_then(|()| receiver.recv_timeout(self.limit));
        // Under this lock its thread decides whether a process that died is restarted.
        let state = self.shared.state.lock();
        self.shared.making.fetch_sub(1, Ordering::SeqCst);
        match reply {
            Ok(FromChild::Created { .. }) if !matches!(*state, State::Stopped) => {
                self.shared.made.lock().push(made);
                Ok(number)
            }
            Ok(FromChild::Created { .. }) => Err(NotMade::Process(self.last_words())),
            Ok(FromChild::Refused { failure, .. }) => Err(NotMade::Refused(failure.into())),
            Ok(_) => Err(NotMade::Process(
                "its process answers out of order".to_owned(),
            )),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(NotMade::Process(format!(
                "did not start within {} seconds; if it needs more, raise \
                 `TOKEN_VALIDATOR_START_TIMEOUT_SECS`",
                self.limit.as_secs()
            ))),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(NotMade::Process(self.last_words())),
        }
    }

    /// The end of a process that made no validator yet, in the words of its thread.
    fn last_words(&self) -> String {
        let calls = self.shared.calls.lock();
        let how = calls.end().unwrap_or("died");
        format!("its process {how}")
    }

    /// Ends the process and waits for its end.
    pub(super) fn end(mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // A panic there has been logged.
            let _ = thread.join();
        }
    }

    fn stop(&self) {
        let before = std::mem::replace(&mut *self.shared.state.lock(), State::Stopped);
        self.shared.wake.notify_all();
        if let State::Running(process) = before {
            process.kill();
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop();
    }
}

fn supervise(shared: &Shared, recipe: &Recipe, first: &mpsc::SyncSender<Result<Opened, String>>) {
    let mut link = match recipe.open() {
        Ok((link, opened)) => {
            *shared.state.lock() = State::Running(Arc::clone(link.process()));
            // If nobody waits for it, the state is set to stopped soon.
            let _ = first.send(Ok(opened));
            link
        }
        Err(reason) => {
            let _ = first.send(Err(reason));
            return;
        }
    };
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        let how = watch(shared, recipe, &mut link);
        drop(link);
        // The waiting calls see the channel closed.
        *shared.calls.lock() = Calls::ended(how.clone());
        if !shared.is_needed() {
            return;
        }
        if started.elapsed() > LONG_LIFE {
            pause = FIRST_PAUSE;
        }
        tracing::error!(
            validator = %recipe.name, path = %recipe.file.path.display(), how,
            pause_ms = pause.as_millis(),
            "the process of a validator died; restarting it"
        );
        let Some(new) = restart(shared, recipe, &mut pause) else {
            return;
        };
        link = new;
    }
}

/// Restarts the process, after a pause that doubles each time; `None`: it is not needed any more.
fn restart(shared: &Shared, recipe: &Recipe, pause: &mut Duration) -> Option<Link> {
    loop {
        if !wait(shared, *pause) {
            return None;
        }
        *pause = (*pause * 2).min(LONGEST_PAUSE);
        let validator = recipe.name.clone();
        metrics::counter!("datahub_mcp_plugin_process_restarts_total", "validator" => validator)
            .increment(1);
        match recipe.again(&shared.made.lock()) {
            Ok(link) => {
                let mut state = shared.state.lock();
                if matches!(*state, State::Stopped) {
                    return None;
                }
                *shared.calls.lock() = Calls::default();
                *state = State::Running(Arc::clone(link.process()));
                return Some(link);
            }
            Err(failure) => tracing::error!(
                validator = %recipe.name, path = %recipe.file.path.display(), failure,
                pause_ms = pause.as_millis(),
                "the process of a validator does not start"
            ),
        }
    }
}

/// Sleeps; false: the process is not needed any more.
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

/// Passes on what the process says until it has ended; kills it when it hangs.
fn watch(shared: &Shared, recipe: &Recipe, link: &mut Link) -> String {
    let patience = PATIENCE.max(recipe.bounds.deadline + BEYOND_CALL);
    let (mut heard, mut pinged) = (Instant::now(), None::<Instant>);
    loop {
        match link.next(Instant::now() + TICK) {
            Event::Ended(how) => return how,
            Event::Message(message) => {
                if pass_on(shared, message) {
                    (heard, pinged) = (Instant::now(), None);
                }
            }
            Event::Quiet => {}
        }
        if shared.making.load(Ordering::SeqCst) > 0 {
            // That has a time limit of its own.
            (heard, pinged) = (Instant::now(), None);
            continue;
        }
        let silence = shared.calls.lock().silence();
        if silence == Silence::Suspicious {
            ask(shared, link);
        }
        let hangs = pinged.is_some_and(|at| at.elapsed() > patience);
        if silence == Silence::Dead || hangs {
            tracing::error!(
                validator = %recipe.name, path = %recipe.file.path.display(),
                "the process of a validator hangs: killing it"
            );
            link.process().kill();
        } else if pinged.is_none() && heard.elapsed() > HEARTBEAT {
            pinged = Some(Instant::now());
            let _ = link.process().send(&ToChild::Ping);
        }
    }
}

/// Asks for the health of all validators. Nothing waits for the answers: that one arrives is enough.
fn ask(shared: &Shared, link: &Link) {
    for made in &*shared.made.lock() {
        let (call, validator) = (shared.number(), made.number);
        let _ = link.process().send(&ToChild::Health { call, validator });
    }
}

/// Passes a message on to who waits for it. True: a thread that runs the plugin sent it.
fn pass_on(shared: &Shared, message: FromChild) -> bool {
    match message {
        FromChild::Answer { call, .. }
        | FromChild::Health { call, .. }
        | FromChild::ShutDown { call }
        | FromChild::Created { call }
        | FromChild::Refused { call, .. } => shared.calls.lock().answer(call, message),
        FromChild::Queued { call } => {
            shared.calls.lock().queued(call, true);
            return false;
        }
        FromChild::Begun { call } => shared.calls.lock().queued(call, false),
        FromChild::Pong => {}
        FromChild::Log(_) | FromChild::Loaded { .. } | FromChild::Unloadable(_) => return false,
    }
    true
}

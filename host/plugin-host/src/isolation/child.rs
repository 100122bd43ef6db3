//! The validator's own process: loads the library that the server sends, makes one validator and
//! answers for it until the socket ends, which it does however the server ends.
//!
//! Its standard input is the socket to the server. Holds no settings and no secrets except those of
//! the one validator and the tokens that it is asked about.

use std::{
    collections::HashMap,
    fs::File,
    future::Future,
    io::{self, BufReader, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    panic::AssertUnwindSafe,
    pin::Pin,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::FutureExt;
use parking_lot::Mutex;
use rustix::process::Signal;
use secrecy::SecretString;
use tokio::{runtime::Runtime, task::AbortHandle};

use super::{
    harden, sandbox,
    wire::{self, FromChild, ToChild},
};
use crate::boundary::{
    Answer, Failure, FailureKind, Instance, Library, Question, Queue, description::Description,
    load, plugin_log, private_copy::PrivateCopy, sealed::SealedLibrary,
};

/// Threads that run the plugin's futures in this process.
const WORKERS: usize = 2;

/// Runs the process. Does not return: whatever the library started ends with it.
pub fn run() -> ExitCode {
    let status = match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Goes to the server's log. If that has ended, nobody reads it.
            let _ = writeln!(io::stderr(), "the process of a validator failed: {error}");
            ExitCode::FAILURE
        }
    };
    // An orderly exit would run the exit handlers of the library, which may never end.
    let (group, own) = (rustix::process::getpgrp(), rustix::process::getpid());
    if group == own {
        // In the sandbox there is nobody else in the group, and a signal to it is refused.
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
        let _ = rustix::process::kill_process(own, Signal::KILL);
    }
    status
}

type Out = Arc<Mutex<UnixStream>>;

fn say(out: &Out, message: &FromChild) {
    // If the server has ended, the reading side ends this process.
    let _ = wire::send(&mut *out.lock(), message);
}

fn serve() -> io::Result<()> {
    harden::end_with_the_server()?;
    sandbox::begin();
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // The plugin's standard input is empty.
    let nothing = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    let out: Out = Arc::new(Mutex::new(socket.try_clone()?));
    let Some(content) = wire::receive_file(&socket)? else {
        return Ok(());
    };
    let mut input = BufReader::new(socket);
    let Some(library) = load_library(content.into(), &mut input, &out)? else {
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    let process = Serving {
        library,
        out,
        runtime,
        validators: HashMap::new(),
        calls: Arc::default(),
        load: Arc::default(),
    };
    process.answer(&mut input)
}

fn load_library(
    content: PrivateCopy,
    input: &mut BufReader<UnixStream>,
    out: &Out,
) -> io::Result<Option<Arc<dyn Library>>> {
    let Some(ToChild::Load {
        path,
        sha256,
        symbols,
        level,
        memory,
        sandbox: mut policy,
    }) = wire::receive(input)?
    else {
        return Ok(None);
    };
    harden::child(memory)?;
    forward_logs(out, level);
    if !content.is_sealed() {
        // A file in memory needs no rule to be opened, another one does.
        policy.files.push(content.path());
    }
    let file = SealedLibrary {
        path,
        sha256,
        symbols,
        content,
    };
    let loaded = sandbox::enter(&policy).and_then(|sandbox| {
        let library = load::load(&file).map_err(|error| error.to_string())?;
        let description = Description::of(&*library).map_err(|bad| bad.to_string())?;
        Ok((
            library,
            FromChild::Loaded {
                description,
                sandbox,
            },
        ))
    });
    match loaded {
        Ok((library, message)) => {
            say(out, &message);
            Ok(Some(library))
        }
        Err(reason) => {
            say(out, &FromChild::Unloadable(reason));
            Ok(None)
        }
    }
}

/// Forwards records by level only; the server masks, limits and writes them.
fn forward_logs(out: &Out, level: u32) {
    let out = Arc::clone(out);
    plugin_log::redirect(plugin_log::level(level), move |record| {
        say(&out, &FromChild::Log(record.into()));
    });
}

/// The process once it has opened the library.
struct Serving {
    library: Arc<dyn Library>,
    out: Out,
    runtime: Runtime,
    validators: HashMap<u64, Arc<dyn Instance>>,
    calls: Arc<Mutex<HashMap<u64, AbortHandle>>>,
    load: Arc<Load>,
}

impl Serving {
    fn answer(mut self, input: &mut BufReader<UnixStream>) -> io::Result<()> {
        while let Some(message) = wire::receive::<ToChild>(input)? {
            match message {
                ToChild::Create {
                    call,
                    id,
                    factory,
                    config,
                } => self.create(call, &id, &factory, &SecretString::from(config.as_str())),
                ToChild::Ask {
                    call,
                    validator,
                    token,
                    request_id,
                    deadline_ms,
                } => {
                    let question = Question {
                        token: Arc::new(SecretString::from(token.as_str())),
                        request_id: Arc::from(request_id),
                        deadline: Duration::from_millis(deadline_ms),
                        queue: Queue::default(),
                    };
                    self.ask(call, self.validator(validator)?, question);
                }
                ToChild::Cancel { call } => {
                    if let Some(task) = self.calls.lock().remove(&call) {
                        task.abort();
                    }
                }
                ToChild::Health { call, validator } => {
                    let (instance, out) = (self.validator(validator)?, Arc::clone(&self.out));
                    self.runtime.spawn(async move {
                        let problem = instance.health().await.err().map(Into::into);
                        say(&out, &FromChild::Health { call, problem });
                    });
                }
                ToChild::Shutdown { call, validator } => {
                    let (instance, out) = (self.validator(validator)?, Arc::clone(&self.out));
                    self.runtime.spawn(async move {
                        instance.shutdown().await;
                        say(&out, &FromChild::ShutDown { call });
                    });
                }
                ToChild::Ping => {
                    let out = Arc::clone(&self.out);
                    self.runtime
                        .spawn(async move { say(&out, &FromChild::Pong) });
                }
                ToChild::Load { .. } => return Err(out_of_order()),
            }
        }
        Ok(())
    }

    fn validator(&self, number: u64) -> io::Result<Arc<dyn Instance>> {
        let found = self.validators.get(&number);
        found.map(Arc::clone).ok_or_else(out_of_order)
    }

    fn create(&mut self, call: u64, id: &str, factory: &str, config: &SecretString) {
        let reply = match self.library.create(id, factory, config) {
            Ok(instance) => {
                self.validators.insert(call, instance);
                FromChild::Created { call }
            }
            Err(failure) => FromChild::Refused {
                call,
                failure: failure.into(),
            },
        };
        say(&self.out, &reply);
    }

    fn ask(&self, call: u64, instance: Arc<dyn Instance>, question: Question) {
        let out = Arc::clone(&self.out);
        let under_way = Arc::clone(&self.calls);
        let queued = self.load.is_full();
        if queued {
            say(&out, &FromChild::Queued { call });
        }
        let work = async move {
            if queued {
                say(&out, &FromChild::Begun { call });
            }
            let work = AssertUnwindSafe(async {
                match instance.try_validate(&question) {
                    Some(answer) => answer,
                    None => instance.validate(question).await,
                }
            });
            let answer = work.catch_unwind().await.unwrap_or_else(|payload| {
                // Dropping it runs the plugin's code, which cannot be trusted.
                std::mem::forget(payload);
                let detail = "the plugin panicked outside its panic guard";
                Answer::Failed(Failure::new(FailureKind::Panicked, detail))
            });
            under_way.lock().remove(&call);
            let answer = answer.into();
            say(&out, &FromChild::Answer { call, answer });
        };
        let work = Counted::new(work, &self.load);
        // Locked while it is spawned, so that its end cannot come before its beginning.
        let mut calls = self.calls.lock();
        let task = self.runtime.spawn(work);
        calls.insert(call, task.abort_handle());
    }
}

fn out_of_order() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "out of order")
}

/// The calls that keep a thread busy right now or wait for one.
#[derive(Default)]
struct Load(AtomicUsize);

impl Load {
    /// True if a new call has to wait.
    fn is_full(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= WORKERS
    }
}

/// A call that counts while it waits for its first turn, and during each turn.
struct Counted {
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
    load: Arc<Load>,
    begun: bool,
}

impl Counted {
    fn new(work: impl Future<Output = ()> + Send + 'static, load: &Arc<Load>) -> Self {
        load.0.fetch_add(1, Ordering::Relaxed);
        Self {
            work: Box::pin(work),
            load: Arc::clone(load),
            begun: false,
        }
    }
}

impl Future for Counted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.begun {
            self.load.0.fetch_add(1, Ordering::Relaxed);
        }
        // From the first turn on, it counts during turns only.
        self.begun = true;
        let polled = self.work.as_mut().poll(context);
        self.load.0.fetch_sub(1, Ordering::Relaxed);
        polled
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if !self.begun {
            self.load.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

//! The validator's own process: loads the library that the server sends, makes one validator and
//! answers for it until the socket ends, which it does however the server ends.
//!
//! Its standard input is the socket to the server. Holds no settings and no secrets except those of
//! the one validator and the tokens that it is asked about.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufReader},
    os::{fd::AsFd, unix::net::UnixStream},
    panic::AssertUnwindSafe,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use parking_lot::Mutex;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use secrecy::SecretString;
use tokio::{runtime::Runtime, task::AbortHandle};

use super::{
    sandbox,
    wire::{self, FromChild, ToChild},
};
use crate::{
    Sha256Digest,
    boundary::{
        Answer, Failure, FailureKind, Instance, Library, Question, description::Description, load,
        plugin_log, private_copy::PrivateCopy,
    },
    library::{
        check::{CheckedFile, MAX_LIBRARY_BYTES},
        image::Image,
    },
};

/// Threads that run the plugin's futures in this process.
const WORKERS: usize = 2;

/// Runs the process. Returns when the server has ended.
pub fn run() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the process of a validator failed");
            ExitCode::FAILURE
        }
    }
}

type Out = Arc<Mutex<UnixStream>>;

fn say(out: &Out, message: &FromChild) {
    // If the server has ended, the reading side ends this process.
    let _ = wire::send(&mut *out.lock(), message);
}

fn serve() -> io::Result<()> {
    sandbox::begin();
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // The plugin's standard input is empty.
    let nothing = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    let out: Out = Arc::new(Mutex::new(socket.try_clone()?));
    let mut input = BufReader::new(socket);
    let Some(library) = load_library(&mut input, &out)? else {
        return Ok(());
    };
    let Some(instance) = create(&mut input, &out, &*library)? else {
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    let ended = answer(&mut input, &out, &instance, &runtime);
    // A thread may be stuck in the plugin: this process ends anyway.
    runtime.shutdown_background();
    ended
}

fn load_library(
    input: &mut BufReader<UnixStream>,
    out: &Out,
) -> io::Result<Option<Arc<dyn Library>>> {
    let Some(ToChild::Load {
        path,
        level,
        memory,
        sandbox: policy,
    }) = wire::receive(input)?
    else {
        return Ok(None);
    };
    bound_memory(memory)?;
    let limit = usize::try_from(MAX_LIBRARY_BYTES).unwrap_or(usize::MAX);
    let Some(bytes) = wire::receive_bytes(input, limit)? else {
        return Ok(None);
    };
    forward_logs(out, level);
    let bytes = Image::read(&mut bytes.as_slice(), bytes.len())?;
    let file = CheckedFile {
        path: PathBuf::from(path),
        sha256: Sha256Digest::of(&bytes),
        bytes,
    };
    // The last that this process does outside of the sandbox.
    let copy = PrivateCopy::of(&file.bytes)?;
    let loaded = sandbox::enter(&policy).and_then(|sandbox| {
        let library = load::load_copy(&file, copy).map_err(|error| error.to_string())?;
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

/// Limits the memory of this process and its plugin. Memory that is only reserved does not count,
/// because some languages' runtimes reserve a lot.
fn bound_memory(most: Option<u64>) -> io::Result<()> {
    // If the machine runs out of memory, this process is killed before the server. Failing to set
    // that does no harm.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    if let Some(most) = most {
        // A limit of the server itself cannot be raised and applies here as well.
        let given = getrlimit(Resource::Data).maximum.unwrap_or(u64::MAX);
        let most = Some(most.min(given));
        let limit = Rlimit {
            current: most,
            maximum: most,
        };
        setrlimit(Resource::Data, limit)?;
    }
    Ok(())
}

/// Forwards records by level only; the server masks, limits and writes them.
fn forward_logs(out: &Out, level: u32) {
    let out = Arc::clone(out);
    plugin_log::redirect(plugin_log::level(level), move |record| {
        say(&out, &FromChild::Log(record.into()));
    });
}

fn create(
    input: &mut BufReader<UnixStream>,
    out: &Out,
    library: &dyn Library,
) -> io::Result<Option<Arc<dyn Instance>>> {
    let Some(ToChild::Create {
        id,
        factory,
        config,
    }) = wire::receive(input)?
    else {
        return Ok(None);
    };
    match library.create(&id, &factory, &SecretString::from(config.as_str())) {
        Ok(instance) => {
            say(out, &FromChild::Created);
            Ok(Some(instance))
        }
        Err(failure) => {
            say(out, &FromChild::Refused(failure.into()));
            Ok(None)
        }
    }
}

fn answer(
    input: &mut BufReader<UnixStream>,
    out: &Out,
    instance: &Arc<dyn Instance>,
    runtime: &Runtime,
) -> io::Result<()> {
    let calls: Arc<Mutex<HashMap<u64, AbortHandle>>> = Arc::default();
    while let Some(message) = wire::receive::<ToChild>(input)? {
        let (instance, out) = (Arc::clone(instance), Arc::clone(out));
        match message {
            ToChild::Ask {
                call,
                token,
                request_id,
                deadline_ms,
            } => {
                let question = Question {
                    token: Arc::new(SecretString::from(token.as_str())),
                    request_id: Arc::from(request_id),
                    deadline: Duration::from_millis(deadline_ms),
                };
                let under_way = Arc::clone(&calls);
                // Locked while it is spawned, so that its end cannot come before its beginning.
                let mut calls = calls.lock();
                let task = runtime.spawn(async move {
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
                    say(
                        &out,
                        &FromChild::Answer {
                            call,
                            answer: answer.into(),
                        },
                    );
                });
                calls.insert(call, task.abort_handle());
            }
            ToChild::Cancel { call } => {
                if let Some(task) = calls.lock().remove(&call) {
                    task.abort();
                }
            }
            ToChild::Health { call } => {
                runtime.spawn(async move {
                    let problem = instance.health().await.err().map(Into::into);
                    say(&out, &FromChild::Health { call, problem });
                });
            }
            ToChild::Shutdown { call } => {
                runtime.spawn(async move {
                    instance.shutdown().await;
                    say(&out, &FromChild::ShutDown { call });
                });
            }
            ToChild::Load { .. } | ToChild::Create { .. } => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "out of order"));
            }
        }
    }
    Ok(())
}

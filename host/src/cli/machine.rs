//! What the server needs of the machine: a limit that is too small ends the start in one line
//! instead of an abort somewhere in a library.

use std::{
    panic::{self, AssertUnwindSafe},
    thread,
};

use rustix::process::{Resource, getrlimit};
use tokio::runtime::{Builder, Runtime};

const MIB: u64 = 1 << 20;
/// The memory that a server at rest writes to, and what each thread of its runtime adds.
const DATA: u64 = 64 * MIB;
/// The addresses that it reserves besides.
const ADDRESSES: u64 = 192 * MIB;
const PER_CORE: u64 = 4 * MIB;

/// A limit of the machine that is too small.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A limit of memory.
    #[error(
        "the memory limit of this process (`{command}`) is {} MiB; the server needs at least {} MiB",
        .limit / MIB, .needed / MIB
    )]
    Memory {
        /// The command and the directive of systemd that set it.
        command: &'static str,
        /// The limit in bytes.
        limit: u64,
        /// The bytes that are needed.
        needed: u64,
    },
    /// The runtime could not be built.
    #[error(
        "cannot start the threads of the server ({0}): raise the limit of processes (`ulimit -u`, \
         `TasksMax=`, `--pids-limit`) or of memory"
    )]
    Threads(String),
}

/// Checks the limits that would otherwise end the process later.
///
/// # Errors
/// The first limit that is too small.
pub fn check_limits() -> Result<(), MachineError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = PER_CORE * u64::try_from(cores).unwrap_or(u64::MAX / PER_CORE);
    for (resource, command, needed) in [
        (Resource::Data, "ulimit -d, LimitDATA=", DATA + threads),
        (Resource::As, "ulimit -v, LimitAS=", ADDRESSES + threads),
    ] {
        if let Some(limit) = getrlimit(resource).current
            && limit < needed
        {
            return Err(MachineError::Memory {
                command,
                limit,
                needed,
            });
        }
    }
    Ok(())
}

/// Builds the runtime of the server.
///
/// # Errors
/// If the system does not give it what it needs.
pub fn runtime() -> Result<Runtime, MachineError> {
    // The builder panics if there is no thread to be had; its message would name a line of a library.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let built = panic::catch_unwind(AssertUnwindSafe(|| {
        Builder::new_multi_thread()
            .enable_all()
            .thread_name("worker")
            .build()
    }));
    panic::set_hook(hook);
    match built {
        Ok(Ok(runtime)) => Ok(runtime),
        Ok(Err(error)) => Err(MachineError::Threads(error.to_string())),
        Err(_) => Err(MachineError::Threads("no thread to be had".to_owned())),
    }
}

//! What the server needs of the machine: a limit that is too small ends the start in one line
//! instead of an abort somewhere in a library.

use std::{
    panic::{self, AssertUnwindSafe},
    thread,
};

use rustix::process::{Resource, getrlimit};
use tokio::runtime::{Builder, Runtime};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// The memory that a server at rest writes to, and what each thread of its runtime adds.
const DATA: u64 = 64 * MIB;
/// The addresses that it reserves besides.
const ADDRESSES: u64 = 224 * MIB;
const PER_CORE: u64 = 4 * MIB;
/// The files that a server without connections has open, those of its plugins' start included.
const FILES: u64 = 20;
/// What the command line and the first allocation need, whatever the command is.
const ANY_COMMAND: [(Kind, u64); 3] = [
    (Kind::Stack, MIB),
    (Kind::Data, 24 * MIB),
    (Kind::Addresses, 96 * MIB),
];

/// A limit of the machine that is too small.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A limit of the process.
    #[error(
        "the limit of {} of this process (`{}`) is {}; {} needs at least {}",
        .kind.what(), .kind.command(), .kind.amount(*.limit), .who, .kind.amount(*.needed)
    )]
    Limit {
        /// What is limited.
        kind: Kind,
        /// The limit.
        limit: u64,
        /// The limit that is needed.
        needed: u64,
        /// The part of the program that needs it.
        who: &'static str,
    },
    /// The runtime could not be built.
    #[error(
        "cannot start the threads of the server ({0}): raise the limit of processes (`ulimit -u`, \
         `TasksMax=`, `--pids-limit`) or of memory"
    )]
    Threads(String),
}

/// What a limit of the process bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Memory that is written to, in bytes.
    Data,
    /// Addresses, in bytes.
    Addresses,
    /// The stack of the first thread, in bytes.
    Stack,
    /// Open files.
    Files,
}

impl Kind {
    fn resource(self) -> Resource {
        match self {
            Self::Data => Resource::Data,
            Self::Addresses => Resource::As,
            Self::Stack => Resource::Stack,
            Self::Files => Resource::Nofile,
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Data => "memory",
            Self::Addresses => "memory (addresses)",
            Self::Stack => "stack memory",
            Self::Files => "open files",
        }
    }

    /// The command and the directive of systemd that set it.
    fn command(self) -> &'static str {
        match self {
            Self::Data => "ulimit -d, LimitDATA=",
            Self::Addresses => "ulimit -v, LimitAS=",
            Self::Stack => "ulimit -s, LimitSTACK=",
            Self::Files => "ulimit -n, LimitNOFILE=",
        }
    }

    fn amount(self, number: u64) -> String {
        match self {
            Self::Files => number.to_string(),
            _ if number < MIB => format!("{} KiB", number / KIB),
            _ => format!("{} MiB", number / MIB),
        }
    }
}

/// Checks what every command needs, before anything is read or allocated: below it, even the command line
/// ends in an abort.
///
/// # Errors
/// The first limit that is too small.
pub fn check_start() -> Result<(), MachineError> {
    check("the program", &ANY_COMMAND)
}

/// Checks the limits that would otherwise end a server later.
///
/// # Errors
/// The first limit that is too small.
pub fn check_limits() -> Result<(), MachineError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = PER_CORE * u64::try_from(cores).unwrap_or(u64::MAX / PER_CORE);
    let needs = [
        (Kind::Data, DATA + threads),
        (Kind::Addresses, ADDRESSES + threads),
        (Kind::Files, FILES),
    ];
    check("the server", &needs)
}

fn check(who: &'static str, needs: &[(Kind, u64)]) -> Result<(), MachineError> {
    for (kind, needed) in needs.iter().copied() {
        if let Some(limit) = getrlimit(kind.resource()).current
            && limit < needed
        {
            return Err(MachineError::Limit {
                kind,
                limit,
                needed,
                who,
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

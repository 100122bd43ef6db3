//! Measures that keep secrets out of reach of other processes: those of the server, and those of a
//! validator's process before it opens the library.

use std::{fs, io};

use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};

/// Closes the memory and the environment of this process to other processes of the same user, and
/// keeps them out of core files.
pub fn seal_memory() {
    // Neither can fail on a system that knows them; one that does not has no such doors.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let maximum = rustix::process::getrlimit(Resource::Core).maximum;
    let no_core = Rlimit {
        current: Some(0),
        maximum,
    };
    let _ = rustix::process::setrlimit(Resource::Core, no_core);
}

/// Makes the system end this process when the thread of the server that started it ends.
pub(super) fn end_with_the_server() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(
        Signal::KILL,
    ))?)
}

/// Prepares the process of a validator, also where the operator switched its sandbox off: it holds at
/// most `memory` bytes, and other processes do not see them.
///
/// # Errors
/// If the system refuses the limit.
pub(super) fn child(memory: Option<u64>) -> io::Result<()> {
    // If the machine runs out of memory, this process is killed before the server. Failing to set
    // that does no harm.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    bound_memory(memory)?;
    seal_memory();
    Ok(())
}

/// Limits the memory of this process and its plugin. Memory that is only reserved does not count,
/// because some languages' runtimes reserve a lot.
fn bound_memory(most: Option<u64>) -> io::Result<()> {
    let Some(most) = most else {
        return Ok(());
    };
    // A limit of the server itself cannot be raised and applies here as well.
    let given = rustix::process::getrlimit(Resource::Data)
        .maximum
        .unwrap_or(u64::MAX);
    let most = Some(most.min(given));
    let limit = Rlimit {
        current: most,
        maximum: most,
    };
    Ok(rustix::process::setrlimit(Resource::Data, limit)?)
}

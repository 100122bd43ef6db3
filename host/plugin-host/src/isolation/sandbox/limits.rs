//! Limits of resources, and what becomes of the process when it dies.

use rustix::{
    fs::Mode,
    process::{
        DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask,
    },
};

/// The largest file that the process can write, should it find one: its standard output may be one.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// The number of files and sockets that it can have open.
const MAX_OPEN_FILES: u64 = 4_096;

/// Sets the mode of new files: nobody else reads them.
pub(super) fn new_files_are_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Lowers the limits. The number of threads has none: the kernel counts them per user, not per
/// process, and a process of the same user elsewhere on the machine would use it up. Their stacks
/// count towards the limit of memory.
pub(super) fn lower() -> Result<String, String> {
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Fsize, MAX_FILE_BYTES),
        (Resource::Nofile, MAX_OPEN_FILES),
        (Resource::Msgqueue, 0),
    ] {
        let given = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let most = Some(most.min(given));
        let limit = Rlimit {
            current: most,
            maximum: most,
        };
        setrlimit(resource, limit).map_err(|error| format!("{resource:?}: {error}"))?;
    }
    // No core dump by a program either, which has tokens in it; and no other process of this user
    // reads the memory of this one.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| format!("not dumpable: {error}"))?;
    Ok(String::new())
}

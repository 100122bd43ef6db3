//! The words for a process that ended by a signal.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

/// `crashed with signal 11 (SIGSEGV)`, if it ended by a signal.
pub fn crash(status: ExitStatus) -> Option<String> {
    let signal = status.signal()?;
    let name = match signal {
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        31 => " (SIGSYS)",
        _ => "",
    };
    Some(format!("crashed with signal {signal}{name}"))
}

//! Logs the location of a panic but not its message, because the message may hold data that a
//! client sent.

use std::{panic, thread};

/// Turns panics into log lines instead of text on stderr.
pub(super) fn install_hook() {
    panic::set_hook(Box::new(|info| {
        let (file, line) = info.location().map_or(("", 0), |at| (at.file(), at.line()));
        let thread = thread::current();
        tracing::error!(
            file,
            line,
            thread = thread.name().unwrap_or_default(),
            "panicked"
        );
    }));
}

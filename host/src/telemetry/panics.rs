//! A panic in the log: where it happened, not what it said, because the text of a panic may hold
//! what a client sent.

use std::{panic, thread};

/// Makes panics log lines instead of text on stderr.
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

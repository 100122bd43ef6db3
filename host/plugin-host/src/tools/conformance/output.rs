//! The output of the process that makes the checks: events go to its stdout, and whatever the
//! plugin writes past the host's log goes to stderr, where the listener reads it.

use std::{
    fs::File,
    io::{self, Write},
    os::{fd::AsFd, unix::fs::FileExt},
};

use parking_lot::Mutex;
use rustix::{
    process::{self, Resource, Signal},
    stdio,
};

use super::{listener::Listener, report::Event};

/// The largest file that the process may write, stderr among them.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Lets this process end with its parent, without a core file or large ones. Call it before
/// [`confine`](super::super::confine), after which nothing of it is allowed.
///
/// # Errors
/// If the kernel refuses.
pub fn bind_to_parent() -> io::Result<()> {
    for (resource, most) in [(Resource::Fsize, MAX_FILE_BYTES), (Resource::Core, 0)] {
        let mut limit = process::getrlimit(resource);
        limit.current = Some(most.min(limit.maximum.unwrap_or(most)));
        process::setrlimit(resource, limit)?;
    }
    process::set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(())
}

/// Writes events to what was stdout.
#[derive(Debug)]
pub struct Events(Mutex<File>);

impl Events {
    /// Takes stdout away from everybody else in this process, who write to stderr from now on.
    ///
    /// # Errors
    /// If this process has no stdout.
    pub fn take_stdout() -> io::Result<Self> {
        let events = stdio::stdout().try_clone_to_owned()?;
        stdio::dup2_stdout(stdio::stderr())?;
        Ok(Self(Mutex::new(File::from(events))))
    }

    pub(super) fn tell(&self, event: &Event) {
        let Ok(mut line) = serde_json::to_vec(event) else {
            return;
        };
        line.push(b'\n');
        // Where nobody reads any more, nobody waits for the results.
        let _ = self.0.lock().write_all(&line);
    }
}

/// What was written to stderr, as far as it is a file.
#[derive(Debug)]
pub(super) struct Stray(Option<File>);

impl Default for Stray {
    fn default() -> Self {
        let file = stdio::stderr().as_fd().try_clone_to_owned().ok();
        Self(file.map(File::from))
    }
}

impl Stray {
    /// Searches it, until something is found.
    pub(super) fn hear(&self, listener: &Listener) {
        const CHUNK: usize = 64 * 1024;
        let Some(file) = &self.0 else { return };
        let mut bytes = vec![0; CHUNK];
        let mut at = 0;
        while let Ok(length @ 1..) = file.read_at(&mut bytes, at) {
            let text = String::from_utf8_lossy(&bytes[..length]);
            listener.hear("what the plugin wrote to stdout or stderr", &text);
            if listener.verdict().is_err() {
                return;
            }
            // Chunks overlap, so that nothing is cut where two meet.
            at += match length {
                CHUNK => CHUNK as u64 / 2,
                last => last as u64,
            };
        }
    }
}

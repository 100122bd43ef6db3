//! The process that makes the checks, watched: its results as they come, and its end.

use std::{
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::FileExt,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::MemfdFlags;

use super::{
    listener::Listener,
    report::{CheckResult, Conformance, Event, Finding},
};
use crate::{boundary::redact, isolation::crash};

/// A process hangs that is silent for this long at the end of the time for all checks ...
const SILENCE: Duration = Duration::from_secs(2);
const GRACE: Duration = Duration::from_millis(500);
/// ... or that makes a validator for longer than this.
const MAKING: Duration = Duration::from_secs(40);
/// The time within which the process ends after its last event.
const END_LIMIT: Duration = Duration::from_secs(3);
/// The longest event.
const MAX_EVENT_BYTES: u64 = 1024 * 1024;
/// The end of its stderr that is shown.
const MAX_STDERR_BYTES: u64 = 4 * 1024;

/// The process after its end.
#[derive(Debug)]
pub struct Watched {
    /// The results, with a fault if the process crashed or hung.
    pub report: Conformance,
    /// The end of what it wrote to stderr, if it crashed or refused its arguments, without lines
    /// that hold a part of a secret.
    pub stderr: Vec<String>,
    /// Its status, if it refused its arguments before any check began.
    pub refused: Option<ExitStatus>,
}

/// Starts `command`, which runs [`conform`](super::conform) and has `time` for that, and calls `told`
/// with each result.
///
/// # Errors
/// If it cannot be started.
pub fn watch(
    command: &mut Command,
    time: Duration,
    mut told: impl FnMut(&CheckResult),
) -> io::Result<Watched> {
    let stderr = rustix::fs::memfd_create("plugins-check", MemfdFlags::CLOEXEC)?;
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::from(stderr.try_clone()?))
        .spawn()?;
    let Some(stdout) = child.stdout.take() else {
        return Err(io::Error::other("it has no stdout"));
    };
    let mut seen = Seen::default();
    let silent = seen.follow(&read_events(stdout), time, &mut told);
    let (status, hung) = end(&mut child, silent)?;
    let refused = (!seen.began && !status.success()).then_some(status);
    let mut crashed = false;
    if refused.is_none()
        && let Some(fault) = seen.fault(status, hung)
    {
        crashed = true;
        told(&fault);
        seen.checks.push(fault);
    }
    Ok(Watched {
        report: Conformance::of(seen.checks),
        stderr: match crashed || refused.is_some() {
            true => last_lines(&std::fs::File::from(stderr), &seen.secrets),
            false => Vec::new(),
        },
        refused,
    })
}

/// What the events said.
#[derive(Default)]
struct Seen {
    began: bool,
    ended: bool,
    under_way: Option<String>,
    at: Option<String>,
    checks: Vec<CheckResult>,
    secrets: Listener,
    /// How long nothing was heard of it before it was killed.
    silence: Duration,
}

impl Seen {
    /// Follows the events to their end. Returns whether it came too late.
    fn follow(
        &mut self,
        events: &Receiver<Event>,
        time: Duration,
        told: &mut impl FnMut(&CheckResult),
    ) -> bool {
        // Before the first event the library describes itself, which has a limit of its own.
        let mut end = Instant::now() + MAKING;
        let mut making = None;
        loop {
            let heard = Instant::now();
            let until = match making {
                Some(since) => since + MAKING,
                None => end.max(heard + SILENCE),
            };
            match events.recv_timeout(until.saturating_duration_since(heard)) {
                Ok(Event::Begin(name)) => {
                    if !self.began {
                        end = Instant::now() + time + GRACE;
                    }
                    self.began = true;
                    self.under_way = Some(name);
                    self.at = None;
                }
                Ok(Event::Makes(begins)) => {
                    let since = making.take();
                    end += since.map_or(Duration::ZERO, |at: Instant| at.elapsed());
                    making = begins.then(Instant::now);
                }
                Ok(Event::Secret(text)) => self.secrets.keep("a secret", &text),
                Ok(Event::At(what)) => self.at = Some(what),
                Ok(Event::Found(mut check)) => {
                    if self.secrets.knows(&check.detail) {
                        check.detail =
                            "(not shown: it holds a part of a token or a secret)".to_owned();
                    }
                    self.under_way = None;
                    self.at = None;
                    told(&check);
                    self.checks.push(check);
                }
                Ok(Event::End) => {
                    self.ended = true;
                    return false;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.silence = heard.elapsed();
                    return true;
                }
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// The fault of a process that did not end as it should.
    fn fault(&self, status: ExitStatus, hung: bool) -> Option<CheckResult> {
        let how = if hung {
            let silence = self.silence;
            format!("the process of the plugin hung for {silence:.0?} and was killed")
        } else if let Some(crash) = crash(status) {
            format!("the plugin crashed its process: {crash}")
        } else if !self.ended {
            format!("the plugin ended its process: {status}")
        } else {
            return None;
        };
        let name = match &self.under_way {
            Some(name) => name.clone(),
            None if self.ended => "its process ends".to_owned(),
            None => "it stays alive between two checks".to_owned(),
        };
        let detail = match &self.at {
            Some(at) => format!("{how}, asked about: {at}"),
            None => how,
        };
        Some(CheckResult {
            name,
            result: Finding::Fail,
            detail,
        })
    }
}

fn read_events(stdout: ChildStdout) -> Receiver<Event> {
    let (send, events) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader
                .by_ref()
                .take(MAX_EVENT_BYTES)
                .read_until(b'\n', &mut line);
            let Ok(1..) = read else { return };
            if let Ok(event) = serde_json::from_slice(&line)
                && send.send(event).is_err()
            {
                return;
            }
        }
    });
    events
}

/// The status of the process, and whether it had to be killed.
fn end(child: &mut Child, silent: bool) -> io::Result<(ExitStatus, bool)> {
    let end = Instant::now() + END_LIMIT;
    while !silent && Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok((status, false));
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    Ok((child.wait()?, true))
}

fn last_lines(file: &std::fs::File, secrets: &Listener) -> Vec<String> {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let from = length.saturating_sub(MAX_STDERR_BYTES);
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    while let Ok(read @ 1..) = file.read_at(&mut chunk, from + bytes.len() as u64) {
        bytes.extend_from_slice(&chunk[..read]);
    }
    let text = String::from_utf8_lossy(&bytes);
    let cut = usize::from(from > 0);
    let shown = text
        .lines()
        .skip(cut)
        .map(|line| match secrets.knows(line) {
            true => "[a line with a part of a secret]".to_owned(),
            false => redact::for_log(line),
        });
    shown.collect()
}

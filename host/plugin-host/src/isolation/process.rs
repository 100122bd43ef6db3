//! One child process: how it is started, talked to, watched and ended.
//!
//! The process leads a group of its own, which is killed as a whole. Its death is seen on a pidfd:
//! a socket or a pipe also stays open as long as something that it started holds it.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    net::RecvFlags,
    process::{Pid, PidfdFlags, Signal},
};
use serde::Serialize;
use zeroize::Zeroize;

use super::{
    crash::crash,
    output::Output,
    wire::{self, Frames, FromChild},
};
use crate::settings::SandboxMode;

/// Time limit for sending a message: a process that does not read it in time is killed.
const SEND_LIMIT: Duration = Duration::from_secs(1);
/// The interval at which the status is asked for where the system has no pidfd.
const STATUS_EVERY: Duration = Duration::from_millis(200);
/// The time between the end of a socket and the status of the process that held it.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// The arguments of a process of a validator. Not a command: nobody but the server starts one.
const ARGUMENTS: [&str; 2] = ["plugins", "isolated"];

/// True if this process was started with `arguments`, its own name first, to run a validator.
pub fn is_validator_process(arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.skip(1).eq(ARGUMENTS)
}

/// The variables of the server's environment that the process gets: language, certificates and
/// proxies. The others may hold secrets that the plugin must not see, or libraries to load.
const ENVIRONMENT: [&str; 14] = [
    "TZ",
    "LANG",
    "LC_ALL",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "RUST_BACKTRACE",
];

/// The limits of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Time to load the library, and to make a validator.
    pub(crate) start: Duration,
    /// Time limit of one call.
    pub(crate) deadline: Duration,
    /// Memory, in bytes.
    pub(crate) memory: Option<u64>,
    pub(crate) sandbox: SandboxMode,
}

/// A child process, as those who send to it see it.
#[derive(Debug)]
pub(super) struct Process {
    pid: Pid,
    socket: UnixStream,
    /// Held while a message is written, so that messages do not mix.
    writing: Mutex<()>,
    child: Mutex<Child>,
    ended: Mutex<Option<ExitStatus>>,
}

impl Process {
    /// Sends a message. If only a part could be sent, the process is killed.
    pub(super) fn send(&self, message: &impl Serialize) -> io::Result<()> {
        self.write(|socket| wire::send(socket, message))
    }

    /// Sends an open file, before the first message.
    pub(super) fn send_file(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        wire::send_file(&self.socket, file)
    }

    fn write(&self, send: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock();
        let sent = send(&mut &self.socket);
        if sent.is_err() {
            self.kill();
        }
        sent
    }

    /// Kills the process and all that it started, unless it has ended and been waited for.
    pub(super) fn kill(&self) {
        let mut child = self.child.lock();
        if self.ended.lock().is_none() {
            // Not waited for yet, so that the number is not another's. The group first, while its
            // leader is there; whatever has left the group loses the socket.
            let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
            let _ = child.kill();
        }
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }

    /// The status, if the process has ended; all that it started ends with it.
    fn status(&self) -> io::Result<Option<ExitStatus>> {
        let mut child = self.child.lock();
        let mut ended = self.ended.lock();
        if ended.is_none() && has_ended(self.pid)? {
            let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
            let _ = self.socket.shutdown(std::net::Shutdown::Both);
            *ended = Some(child.wait()?);
        }
        Ok(*ended)
    }
}

/// Looks whether a child has ended and leaves its number in use.
fn has_ended(pid: Pid) -> io::Result<bool> {
    use rustix::process::{WaitId, WaitIdOptions};

    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(rustix::process::waitid(WaitId::Pid(pid), options)?.is_some())
}

/// What comes from a process.
pub(super) enum Event {
    Message(FromChild),
    /// Nothing until the time that the caller waits for.
    Quiet,
    /// It has ended, in these words.
    Ended(String),
}

/// The receiving side of a process; its thread is the one that started the process, because the
/// process ends with that thread.
pub(super) struct Link {
    process: Arc<Process>,
    pidfd: Option<OwnedFd>,
    frames: Frames,
    output: Output,
    /// False once the process has closed its end.
    socket_open: bool,
    output_open: bool,
}

impl Link {
    /// Starts a process. `validators` names it in the log.
    pub(super) fn start(bounds: Bounds, validators: String) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_write_timeout(Some(bounds.start.max(SEND_LIMIT)))?;
        let (reader, writer) = io::pipe()?;
        let output = Output::new(reader, validators)?;
        // The running binary, even if its file has been replaced since.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("datahub-mcp")
            .args(ARGUMENTS)
            .env_clear()
            .envs(
                ENVIRONMENT
                    .iter()
                    .filter_map(|name| Some((OsStr::new(name), std::env::var_os(name)?))),
            )
            // Our allocator otherwise writes down a gigabyte in advance, which the memory limit counts.
            .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
            // Ctrl-C is for the server, which shuts its children down in order.
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let child = command.spawn()?;
        let pid = Pid::from_child(&child);
        Ok(Self {
            pidfd: rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok(),
            process: Arc::new(Process {
                pid,
                socket: ours,
                writing: Mutex::default(),
                child: Mutex::new(child),
                ended: Mutex::default(),
            }),
            frames: Frames::default(),
            output,
            socket_open: true,
            output_open: true,
        })
    }

    pub(super) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Shortens the time limit for sending: from now on the process must read without delay.
    pub(super) fn running(&self) -> io::Result<()> {
        self.process.socket.set_write_timeout(Some(SEND_LIMIT))
    }

    /// Waits for the next event until `until`. Log records are written here.
    pub(super) fn next(&mut self, until: Instant) -> Event {
        loop {
            while let Some(message) = self.frames.pop() {
                match message {
                    FromChild::Log(record) => record.write(),
                    message => return Event::Message(message),
                }
            }
            match self.process.status() {
                Ok(None) => {}
                Ok(Some(status)) => {
                    // What it said before it ended still counts.
                    if self.socket_open && self.receive() {
                        continue;
                    }
                    let how = crash(status).unwrap_or_else(|| format!("ended ({status})"));
                    return Event::Ended(how + &self.output.last_words());
                }
                Err(error) => return Event::Ended(error.to_string()),
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Event::Quiet;
            }
            if let Err(error) = self.wait(left) {
                tracing::warn!(%error, "waiting for the process of a validator");
                std::thread::sleep(STATUS_EVERY);
            }
            // First what it printed: an answer ends the masking of its token in the log.
            self.output_open = self.output_open && self.output.read();
            self.receive();
        }
    }

    /// Waits until there is something to read, or the process has ended.
    fn wait(&self, left: Duration) -> io::Result<()> {
        let mut fds = Vec::with_capacity(3);
        if self.socket_open {
            fds.push(PollFd::new(&self.process.socket, PollFlags::IN));
        }
        if self.output_open {
            fds.push(PollFd::new(self.output.pipe(), PollFlags::IN));
        }
        let mut left = left;
        match &self.pidfd {
            Some(pidfd) => fds.push(PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN)),
            None => left = left.min(STATUS_EVERY),
        }
        // Rounded up, so that the time has come afterwards.
        let left = left + Duration::from_micros(1);
        let timeout = Timespec::try_from(left).ok();
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes in what has arrived on the socket. True: something has.
    fn receive(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let received = rustix::net::recv(&self.process.socket, &mut buffer, RecvFlags::DONTWAIT);
        let len = match received {
            Ok((len, _)) if len > 0 => len,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return false,
            Ok(_) | Err(_) => {
                // It closed the socket and is of no use any more.
                self.socket_open = false;
                self.process.kill();
                return false;
            }
        };
        let pushed = self.frames.push(&buffer[..len]);
        buffer[..len].zeroize();
        if pushed.is_err() {
            tracing::warn!("the process of a validator sends what is no message: killing it");
            self.socket_open = false;
            self.process.kill();
        }
        true
    }

    /// Kills the process, if it has not ended, and describes how it ended.
    pub(super) fn end(&mut self, kill_after: Duration) -> String {
        let until = Instant::now() + kill_after;
        loop {
            match self.next(until) {
                Event::Message(_) => {}
                Event::Ended(how) => return how,
                Event::Quiet => break,
            }
        }
        self.process.kill();
        loop {
            match self.next(Instant::now() + LAST_MOMENT) {
                Event::Message(_) => {}
                Event::Ended(_) => return "was killed".to_owned() + &self.output.last_words(),
                // In the kernel, which ends it when it can.
                Event::Quiet => return "was killed and does not end".to_owned(),
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.process.kill();
        (self.socket_open, self.output_open) = (false, false);
        // Leaves no zombie behind, as far as the kernel lets it end.
        let until = Instant::now() + LAST_MOMENT;
        while matches!(self.process.status(), Ok(None)) && Instant::now() < until {
            let _ = self.wait(STATUS_EVERY);
        }
    }
}

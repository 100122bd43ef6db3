//! One child process and the socket to it.

use std::{
    ffi::OsStr,
    io::{self, BufReader},
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use serde::Serialize;
use tracing::Level;

use super::{
    crash::crash,
    sandbox::{self, Policy},
    wire::{self, FromChild, ToChild},
};
use crate::{
    boundary::{description::Description, plugin_log},
    library::check::CheckedFile,
    settings::SandboxMode,
};

/// Time limit for sending a message: a process that does not read it in time is killed.
const SEND_LIMIT: Duration = Duration::from_secs(1);

/// The variables of the server's environment that the process gets: the places of programs,
/// certificates and proxies. The others may hold secrets that the plugin must not see.
const ENVIRONMENT: [&str; 18] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TZ",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
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
    /// Time to load the library and to make the validator.
    pub(crate) start: Duration,
    /// Memory, in bytes.
    pub(crate) memory: Option<u64>,
    pub(crate) sandbox: SandboxMode,
}

/// A child process; clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Process(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    child: Mutex<Child>,
    out: Mutex<UnixStream>,
    input: Mutex<BufReader<UnixStream>>,
}

impl Process {
    /// Starts a process that loads `file` and returns its description.
    ///
    /// # Errors
    /// The reason it did not, as text.
    pub(super) fn load(
        file: &CheckedFile,
        bounds: Bounds,
        policy: &Policy,
    ) -> Result<(Self, Description, sandbox::Level), String> {
        let process =
            Self::start(bounds.start).map_err(|e| format!("cannot start a process: {e}"))?;
        let load = ToChild::Load {
            path: file.path.display().to_string(),
            level: plugin_log::number(level_in_force()),
            memory: bounds.memory,
            sandbox: policy.clone(),
        };
        let sent = process
            .send(&load)
            .and_then(|()| wire::send_bytes(&mut *process.0.out.lock(), &file.bytes));
        match sent.and_then(|()| process.receive()) {
            Ok(Some(FromChild::Loaded {
                description,
                sandbox,
            })) => Ok((process, description, sandbox)),
            Ok(Some(FromChild::Unloadable(reason))) => {
                process.end();
                Err(reason)
            }
            Ok(_) => Err(format!("its process {}", process.end())),
            Err(error) => {
                process.kill();
                Err(format!(
                    "its process does not answer ({error}): {}",
                    process.end()
                ))
            }
        }
    }

    fn start(limit: Duration) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(limit))?;
        ours.set_write_timeout(Some(limit))?;
        // The running binary, even if its file has been replaced since.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("datahub-mcp")
            .args(["plugins", "isolated"])
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
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn()?;
        Ok(Self(Arc::new(Inner {
            child: Mutex::new(child),
            input: Mutex::new(BufReader::new(ours.try_clone()?)),
            out: Mutex::new(ours),
        })))
    }

    /// Lifts the time limit for receiving: from now on the process may be silent, but must still
    /// read.
    pub(super) fn running(&self) -> io::Result<()> {
        let out = self.0.out.lock();
        out.set_read_timeout(None)?;
        out.set_write_timeout(Some(SEND_LIMIT))
    }

    /// Sends a message. If only a part could be sent, the process is ended.
    pub(super) fn send(&self, message: &impl Serialize) -> io::Result<()> {
        let sent = wire::send(&mut *self.0.out.lock(), message);
        if sent.is_err() {
            self.kill();
        }
        sent
    }

    /// Waits for a message; `None`: the process has ended.
    pub(super) fn receive(&self) -> io::Result<Option<FromChild>> {
        wire::receive(&mut *self.0.input.lock())
    }

    /// Kills the process.
    pub(super) fn kill(&self) {
        // It may have ended already.
        let _ = self.0.child.lock().kill();
    }

    /// Ends the process, if it has not ended, and describes how it ended.
    pub(super) fn end(&self) -> String {
        let mut child = self.0.child.lock();
        // Its socket closes when it dies; its status is available a moment later.
        let mut status = child.try_wait();
        for _ in 0..50 {
            if !matches!(status, Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
            status = child.try_wait();
        }
        match status {
            Ok(Some(status)) => crash(status).unwrap_or_else(|| format!("ended ({status})")),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                "was killed".to_owned()
            }
            Err(error) => error.to_string(),
        }
    }
}

/// The most detailed level that the server's log writes for plugins.
fn level_in_force() -> Level {
    [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN]
        .into_iter()
        .find(|level| plugin_log::enabled(*level))
        .unwrap_or(Level::ERROR)
}

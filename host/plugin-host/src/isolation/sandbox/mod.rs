//! The sandbox of a process that runs a plugin's code: rights, files, ports, system calls and
//! limits that the process gives up before the library is opened, and never gets back.
//!
//! Several layers, because each has holes that another closes: Landlock knows paths but not the
//! mode of a file, seccomp knows system calls but not paths. A layer that the kernel does not have
//! is left out, or fails the start, as [`SandboxMode`] says.

mod descriptors;
mod files;
mod level;
mod limits;
mod needs;
mod rights;
mod syscalls;

use std::{fs, path::PathBuf, thread, time::Duration};

use serde::{Deserialize, Serialize};

pub(crate) use self::level::{Layer, Level};
pub(crate) use self::needs::{policy, told as told_needs};
use crate::settings::SandboxMode;

/// The rights that a process keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) mode: SandboxMode,
    pub(crate) network: Network,
    /// Files and directories to read, beside those of the system.
    pub(crate) files: Vec<PathBuf>,
    /// True if a library is copied into memory later, in this process.
    pub(crate) copies: bool,
}

/// The connections that a process may open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Network {
    None,
    Any,
    /// TCP to these ports, and what finds the addresses of names.
    Ports(Vec<u16>),
}

impl Policy {
    /// The policy of a process that only loads a library and describes it.
    pub(crate) fn describing(mode: SandboxMode) -> Self {
        Self {
            mode,
            network: Network::None,
            files: Vec::new(),
            copies: false,
        }
    }

    /// The files that a process gets to read by rules for the files themselves. A rule does not hold
    /// for a file that takes the place of one: a process that needs the new one must be made anew.
    pub(crate) fn held_files(&self) -> Vec<PathBuf> {
        match self.mode {
            SandboxMode::Off => Vec::new(),
            SandboxMode::BestEffort | SandboxMode::Required => files::held(self),
        }
    }

    /// The policy of a process that does what either of two may do.
    pub(crate) fn or(mut self, other: Self) -> Self {
        self.network = match (self.network, other.network) {
            (Network::Any, _) | (_, Network::Any) => Network::Any,
            (Network::None, one) | (one, Network::None) => one,
            (Network::Ports(mut ports), Network::Ports(more)) => {
                ports.extend(more);
                Network::Ports(ports)
            }
        };
        self.files.extend(other.files);
        self.copies |= other.copies;
        self
    }
}

/// Closes what the process inherited by accident. Call it first, before anything is opened.
pub(crate) fn begin() {
    descriptors::close_inherited();
    limits::new_files_are_private();
}

/// Enters the sandbox, for the rest of the life of this process. Call it before there is a second
/// thread, which would stay outside.
///
/// # Errors
/// With [`SandboxMode::Required`], the layers that are missing, and why.
pub(crate) fn enter(policy: &Policy) -> Result<Level, String> {
    let mut level = Level::default();
    if policy.mode == SandboxMode::Off {
        return Ok(level);
    }
    level.add(Layer::Limits, limits::lower());
    level.add(Layer::NoNewPrivs, rights::never_gain());
    let landlock = alone().and_then(|()| files::restrict(policy));
    let (of_files, of_ports) = (files::layer(&landlock), files::ports_layer(&landlock));
    let has_files = of_files.is_ok();
    level.add(Layer::Landlock, of_files);
    if matches!(policy.network, Network::Ports(_)) {
        level.add(Layer::Ports, of_ports);
    }
    level.add(
        Layer::Capabilities,
        alone().and_then(|()| rights::drop_all()),
    );
    level.add(Layer::Seccomp, syscalls::filter(policy, has_files));
    match (policy.mode, level.missing()) {
        (SandboxMode::Required, Some(missing)) => Err(format!(
            "`PLUGIN_SANDBOX` is `required`, and the sandbox is not complete here: {missing}; \
             `best-effort` runs the plugin without what is missing"
        )),
        _ => Ok(level),
    }
}

/// Fails if there are other threads, which would stay outside of layers of one thread.
fn alone() -> Result<(), String> {
    let count = || fs::read_dir("/proc/self/task").map(Iterator::count);
    let mut threads = count();
    // One that has just ended is there for a moment more.
    for _ in 0..20 {
        if matches!(threads, Ok(1) | Err(_)) {
            break;
        }
        thread::sleep(Duration::from_millis(1));
        threads = count();
    }
    match threads {
        Ok(1) => Ok(()),
        Ok(threads) => Err(format!("the process has {threads} threads already")),
        Err(error) => Err(format!("/proc/self/task: {error}")),
    }
}

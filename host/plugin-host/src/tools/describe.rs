//! Loads a library and reads its description. Runs in a child process, in the sandbox of plugins: a
//! library can end the process that loads it, and may not be trusted yet.

use std::{
    io::Read,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::CHILD_LIMIT;
use crate::{
    SandboxMode,
    boundary::{description::Description, load, sealed::SealedLibrary},
    isolation::{
        crash,
        sandbox::{self, Policy},
    },
    library::{check, find::Found},
};

/// The marker of the description line, which follows anything that the library itself prints.
const MARK: &str = "datahub-mcp describes: ";
/// The longest output of a child that is read.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024 * 1024;

/// The variables that a child gets; the others may hold secrets.
const ENVIRONMENT: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "TMPDIR", "RUST_BACKTRACE"];

/// A description, and the sandbox in which the library gave it.
#[derive(Serialize, Deserialize)]
pub(super) struct Described {
    pub(super) description: Description,
    pub(super) sandbox: String,
}

/// The reason a library did not describe itself.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undescribed {
    #[error(
        "loading hangs: its initialisers, its entry point or its description did not end within {} s",
        .0.as_secs()
    )]
    Hangs(Duration),
    #[error("{0}")]
    Failed(String),
}

impl From<String> for Undescribed {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

/// Closes what this process inherited. A child process does so before it opens anything.
pub fn begin_child() {
    sandbox::begin();
}

/// Loads the library at `path` into this process, in the sandbox, and returns its description, as a
/// line for the process that asked.
///
/// # Errors
/// The reason it cannot be loaded.
pub fn describe(path: &Path, mode: SandboxMode) -> Result<String, String> {
    let found = Found::at(path).ok_or_else(|| format!("{}: is not a file", path.display()))?;
    let file = check::check(&found, None).map_err(|error| error.to_string())?;
    let file = SealedLibrary::of(&file).map_err(|error| {
        format!(
            "{}: cannot make a private copy to load: {error}",
            path.display()
        )
    })?;
    let level = sandbox::enter(&Policy::describing(mode))?;
    let library = load::load(&file).map_err(|error| error.to_string())?;
    let described = Described {
        description: Description::of(&*library).map_err(|bad| bad.to_string())?,
        sandbox: level.to_string(),
    };
    let json = serde_json::to_string(&described).map_err(|error| error.to_string())?;
    Ok(format!("\n{MARK}{json}\n"))
}

/// Enters the sandbox without a library and returns the level that this process reached.
///
/// # Errors
/// The layers that are missing and required.
pub fn enter_sandbox(mode: SandboxMode) -> Result<String, String> {
    let level = sandbox::enter(&Policy::describing(mode))?;
    Ok(format!("{level}\n"))
}

/// Asks a child process which sandbox it reaches.
pub(super) fn sandbox_level(mode: SandboxMode) -> String {
    let asked = child("sandbox", mode)
        .map_err(Undescribed::Failed)
        .and_then(|child| run(child, CHILD_LIMIT));
    match asked {
        Ok((status, level, _)) if status.success() => level.trim_end().to_owned(),
        Ok((status, _, stderr)) => told(&stderr).unwrap_or_else(|| status.to_string()),
        Err(error) => error.to_string(),
    }
}

/// This program as a child in the sandbox.
fn child(role: &str, mode: SandboxMode) -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    let environment = ENVIRONMENT
        .iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    command
        .env_clear()
        .envs(environment)
        .args(["plugins", role, "--mode", mode.name()])
        .stdin(Stdio::null());
    Ok(command)
}

/// Asks a child process for the description of the library at `path`, which takes no longer than `limit`.
///
/// # Errors
/// The reason it would not load; a crash of the child is one of them.
pub(super) fn ask_child(
    path: &Path,
    mode: SandboxMode,
    limit: Duration,
) -> Result<Described, Undescribed> {
    let mut command = child("describe", mode)?;
    command.arg("--").arg(path);
    let (status, stdout, stderr) = run(command, limit)?;
    if status.success()
        && let Some(at) = stdout.rfind(MARK)
        && let Some(line) = stdout[at + MARK.len()..].lines().next()
    {
        return serde_json::from_str(line).map_err(|error| Undescribed::Failed(error.to_string()));
    }
    if let Some(crash) = crash(status) {
        return Err(Undescribed::Failed(crash));
    }
    let ended = || format!("loading ended the process ({status})");
    Err(Undescribed::Failed(told(&stderr).unwrap_or_else(ended)))
}

/// The error that a child told.
fn told(stderr: &str) -> Option<String> {
    let mut lines = stderr.lines().rev();
    let error = lines.find_map(|line| line.strip_prefix("error: "));
    error.map(str::to_owned)
}

fn run(mut command: Command, limit: Duration) -> Result<(ExitStatus, String, String), Undescribed> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start a child process: {error}"))?;
    let stdout = child.stdout.take().map(read_all);
    let stderr = child.stderr.take().map(read_all);
    let end = Instant::now() + limit;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(2)),
            Ok(None) => {
                // It may have ended in between; then there is nothing to kill.
                let _ = child.kill();
                let _ = child.wait();
                return Err(Undescribed::Hangs(limit));
            }
            Err(error) => return Err(Undescribed::Failed(error.to_string())),
        }
    };
    let text = |reader: Option<thread::JoinHandle<String>>| {
        reader
            .and_then(|reader| reader.join().ok())
            .unwrap_or_default()
    };
    Ok((status, text(stdout), text(stderr)))
}

fn read_all(stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // The output before a read error is still useful.
        let _ = stream.take(MAX_OUTPUT_BYTES).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

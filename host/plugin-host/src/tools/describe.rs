//! Loads a library and reads its description. Runs in a child process: a library can end the
//! process that loads it.

use std::{
    io::Read,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::CHILD_LIMIT;
use crate::{
    boundary::{description::Description, load},
    isolation::crash,
    library::{check, find::Found},
};

/// The marker of the description line, which follows anything that the library itself prints.
const MARK: &str = "datahub-mcp describes: ";
/// The longest output of a child that is read.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024 * 1024;

/// Loads the library at `path` into this process and returns its description, as a line for the
/// process that asked.
///
/// # Errors
/// The reason it cannot be loaded.
pub fn describe(path: &Path) -> Result<String, String> {
    let found = Found::at(path).ok_or_else(|| format!("{}: is not a file", path.display()))?;
    let file = check::check(&found, None).map_err(|error| error.to_string())?;
    let library = load::load(&file).map_err(|error| error.to_string())?;
    let description = Description::of(&*library).map_err(|bad| bad.to_string())?;
    let json = serde_json::to_string(&description).map_err(|error| error.to_string())?;
    Ok(format!("\n{MARK}{json}\n"))
}

/// Asks a child process for the description of the library at `path`.
///
/// # Errors
/// The reason it would not load; a crash of the child is one of them.
pub(super) fn ask_child(path: &Path) -> Result<Description, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command
        .args(["plugins", "describe"])
        .arg(path)
        .stdin(Stdio::null());
    let (status, stdout, stderr) = run(command)?;
    if status.success()
        && let Some(at) = stdout.rfind(MARK)
        && let Some(line) = stdout[at + MARK.len()..].lines().next()
    {
        return serde_json::from_str(line).map_err(|error| error.to_string());
    }
    if let Some(crash) = crash(status) {
        return Err(crash);
    }
    let reason = stderr
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("error: "));
    Err(reason.map_or_else(
        || format!("loading ended the process ({status})"),
        str::to_owned,
    ))
}

fn run(mut command: Command) -> Result<(ExitStatus, String, String), String> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start a child process: {error}"))?;
    let stdout = child.stdout.take().map(read_all);
    let stderr = child.stderr.take().map(read_all);
    let end = Instant::now() + CHILD_LIMIT;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(2)),
            Ok(None) => {
                // It may have ended in between; then there is nothing to kill.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("loading hangs ({} s)", CHILD_LIMIT.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
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

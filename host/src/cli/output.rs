//! Writing to stdout and stderr without `println!`, which panics if a pipe is closed.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

/// Writes data to stdout. A reader that has closed its end is not a failure of the command.
pub fn print(data: impl AsRef<[u8]>) -> ExitCode {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(data.as_ref())
        .and_then(|()| stdout.flush());
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Writes `warning: ` and each line of `lines` to stderr.
pub fn warn(lines: &[String]) {
    let mut stderr = io::stderr().lock();
    for line in lines {
        // A warning that nobody can read changes nothing.
        let _ = writeln!(stderr, "warning: {line}");
    }
}

/// Writes a line to stderr.
pub fn note(line: &str) {
    // A note that nobody can read changes nothing.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes `error: ` and each line of `error` to stderr, and returns `status`.
pub fn fail(status: u8, error: impl Display) -> ExitCode {
    let mut stderr = io::stderr().lock();
    for line in error.to_string().lines() {
        let prefix = if line.starts_with("hint: ") {
            ""
        } else {
            "error: "
        };
        // If stderr is closed, the status still reports the failure.
        let _ = writeln!(stderr, "{prefix}{line}");
    }
    ExitCode::from(status)
}

//! Writing to stdout and stderr without `println!`, which panics where a pipe is closed.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

/// Writes data to stdout. A reader that went away is no failure of ours.
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

/// Writes `error: ` and each line of `error` to stderr, and gives back `status`.
pub fn fail(status: u8, error: impl Display) -> ExitCode {
    let mut stderr = io::stderr().lock();
    for line in error.to_string().lines() {
        let prefix = if line.starts_with("hint: ") {
            ""
        } else {
            "error: "
        };
        // Where stderr is closed the status still tells.
        let _ = writeln!(stderr, "{prefix}{line}");
    }
    ExitCode::from(status)
}

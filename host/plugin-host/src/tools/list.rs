//! `plugins list` and `plugins pin`: the libraries in the plugin directories. Nothing is loaded.

use std::path::PathBuf;

use serde::Serialize;

use super::{describe, resolve};
use crate::{
    SandboxMode, Sha256Digest,
    library::{check, find},
};

/// One file in the plugin directories.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// The name to put into `TOKEN_VALIDATOR_FACTORY`.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// Its size in bytes; `None` if it cannot be read.
    pub size: Option<usize>,
    /// Its SHA-256 checksum in hexadecimal digits.
    pub sha256: Option<String>,
    /// The reason it would not be loaded; `None`: every check that needs no loading passes.
    pub problem: Option<String>,
}

/// The level of the sandbox that a plugin's process reaches on this machine: a child process tries.
pub fn sandbox_level(mode: SandboxMode) -> String {
    describe::sandbox_level(mode)
}

/// Every library in `directories`, with the facts that are known without loading it.
pub fn list(directories: &[PathBuf]) -> Vec<Listed> {
    let all = find::all(directories);
    let twice = |name: &str| all.iter().filter(|found| found.library() == name).count() > 1;
    all.iter()
        .map(|found| {
            let name = found.library().to_owned();
            let checked = check::check(found, None);
            let ambiguous =
                twice(&name).then(|| format!("`{name}` is ambiguous: two files have this name"));
            match checked {
                Ok(file) => Listed {
                    name,
                    file: found.path(),
                    size: Some(file.bytes.len()),
                    sha256: Some(file.sha256.to_string()),
                    problem: ambiguous,
                },
                Err(error) => {
                    let content = check::owned(found).and_then(|path| check::read(&path)).ok();
                    let bytes = content.map(|(bytes, _)| bytes);
                    Listed {
                        name,
                        file: found.path(),
                        size: bytes.as_ref().map(|bytes| bytes.len()),
                        sha256: bytes.map(|bytes| Sha256Digest::of(&bytes).to_string()),
                        problem: Some(error.to_string()),
                    }
                }
            }
        })
        .collect()
}

/// The value of `TOKEN_VALIDATOR_SHA256` that pins `libraries`, each a path or a name.
///
/// # Errors
/// The first one that cannot be found or would not be loaded.
pub fn pin(directories: &[PathBuf], libraries: &[String]) -> Result<String, String> {
    let mut pins = Vec::new();
    for library in libraries {
        let found = resolve(directories, library).map_err(|error| error.to_string())?;
        let file = check::check(&found, None).map_err(|error| error.to_string())?;
        pins.push(format!("{}={}", found.library(), file.sha256));
    }
    Ok(pins.join(","))
}

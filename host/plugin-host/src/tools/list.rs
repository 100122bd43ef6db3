//! `plugins list` and `plugins pin`: the libraries in the plugin directories. Only for a lock are they loaded, in
//! a child process.

use std::path::PathBuf;

use serde::Serialize;

use super::{CHILD_LIMIT, describe, resolve};
use crate::{
    Lock, Locked, SandboxMode, Settings, Sha256Digest,
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

/// The lock of `libraries`, each a path or a name, signed as `settings` demand. A child
/// process loads each. `reports` are files of `plugins check --json` by library.
///
/// # Errors
/// The first one that would not be loaded, or whose report cannot be read.
pub fn lock(
    settings: &Settings,
    libraries: &[String],
    reports: &[(String, PathBuf)],
) -> Result<Lock, String> {
    let mut plugins: Vec<Locked> = Vec::new();
    for library in libraries {
        let found = resolve(&settings.directories, library).map_err(|error| error.to_string())?;
        let file = check::check(&found, None).map_err(|error| error.to_string())?;
        let signer = settings.demands.signers.of(&file.path, &file.bytes);
        let signer = signer.map_err(|error| error.to_string())?;
        let described = describe::ask_child(&file.path, settings.sandbox, CHILD_LIMIT)
            .map_err(|error| error.to_string())?;
        let version = described.description.info.get("version");
        let version = version.and_then(|text| text.as_str());
        let name = found.library().to_owned();
        if plugins.iter().any(|other| other.name == name) {
            return Err(format!("`{name}` is named twice"));
        }
        let report = reports.iter().find(|(of, _)| *of == name);
        let conformance = report.map(|(_, path)| {
            let bytes = std::fs::read(path);
            bytes
                .map(|bytes| Sha256Digest::of(&bytes).to_string())
                .map_err(|error| format!("{}: {error}", path.display()))
        });
        plugins.push(Locked {
            name,
            version: version.unwrap_or_default().to_owned(),
            sha256: file.sha256.to_string(),
            signer: signer.map(str::to_owned),
            conformance: conformance.transpose()?,
        });
    }
    match reports
        .iter()
        .find(|(of, _)| plugins.iter().all(|one| one.name != *of))
    {
        Some((of, _)) => Err(format!("`--report` names `{of}`, which is not pinned")),
        None => Ok(Lock::new(plugins)),
    }
}

//! `plugins.lock`: the libraries that an operator decided to run, one by one: `plugins pin --lock` writes
//! it, and what it does not list is not loaded where a setting names it.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    check::CheckedFile,
    ownership::{OwnershipError, Trust},
};

/// The version of the format.
const FORMAT: u32 = 1;
const MAX_LOCK_BYTES: u64 = 1024 * 1024;

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    format: u32,
    plugins: Vec<Locked>,
}

/// One library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Its name in `TOKEN_VALIDATOR_FACTORY`.
    pub name: String,
    /// Its own version, as it reported it.
    pub version: String,
    /// The SHA-256 checksum of its content, in hexadecimal digits.
    pub sha256: String,
    /// The public key whose signature it must have.
    pub signer: Option<String>,
    /// The SHA-256 checksum of the report of `plugins check`, for the operator's own records.
    pub conformance: Option<String>,
}

/// The reason that a library is not loaded by its lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// Others could have written it.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// It is not one that this version reads.
    #[error("{path}: not a lock file ({why}); write it with `datahub-mcp plugins pin --lock FILE`")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The fault.
        why: String,
    },
    /// It does not list the library.
    #[error(
        "`{library}` is not in {path}; add it with `datahub-mcp plugins pin --lock FILE`, with all other libraries"
    )]
    NotListed {
        /// The lock file.
        path: PathBuf,
        /// The library.
        library: String,
    },
    /// The library is another one.
    #[error("{library}: expected {what} {expected} ({path}), found {found}")]
    Differs {
        /// The lock file.
        path: PathBuf,
        /// The library's file.
        library: PathBuf,
        /// `sha256` or `signer`.
        what: &'static str,
        /// The value in the lock.
        expected: String,
        /// The value of the library.
        found: String,
    },
}

impl Lock {
    /// A lock of `plugins`.
    pub fn new(plugins: Vec<Locked>) -> Self {
        Self {
            format: FORMAT,
            plugins,
        }
    }

    /// Reads the file at `path`, which nobody else may write.
    ///
    /// # Errors
    /// If it cannot be trusted, read or understood.
    pub(crate) fn read(path: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io {
            path: path.to_path_buf(),
            source,
        };
        let malformed = |why: String| LockError::Malformed {
            path: path.to_path_buf(),
            why,
        };
        let target = fs::canonicalize(path).map_err(io)?;
        let trust = Trust::of_this_process();
        if let Some(folder) = target.parent() {
            trust.directory(folder)?;
        }
        let metadata = fs::symlink_metadata(&target).map_err(io)?;
        trust.file(&target, &metadata)?;
        if !metadata.is_file() || metadata.len() > MAX_LOCK_BYTES {
            return Err(malformed("it is not a small regular file".to_owned()));
        }
        let text = fs::read_to_string(&target).map_err(io)?;
        let lock: Self =
            serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if lock.format != FORMAT {
            return Err(malformed(format!(
                "expected format {FORMAT}, found {}",
                lock.format
            )));
        }
        for (at, one) in lock.plugins.iter().enumerate() {
            if lock.plugins[..at]
                .iter()
                .any(|other| other.name == one.name)
            {
                return Err(malformed(format!(
                    "`{}` is in it twice",
                    one.name.escape_default()
                )));
            }
        }
        Ok(lock)
    }

    /// Writes the lock to `path`, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let write = || {
            let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
            let mut aside = path.as_os_str().to_owned();
            aside.push(".new");
            let aside = PathBuf::from(aside);
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o644)
                .open(&aside)?;
            file.write_all(format!("{text}\n").as_bytes())?;
            file.sync_all()?;
            fs::rename(&aside, path)
        };
        write().map_err(|source| LockError::Io {
            path: path.to_path_buf(),
            source,
        })
    }

    /// Checks `file`, signed by `signer`, against the entry of `library`. `path` is that of the lock.
    ///
    /// # Errors
    /// If there is no entry, or the file is another one.
    pub(crate) fn admits(
        &self,
        path: &Path,
        library: &str,
        file: &CheckedFile,
        signer: Option<&str>,
    ) -> Result<(), LockError> {
        let entry = self.plugins.iter().find(|one| one.name == library);
        let Some(entry) = entry else {
            return Err(LockError::NotListed {
                path: path.to_path_buf(),
                library: library.to_owned(),
            });
        };
        let differs = |what, expected: &str, found: &str| LockError::Differs {
            path: path.to_path_buf(),
            library: file.path.clone(),
            what,
            expected: expected.escape_default().take(128).collect(),
            found: found.to_owned(),
        };
        let sha256 = file.sha256.to_string();
        if !entry.sha256.eq_ignore_ascii_case(&sha256) {
            return Err(differs("sha256", &entry.sha256, &sha256));
        }
        match &entry.signer {
            Some(expected) if signer != Some(expected.as_str()) => Err(differs(
                "signer",
                expected,
                signer.unwrap_or("none that `PLUGIN_SIGNERS` names"),
            )),
            _ => Ok(()),
        }
    }
}

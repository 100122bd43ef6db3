//! The operator's demands on a library beyond its checksum: a signature, and a place in `plugins.lock`.

use std::path::PathBuf;

use super::{
    check::CheckedFile,
    lock::{Lock, LockError},
    signature::{SignatureError, Signers},
};

/// The demands on every library of the chain.
#[derive(Debug, Clone, Default)]
pub struct Demands {
    /// The keys of which one must have signed it.
    pub signers: Signers,
    /// The lock file that must list it. Read at each load, so that a reload sees what was added.
    pub lock: Option<PathBuf>,
}

/// The demand that a library does not meet.
#[derive(Debug, thiserror::Error)]
pub enum DemandError {
    /// Its signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Its entry in the lock.
    #[error("`TOKEN_VALIDATOR_LOCK`: {0}")]
    Lock(#[from] LockError),
}

impl Demands {
    /// Checks `file`, which the chain calls `library`. Nothing of it has run.
    ///
    /// # Errors
    /// The first demand that it does not meet.
    pub(crate) fn check(&self, library: &str, file: &CheckedFile) -> Result<(), DemandError> {
        let signer = self.signers.of(&file.path, &file.bytes)?;
        if let Some(path) = &self.lock {
            Lock::read(path)?.admits(path, library, file, signer)?;
        }
        Ok(())
    }
}

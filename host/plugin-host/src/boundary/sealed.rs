//! A checked library as it is loaded, here or in another process: its content in a form that nobody
//! can change, and what loading needs to know of it.

use std::{io, path::PathBuf};

use abi_stable::library::ROOT_MODULE_LOADER_NAME_WITH_NUL;
use serde::{Deserialize, Serialize};

use super::{c_v1, private_copy::PrivateCopy};
use crate::{
    Sha256Digest,
    library::{check::CheckedFile, elf},
};

/// A library that passed every check; nothing of it has run yet.
#[derive(Debug)]
pub(crate) struct SealedLibrary {
    /// The path at which it was found (after symbolic links).
    pub(crate) path: PathBuf,
    /// The checksum of the content.
    pub(crate) sha256: Sha256Digest,
    pub(crate) symbols: Symbols,
    pub(crate) content: PrivateCopy,
}

/// The symbols that a library exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Symbols {
    /// True if it has the entry of a plugin in Rust.
    pub(super) rust: bool,
    /// True if it has the entry of a plugin in C.
    pub(super) c: bool,
    /// True if it contains a Go runtime.
    pub(crate) go: bool,
    /// The number of all.
    pub(super) count: usize,
}

impl SealedLibrary {
    /// Copies the content of `file`.
    ///
    /// # Errors
    /// If there is no place for it.
    pub(crate) fn of(file: &CheckedFile) -> io::Result<Self> {
        Ok(Self {
            path: file.path.clone(),
            sha256: file.sha256,
            symbols: Symbols::in_library(&file.bytes),
            content: PrivateCopy::of(&file.bytes)?,
        })
    }
}

/// The symbol that a Rust plugin exports, without the terminating NUL.
pub(crate) fn root_symbol() -> &'static str {
    ROOT_MODULE_LOADER_NAME_WITH_NUL.trim_end_matches('\0')
}

impl Symbols {
    fn in_library(bytes: &[u8]) -> Self {
        let exports = elf::summary(bytes).exports;
        let has = |symbol: &str| exports.iter().any(|name| name == symbol);
        Self {
            rust: has(root_symbol()),
            c: has(c_v1::ENTRY),
            // The C side of every library built by the Go compiler calls into Go through this function.
            go: has("crosscall2"),
            count: exports.len(),
        }
    }
}

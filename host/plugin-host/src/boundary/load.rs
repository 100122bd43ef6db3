//! From a sealed library to a loaded one: `dlopen`, and the API
//! version that the library's header states.
//!
//! A library is never unloaded. Two copies of one file are two libraries.
#![expect(
    unsafe_code,
    reason = "dlopen runs the library's initialisers, and a symbol's type is only the library's claim"
)]

use std::{
    io,
    panic::catch_unwind,
    path::{Path, PathBuf},
    sync::Arc,
};

use abi_stable::library::{
    AbiHeaderRef, LibHeader, LibraryError as AbiError, ROOT_MODULE_LOADER_NAME_WITH_NUL,
};
use libloading::os::unix::{Library as Dl, RTLD_LOCAL, RTLD_NOW, Symbol};

use super::{
    BadLibrary, Library, abi_v1_0, abi_v1_1,
    abi_version::{AbiVersion, Number},
    c_v1,
    sealed::{SealedLibrary, root_symbol},
};

/// Never unload: threads and thread-local destructors of a plugin outlive its last use.
const RTLD_NODELETE: std::ffi::c_int = 0x1000;

/// The reason a checked file could not be loaded as a library.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// It is a library, but not a token validator.
    #[error(
        "{path}: is not a token validator: expected the symbol `{expected}` or \
         `datahub_mcp_token_validator_v1`, found {found} other exported symbols"
    )]
    MissingSymbol {
        /// The file.
        path: PathBuf,
        /// The symbol that a token validator exports.
        expected: &'static str,
        /// The number of symbols that it exports.
        found: usize,
    },
    /// The private copy could not be made.
    #[error("{path}: cannot make a private copy to load: {source}")]
    Copy {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The dynamic linker refused.
    #[error("{path}: {reason}")]
    Dlopen {
        /// The file.
        path: PathBuf,
        /// The dynamic linker's message.
        reason: String,
    },
    /// It uses another version of the API.
    #[error("{path}: expected plugin API {expected}, found {found}")]
    Abi {
        /// The file.
        path: PathBuf,
        /// The API versions that this host supports.
        expected: String,
        /// The API version of the library.
        found: String,
    },
    /// Its description is invalid.
    #[error("{path}: {reason}")]
    Description {
        /// The file.
        path: PathBuf,
        /// The fault in the description.
        reason: String,
    },
}

impl LibraryError {
    pub(crate) fn description(path: &Path, bad: &BadLibrary) -> Self {
        Self::Description {
            path: path.to_path_buf(),
            reason: bad.0.clone(),
        }
    }
}

/// The versions of the ABI that this host loads, oldest first. A library is loaded by the version that its
/// header states and by no other: two versions may share a layout and differ in meaning.
const KNOWN: [AbiVersion; 2] = [abi_v1_0::VERSION, abi_v1_1::VERSION];

/// Loads `file`. Its initialisers run here, with the rights of this process. Loading one value twice
/// gives the same library twice.
///
/// # Errors
/// What was expected and what was found.
pub(crate) fn load(file: &SealedLibrary) -> Result<Arc<dyn Library>, LibraryError> {
    // Looked up in the file first: the initialisers of a library that is not a plugin never run.
    let symbols = file.symbols;
    if !symbols.rust && !symbols.c {
        return Err(LibraryError::MissingSymbol {
            path: file.path.clone(),
            expected: root_symbol(),
            found: symbols.count,
        });
    }
    let copy = file.content.path_for_good();
    let copy = copy.map_err(|source| LibraryError::Copy {
        path: file.path.clone(),
        source,
    })?;
    let library = dlopen(&copy, &file.path)?;
    if !symbols.rust {
        let loaded = c_v1::load(&library);
        // Never closed, even if it was refused: its initialisers have run.
        let _ = library.into_raw();
        return loaded.map_err(|bad| LibraryError::description(&file.path, &bad));
    }
    let header = header(&library, file)?;
    // Never closed: everything obtained from it stays valid.
    let _ = library.into_raw();
    by_version(header, &file.path)
}

fn by_version(header: &'static LibHeader, path: &Path) -> Result<Arc<dyn Library>, LibraryError> {
    let refuse = |found: String| LibraryError::Abi {
        path: path.to_path_buf(),
        expected: known(),
        found,
    };
    let Some(stated) = Number::of(header) else {
        return Err(refuse("a header without a version number".to_owned()));
    };
    let Some(version) = KNOWN.iter().find(|version| version.number == stated) else {
        return Err(refuse(format!("{stated} ({})", advice(stated))));
    };
    let because = |reason: String| refuse(format!("{stated} ({reason})"));
    match catch_unwind(|| (version.load)(header)) {
        Ok(Ok(library)) => Ok(library),
        Ok(Err(error)) => {
            tracing::debug!(%stated, path = %path.display(), %error, "the library does not fit its ABI version");
            Err(because(in_short(&error)))
        }
        Err(_) => Err(because("its root module panicked".to_owned())),
    }
}

/// The versions that this host loads, as text for errors.
fn known() -> String {
    let [oldest, newest] = [KNOWN.first(), KNOWN.last()]
        .map(|version| version.map_or_else(String::new, |version| version.number.to_string()));
    if oldest == newest {
        newest
    } else {
        format!("{oldest} to {newest}")
    }
}

/// The way out for a library of a version that this host does not load.
fn advice(stated: Number) -> &'static str {
    let newest = KNOWN.last().map(|version| version.number);
    if newest.is_some_and(|newest| stated.major == newest.major && stated > newest) {
        "newer than this server: update the server, or build the library with an older plugin-api"
    } else {
        "another major version: build the library with this server's plugin-api"
    }
}

/// Summarizes the errors of the layout check, which fill pages, in one line.
fn in_short(error: &AbiError) -> String {
    match error {
        AbiError::IncompatibleVersionNumber { .. } => "another major version".to_owned(),
        AbiError::AbiInstability(_) => {
            "its types have another layout: it was built against a changed plugin-api".to_owned()
        }
        AbiError::InvalidAbiHeader(found) => format!(
            "built with abi_stable {}.{} instead of {}",
            found.abi_major, found.abi_minor, "0.11"
        ),
        AbiError::InvalidCAbi { .. } => "its compiler passes values in another way".to_owned(),
        AbiError::RootModule { .. } => "its root module could not be initialised".to_owned(),
        _ => "its header cannot be read".to_owned(),
    }
}

fn header(library: &Dl, file: &SealedLibrary) -> Result<&'static LibHeader, LibraryError> {
    let missing = || LibraryError::MissingSymbol {
        path: file.path.clone(),
        expected: root_symbol(),
        found: 0,
    };
    // SAFETY: nothing is read through the symbol yet; its address is a pointer and may be null.
    let symbol: Symbol<*const ()> =
        unsafe { library.get(ROOT_MODULE_LOADER_NAME_WITH_NUL) }.map_err(|_| missing())?;
    if symbol.into_raw().is_null() {
        return Err(missing());
    }
    // SAFETY: a library that exports this name puts abi_stable's header there: that is the
    // contract of the name. The header begins with a magic string, which `upgrade` checks before
    // it reads on. The library is never closed, so `'static` holds.
    let header: AbiHeaderRef = unsafe {
        let symbol: Symbol<AbiHeaderRef> = library
            .get(ROOT_MODULE_LOADER_NAME_WITH_NUL)
            .map_err(|_| missing())?;
        *symbol
    };
    header.upgrade().map_err(|error| LibraryError::Abi {
        path: file.path.clone(),
        expected: known(),
        found: in_short(&error),
    })
}

fn dlopen(copy: &Path, origin: &Path) -> Result<Dl, LibraryError> {
    // SAFETY: this runs the library's initialisers, which is what the operator asked for by
    // naming it; the bytes were checked and nobody can change the copy. NOW: a missing symbol is
    // an error here and not a crash later. LOCAL: no other library sees its symbols.
    let opened = unsafe { Dl::open(Some(copy), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) };
    opened.map_err(|error| LibraryError::Dlopen {
        path: origin.to_path_buf(),
        reason: in_words(&error).replace(&copy.display().to_string(), "the library"),
    })
}

fn in_words(error: &libloading::Error) -> String {
    use std::error::Error;

    error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_says_which_version_it_knows() {
        let said: serde_json::Value = serde_json::from_str(crate::boundary::HOST_INFO).unwrap();
        assert_eq!(said["name"], "datahub-mcp");
        assert_eq!(said["api"], KNOWN.last().unwrap().number.to_string());
        assert!(KNOWN.is_sorted_by(|one, next| one.number < next.number));
    }
}

//! One version of the Rust ABI, and how a library's header states the one that it was built with.

use std::{fmt, sync::Arc};

use abi_stable::{
    library::{LibHeader, LibraryError as AbiError},
    sabi_types::VersionNumber,
};

use super::Library;

/// A version of the ABI that this host implements: a frozen module of `plugin_api`, and the file of
/// the boundary that loads libraries built with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AbiVersion {
    pub(crate) number: Number,
    /// Loads a library that was built with this version.
    pub(crate) load: fn(&'static LibHeader) -> Result<Arc<dyn Library>, AbiError>,
}

/// The number of a version. Patch releases of `plugin_api` do not change the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

impl Number {
    /// The number in a library's header, which is data: no code of the library runs.
    pub(crate) fn of(header: &LibHeader) -> Option<Self> {
        let stated = VersionNumber::new(header.version_strings()).ok()?;
        Some(Self {
            major: stated.major,
            minor: stated.minor,
        })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

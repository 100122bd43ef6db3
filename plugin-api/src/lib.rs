//! The stable boundary between `datahub-mcp` and its token validator plugins.
//!
//! - [`v1_0`], [`v1_1`]: the frozen types of each ABI version. Never changed once released: a later
//!   minor version is a module of its own, with what it adds.
//! - [`sdk`] (feature `sdk`, on by default for vendors): the trait a vendor implements, the export
//!   macro, the guards against panics, the plugin's own runtime, tracing forwarded to the host.
//! - [`c_v1`]: the same contract for plugins in C, or in any language with a C interface:
//!   `include/token_validator.h`.
//!
//! This crate knows nothing of HTTP, MCP or DataHub.

// The crates that the boundary's types come from. Both sides must use exactly these versions, so
// they are re-exported.
pub use abi_stable;
pub use async_ffi;

pub mod c_v1;
#[cfg(feature = "sdk")]
pub mod sdk;
pub mod v1_0;
pub mod v1_1;

/// The newest version of the ABI, with which the SDK builds a library.
pub use v1_1 as newest;

/// The vendor's manual, so that its code is compiled as doc tests.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../README.md")]
pub struct Manual;

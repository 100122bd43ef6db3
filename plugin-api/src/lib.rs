//! The stable boundary between `datahub-mcp` and its token validator plugins.
//!
//! - [`v1_0`]: the frozen types of ABI version 1.0. Never changed once released: a later minor
//!   version is a module of its own.
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

/// The vendor's manual, so that its code is compiled as doc tests.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../README.md")]
pub struct Manual;

//! The stable boundary between `datahub-mcp` and its token validator plugins.
//!
//! - [`v1_0`]: the frozen ABI types of rung 1.0. Never changed once released: a later minor is a
//!   module of its own.
//! - [`sdk`] (feature `sdk`, on by default for vendors): the trait a vendor implements, the export
//!   macro, the guards against panics, the plugin's own runtime, tracing forwarded to the host.
//! - [`c_v1`]: the same contract for plugins in C and what speaks C, `include/token_validator.h`.
//!
//! This crate knows nothing of HTTP, MCP or DataHub.

// What the boundary is made of. Both sides must use these very versions, so they are given on.
pub use abi_stable;
pub use async_ffi;

pub mod c_v1;
#[cfg(feature = "sdk")]
pub mod sdk;
pub mod v1_0;

/// The code of the author's manual has to compile.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../README.md")]
pub struct Manual;

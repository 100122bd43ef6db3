//! Isolation: a library in a process of its own. A crash of the plugin costs the requests in flight
//! a 503 and a moment until the process is restarted; the server keeps running.
//!
//! Each library is opened here first, also one that the server itself opens afterwards: what hangs,
//! exits or crashes then does so elsewhere. One thread for each process starts it, reads from it,
//! and restarts it after it has died.

mod calls;
pub(crate) mod child;
mod crash;
pub(crate) mod harden;
mod library;
mod output;
pub(crate) mod process;
mod recipe;
mod remote;
pub(crate) mod sandbox;
mod supervisor;
mod wire;

pub use self::crash::crash;
pub(crate) use self::{
    library::{CreateError, Described, Isolated},
    process::Bounds,
    sandbox::Policy,
};

//! Isolation: a validator in a process of its own. A crash of the plugin costs the requests in
//! flight a 503 and a moment until the process is restarted; the server keeps running.
//!
//! One thread for each validator reads from its process, and restarts it after it has died.

pub(crate) mod child;
mod crash;
mod library;
mod process;
mod remote;
pub(crate) mod sandbox;
mod supervisor;
mod wire;

pub use self::crash::crash;
pub(crate) use self::{library::library, process::Bounds};

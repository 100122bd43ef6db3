//! Logs on stderr and metrics: how they are set up, and the one line that each request leaves.
//!
//! Nothing sensitive may come here: tokens, codes, secrets, header values and query strings are
//! kept out where they arise, not filtered here. People are known by a digest of their subject.

mod access;
mod logs;
pub mod metrics;
mod panics;

pub use self::{
    access::{Access, AccessLog, Who},
    logs::{Format, Logs, Settings, SetupError},
};

//! Logs on stderr and metrics: their setup, and the access line of each request.
//!
//! Nothing sensitive may reach this module: tokens, codes, secrets, header values and query strings
//! are kept out by its callers, not filtered here. People appear as a keyed digest of their subject.

#![forbid(unsafe_code)]

mod access;
mod access_format;
mod logs;
pub mod metrics;
mod notes;
mod panics;
mod sampled;

pub use self::{
    access::{Access, AccessLog, Ending},
    logs::{Format, Logs, Settings, SetupError},
    notes::{Message, Notes},
    sampled::Sampled,
};

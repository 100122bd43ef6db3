//! The plugin host: finds validator libraries, checks them, loads them through the stable ABI,
//! calls them with deadlines and remembers their answers.
//!
//! Never names a concrete plugin, never trusts what one returns.

mod check;
mod digest;
mod elf;
mod find;
mod near;
mod ownership;
mod settings;

use std::{sync::Arc, time::Duration};

pub use self::{
    check::CheckError,
    digest::Sha256Digest,
    elf::ElfError,
    find::FindError,
    ownership::OwnershipError,
    settings::{
        BreakerSettings, EnvView, Isolation, Limits, OptionSources, PinError, Pins, Settings,
        SpecError, ValidatorSpec,
    },
};
use crate::auth::Principal;

/// What the validators say of a token.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The token is good: serve the request as this person.
    Accepted(Arc<Principal>),
    /// The token is not good, or nobody's: HTTP 401. The reason is already in the log.
    Rejected,
    /// It cannot be said now (provider down, deadline, breaker, fault of the plugin): HTTP 503.
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

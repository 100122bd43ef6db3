//! The plugin host: finds validator libraries, checks them, loads them through the stable ABI,
//! calls them with deadlines and remembers their answers.
//!
//! Never names a concrete plugin, never trusts what one returns.

mod answer;
mod backend;
mod breaker;
mod c_abi;
mod c_calls;
mod cache;
mod chain;
mod check;
mod description;
mod digest;
mod elf;
#[cfg(test)]
mod fake;
mod find;
mod flights;
mod hostlog;
mod image;
mod isolation;
mod lane;
mod load;
mod make;
mod mask;
mod near;
mod options;
mod ownership;
mod reload;
mod rung_1_0;
mod schema;
mod service;
mod settings;
pub mod tools;
mod validator;

use std::{sync::Arc, time::Duration};

pub(crate) use self::isolation::child::run as run_isolated;
pub use self::{
    check::CheckError,
    digest::Sha256Digest,
    elf::ElfError,
    find::FindError,
    load::LibraryError,
    make::{Cause, LoadError},
    options::OptionError,
    ownership::OwnershipError,
    reload::{ReloadError, Reloaded, ReloadedValidator},
    schema::Violation,
    service::{Health, ValidatorHealth, Validators},
    settings::{
        BreakerSettings, EnvView, Isolation, Limits, OptionSources, PinError, Pins, Settings,
        SpecError, ValidatorSpec,
    },
};
use crate::auth::Principal;

/// The verdict of the validators on a token.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The token is valid: serve the request as this person.
    Accepted(Arc<Principal>),
    /// The token is invalid, or no validator recognizes it: HTTP 401. The reason is already in the
    /// log.
    Rejected,
    /// It cannot be decided now (provider down, deadline, breaker, fault of the plugin): HTTP 503.
    Unavailable {
        /// The time to wait before a retry.
        retry_after: Duration,
    },
}

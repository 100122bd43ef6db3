//! The trait object that a plugin hands to the host.
#![expect(
    non_local_definitions,
    reason = "`sabi_trait` generates impls inside of constants"
)]
#![expect(
    unused_qualifications,
    reason = "`sabi_trait` imports what it qualifies"
)]

use abi_stable::{
    sabi_trait,
    std_types::{RBox, ROption, RResult},
};
use async_ffi::FfiFuture;

use super::{Failure, Outcome, Request};

/// A validator: created by a plugin, called concurrently by the host.
///
/// A returned future is polled and dropped by the host on threads of its choice. Dropping it
/// cancels the call; the plugin must not touch the caller's data after that. The futures outlive
/// the borrow of the validator, and may outlive the validator.
#[sabi_trait]
pub trait Validator: Send + Sync + 'static {
    /// Answers at once from memory (cached keys, cached answers), or returns `RNone` to be asked
    /// through [`Self::validate`]. Must not block, wait or do I/O: it runs on a thread that
    /// serves other requests.
    fn try_validate(&self, request: &Request) -> ROption<Outcome>;

    /// Answers, with whatever I/O that needs.
    fn validate(&self, request: Request) -> FfiFuture<Outcome>;

    /// Says whether the validator could answer now.
    fn health(&self) -> FfiFuture<RResult<(), Failure>>;

    /// Revokes tokens and flushes state. Called once, before the validator is dropped. The host
    /// waits a bounded time. No other method is called after it, but calls in progress continue.
    #[sabi(last_prefix_field)]
    fn shutdown(&self) -> FfiFuture<()>;
}

/// A validator as it crosses the boundary.
pub type ValidatorBox = Validator_TO<RBox<()>>;

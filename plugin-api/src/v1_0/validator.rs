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

/// A validator, made by a plugin, called by the host, concurrently.
///
/// A returned future is polled and dropped by the host on threads of its choice. Dropping it
/// cancels the call; the plugin must not touch the caller's data after that. The futures outlive
/// the borrow of the validator, and may outlive the validator.
#[sabi_trait]
pub trait Validator: Send + Sync + 'static {
    /// Answers at once from what is in memory (cached keys, cached answers), or says `RNone` to be
    /// asked by [`Self::validate`]. Must not block, wait or do I/O: it runs on a thread that
    /// serves other requests.
    fn try_validate(&self, request: &Request) -> ROption<Outcome>;

    /// Answers with all the I/O that it takes.
    fn validate(&self, request: Request) -> FfiFuture<Outcome>;

    /// Says whether the validator could answer now.
    fn health(&self) -> FfiFuture<RResult<(), Failure>>;

    /// Called once, before the validator is dropped, to revoke and flush. The host waits a bounded
    /// time. No other method is called after it, but calls under way go on.
    #[sabi(last_prefix_field)]
    fn shutdown(&self) -> FfiFuture<()>;
}

/// A validator as it crosses the boundary.
pub type ValidatorBox = Validator_TO<RBox<()>>;

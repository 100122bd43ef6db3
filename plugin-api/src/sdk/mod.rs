//! The SDK for vendors: one trait ([`TokenValidator`]), four types, one macro
//! ([`export_token_validators!`](crate::export_token_validators)).
//!
//! Owns everything between a vendor's `async` code and the boundary: the guards against panics, the
//! plugin's runtime, the forwarding of its log records. Knows no kind of token.
#![expect(
    unsafe_code,
    reason = "the boundary passes pointers; each use says why it is sound"
)]

mod config;
mod convert;
#[doc(hidden)]
pub mod export;
mod failure;
mod guard;
mod host;
mod identity;
mod log;
mod needs;
mod panic_hook;
mod request;
mod runtime;
mod scope;
mod shim;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

use std::future::Future;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use self::{
    config::NoOptions,
    failure::{Failure, FailureKind},
    host::HostInfo,
    identity::Identity,
    needs::Needs,
    request::{Request, Token},
};

/// Decides whether a bearer token is valid, and which person it belongs to.
///
/// One instance serves every request of the host, concurrently. Every method is called
/// within the plugin's own runtime: `tokio`, `reqwest` and `tracing` work as in any program. A
/// panic in any method is caught and becomes a failure of that call.
pub trait TokenValidator: Sized + Send + Sync + 'static {
    /// The options of this validator, parsed from the host's JSON configuration.
    ///
    /// Its JSON Schema is published to the host, which refuses unknown options and prints the rest
    /// in `datahub-mcp plugins inspect`. Doc comments become the descriptions. A property may name
    /// an environment variable of the host with `#[schemars(extend("x-env" = "OIDC_ISSUER_URL"))]`
    /// and be marked as secret with `#[schemars(extend("x-secret" = true))]`.
    type Config: DeserializeOwned + JsonSchema;

    /// The parts of the system that this validator uses, which a host with a sandbox allows it.
    fn needs() -> Needs {
        Needs::default()
    }

    /// Creates the validator from its options, once per start or reload.
    ///
    /// Called within the plugin's runtime, on a thread that may block: tasks can be spawned, and
    /// `tokio::runtime::Handle::current().block_on(..)` fetches what is needed before the first
    /// request. The host waits 30 s unless it is configured otherwise.
    ///
    /// # Errors
    /// [`FailureKind::Misconfigured`] if the options are wrong; name the option. Any error stops
    /// the host's start and is printed with its detail; at a reload, the old instance continues to
    /// serve.
    fn create(config: Self::Config) -> Result<Self, Failure>;

    /// Answers at once from memory, or returns `None` to be asked through [`Self::validate`].
    ///
    /// Called on the host's own threads, which serve other people's requests too: it must not
    /// block, wait or do I/O. It may spawn a task that refreshes its cache.
    ///
    /// # Errors
    /// See [`FailureKind`].
    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        let _ = request;
        None
    }

    /// Answers, with whatever I/O that needs, on the plugin's own runtime. The future is dropped
    /// (cancelled) at its next `await` when the caller disconnects or the deadline passes.
    ///
    /// # Errors
    /// See [`FailureKind`]. An outage of the provider is `Unavailable`, never `Rejected`.
    fn validate(&self, request: Request) -> impl Future<Output = Result<Identity, Failure>> + Send;

    /// Says whether the validator could answer now, as a hint for operators and load balancers.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`] if its provider cannot be reached.
    fn health(&self) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// Revokes tokens and flushes state. Called once, when the host stops or replaces this
    /// instance. The host waits 5 s unless it is configured otherwise.
    fn shutdown(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

//! The code that the validator plugins share: HTTP with limits, a provider's discovery and keys,
//! the checks of JWTs, a clock that tests can move.
//!
//! An rlib, linked into each plugin, above the crate `outbound`, which makes all connections of the
//! whole server. It deals with the provider's side of a token, and depends neither on the host nor
//! on MCP, nor on any part of the plugin interface but `plugin_api::sdk`.

mod algorithm;
mod cache;
mod claims;
mod client;
mod clock;
mod datahub;
mod discovery;
mod doubt;
mod endpoint;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod http;
mod issuer;
mod jwk;
mod jwks;
mod jws;
mod options;
mod provider;
mod strict_json;
mod swap;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod verifier;

pub use self::{
    cache::{Cache, Remember, TokenDigest},
    claims::{AudienceRule, Verified, lookup, scopes_of},
    client::{ClientAuth, ClientOptions},
    clock::Clock,
    datahub::{DataHub, DataHubError},
    endpoint::{Endpoint, EndpointKind},
    http::{Answer, Http, HttpError, Network, ProxyText, shown},
    jws::{MAX_TOKEN_BYTES, quoted, unverified_claims},
    options::{List, OidcOptions, Seconds, Secret, Switch},
    swap::Swap,
    verifier::Verifier,
};

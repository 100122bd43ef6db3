//! The DataHub client: one shared connection pool, a cheap client value per request that carries
//! that person's token, and GraphQL with DataHub's own error semantics.
//!
//! Holds no state between people: no cookies, no cached answers that depend on who asked.
//! Never retries a mutation, never follows a redirect, never reads more than the cap of an answer,
//! never puts a token into an error or a log line.
//!
//! Read it in this order: [`DataHub`] (the pool), [`DataHubClient::execute`] (one call), `answer`
//! (the meaning of a response), `pool` and `retry` (the behaviour while DataHub is down),
//! `server` (the version of DataHub), `unsupported_fields` and `prune` (the fields left out for it).

#![forbid(unsafe_code)]

mod answer;
mod caller;
mod client;
mod document;
mod error;
mod failures;
mod fragments;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod pool;
mod prune;
mod retry;
mod server;
mod settings;
mod transport;
mod tree;
mod unsupported_fields;
mod version;

#[cfg(any(test, feature = "testing"))]
pub mod fake;
#[cfg(test)]
mod tests;

pub use self::{
    answer::{Answer, FieldError},
    caller::{Caller, HttpOutcome},
    client::{DataHub, DataHubClient},
    document::{Document, NamedOperation, Operation},
    error::DataHubError,
    fragments::Fragments,
    pool::SetupError,
    server::{Health, ServerInfo},
    settings::Settings,
    tree::Tree,
    version::{Since, Version},
};

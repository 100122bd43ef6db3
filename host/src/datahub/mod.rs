//! Talking to DataHub: one shared connection pool, a cheap client value for each request that
//! carries that person's token, GraphQL with DataHub's own error semantics.
//!
//! Holds no state between people: no cookies, no cached answers that depend on who asked.
//! Never retries a mutation, never follows a redirect, never reads more than the cap of an answer,
//! never puts a token into an error or a log line.
//!
//! Read it in this order: [`DataHub`] (the pool), [`DataHubClient::execute`] (one call), `answer`
//! (what a response means), `breaker` and `retry` (what happens while DataHub is down), `server`
//! (which version is on the other side), `cuts` and `strip` (what is left out for it).

mod answer;
mod breaker;
mod client;
mod cuts;
mod document;
mod error;
mod fragments;
mod retry;
mod server;
mod settings;
mod strip;
mod transport;
mod version;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

pub use self::{
    answer::{Answer, FieldError},
    client::{DataHub, DataHubClient, SetupError},
    document::{Document, NamedOperation, Operation},
    error::DataHubError,
    fragments::Fragments,
    server::{Health, ServerInfo},
    settings::Settings,
    version::{Since, Version},
};

//! The embedded DataHub: a catalog of aspects in memory, answered as DataHub answers it.
//!
//! [`EmbeddedDataHub::start`] binds a port on loopback and serves `/config`, `/health`, GraphQL and
//! as much of REST as DataHub's own clients need. People, tokens and trusted issuers are plain
//! values in [`Options`]; [`Running`] gives tests the address, the tokens, [`Controls`] and the
//! record of requests.
//!
//! Not meant for a network. Nothing is written to disk, and answers contain only data that the
//! catalog holds.

mod auth;
mod catalog;
mod complexity;
mod controls;
mod engine;
mod error;
mod facets;
mod filters;
mod formats;
mod http;
mod hub;
mod index;
mod keys;
mod kinds;
mod lineage;
mod mutations;
mod options;
mod query_string;
mod record;
mod resolvers;
mod rest;
mod search;
mod time;
mod tokens;
mod views;

use std::net::SocketAddr;
use std::sync::Arc;

pub use catalog::{Catalog, LoadError};
pub use controls::{Controls, Recorded, Written};
pub use options::{Jwks, Kind, Options, Person, TrustedIssuer};

use hub::Hub;

use crate::serve::{Bound, Server};

#[cfg(test)]
mod tests;

/// The DataHub of the sandbox; see the module.
#[derive(Debug)]
pub struct EmbeddedDataHub;

/// The reason why the embedded DataHub did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or there is no file descriptor left.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Bind {
        /// The port that was asked for.
        port: u16,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The HTTP client that fetches key sets could not be built.
    #[error("cannot build the HTTP client for key sets: {0}")]
    Client(#[from] reqwest::Error),
    /// A token could not be signed.
    #[error("cannot sign the token of `{username}`: {source}")]
    Token {
        /// The owner of the token.
        username: String,
        /// The error of the library.
        source: jsonwebtoken::errors::Error,
    },
    /// A part of the schema that should be hidden is not in it, or cannot be missing.
    #[error("the schema cannot do without it: {0}")]
    Schema(String),
}

impl EmbeddedDataHub {
    /// Starts serving on 127.0.0.1 and returns once the port answers.
    ///
    /// # Errors
    /// The port is taken, or a token could not be signed.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let port = options.port;
        let bound = Bound::loopback(port)
            .await
            .map_err(|source| StartError::Bind { port, source })?;
        let hub = Arc::new(Hub::new(options)?);
        let server = bound.serve(http::router(Arc::clone(&hub)));
        Ok(Running { hub, server })
    }
}

/// A running embedded DataHub. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Running {
    hub: Arc<Hub>,
    server: Server,
}

impl Running {
    /// `http://127.0.0.1:PORT`, without a slash at the end: the value of `DATAHUB_GMS_URL`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// DataHub's own token of a person (or service account) given at start; none for others.
    pub fn token(&self, username: &str) -> Option<String> {
        self.hub.tokens.of_person(username)
    }

    /// The switches and the record for tests.
    pub fn controls(&self) -> &Controls {
        &self.hub.controls
    }

    /// The catalog as it is now, with every write so far.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.hub.catalog()
    }

    /// Replaces the present catalog; people are kept.
    pub fn replace_catalog(&self, catalog: Catalog) {
        self.hub.replace_catalog(catalog);
    }

    /// Stops listening, and waits until every request is answered.
    pub async fn shutdown(self) {
        self.server.stopped().await;
    }
}

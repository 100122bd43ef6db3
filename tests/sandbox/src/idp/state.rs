//! The provider's state, shared by all handlers: options, keys, clients, store, clock, faults.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use serde_json::Value;

use super::faults::Faults;
use super::keys::{KeyError, KeyRing};
use super::options::{Client, Options};
use super::store::Store;
use crate::clock::Clock;
use crate::people::Person;

#[derive(Debug)]
pub(super) struct Idp {
    pub(super) options: Options,
    pub(super) issuer: String,
    pub(super) clock: Clock,
    pub(super) keys: RwLock<KeyRing>,
    pub(super) clients: RwLock<Vec<Client>>,
    pub(super) store: Mutex<Store>,
    pub(super) faults: Arc<Faults>,
    /// Entries before our own in the key set.
    pub(super) odd_jwks: RwLock<Vec<Value>>,
    pub(super) discovery: RwLock<serde_json::Map<String, Value>>,
    pub(super) jwks_cache_control: RwLock<Option<String>>,
}

impl Idp {
    pub(super) fn new(options: Options, url: &str) -> Result<Self, KeyError> {
        Ok(Self {
            issuer: format!("{url}{}", options.issuer_path),
            clock: Clock::default(),
            keys: RwLock::new(KeyRing::generate(options.algorithm)?),
            clients: RwLock::new(options.clients.clone()),
            store: Mutex::default(),
            faults: Arc::default(),
            odd_jwks: RwLock::default(),
            discovery: RwLock::new(options.discovery.clone()),
            jwks_cache_control: RwLock::new(options.jwks_cache_control.clone()),
            options,
        })
    }

    /// The path that all endpoints start with, without a slash at the end.
    pub(super) fn base_path(&self) -> &str {
        self.options.issuer_path.trim_end_matches('/')
    }

    /// The URL of an endpoint.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }

    pub(super) fn client(&self, id: &str) -> Option<Client> {
        self.clients
            .read()
            .iter()
            .find(|client| client.id == id)
            .cloned()
    }

    pub(super) fn person(&self, username: &str) -> Option<&Person> {
        self.options
            .people
            .iter()
            .find(|person| person.username == username)
    }
}

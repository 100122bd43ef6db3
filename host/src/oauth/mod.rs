//! The sign-in proxy: an OAuth 2.1 authorization server towards MCP clients, a client towards the
//! company's identity provider. One file an endpoint, named as in the RFCs.
//!
//! Every URL is built from configuration, never from `Host` or a forwarded header. Nothing is
//! stored for a stranger except a bounded number of pending sign-ins. Tokens, codes, verifiers,
//! states and cookies never reach a log or an error text.

mod clock;
mod keys;
mod metadata;
mod seal;
mod settings;
mod store;
mod tokens;
mod types;

use std::sync::Arc;

use axum::{Json, Router, routing::get};

use self::{
    clock::Clock,
    keys::Keys,
    metadata::Metadata,
    seal::Sealer,
    store::{MemoryStore, RedisStore, Store},
};
pub use self::{
    keys::KeysError,
    settings::{
        ClientMetadataSettings, ConfiguredClient, KeySource, LimitSettings, PublicUrl, Settings,
        SettingsError, StoreSettings, TokenMode, UpstreamAuth, UpstreamSettings, UpstreamToken,
    },
    tokens::{Opened, SealedTokens},
};

/// The sign-in proxy.
#[derive(Debug)]
pub struct Proxy {
    settings: Settings,
    tokens: Arc<SealedTokens>,
}

impl Proxy {
    /// Checks the settings, reads or makes the keys, and prepares the store. Asks nobody: an
    /// identity provider or a Redis that is down does not stop the start. Must be called inside
    /// a tokio runtime.
    ///
    /// # Errors
    /// When a setting cannot work; the text says what to change.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let clock = Clock::system();
        let keys = Keys::load(&settings.keys)?;
        let sealer = Sealer::new(&keys, &settings.public_url)
            .map_err(|error| SettingsError::Store(error.to_string()))?;
        let store: Arc<dyn Store> = match &settings.store {
            StoreSettings::Memory => Arc::new(MemoryStore::new(clock.clone())),
            StoreSettings::Redis(url) => {
                RedisStore::new(url, settings.public_url.issuer(), clock.clone())?
            }
        };
        let tokens = Arc::new(SealedTokens::new(Arc::new(sealer), store, clock));
        Ok(Self { settings, tokens })
    }

    /// Opens bearer tokens that this proxy issued.
    pub fn sealed_tokens(&self) -> Arc<SealedTokens> {
        Arc::clone(&self.tokens)
    }

    /// `/oauth/*` and `/.well-known/oauth-authorization-server`. The server must put the peer's
    /// address into each request's extensions as `axum::extract::ConnectInfo<SocketAddr>`.
    pub fn router(&self) -> Router {
        let metadata = Arc::new(Metadata::new(&self.settings));
        let serve = get(move || {
            let metadata = Arc::clone(&metadata);
            async move { Json(metadata) }
        });
        Router::new().route("/.well-known/oauth-authorization-server", serve)
    }
}

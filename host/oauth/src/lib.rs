//! The sign-in proxy: an OAuth 2.1 authorization server towards MCP clients, a client towards the
//! company's identity provider. One file per endpoint, named as in the RFCs.
//!
//! A sign-in goes: `register` (or a metadata document) -> `authorize` -> `consent` -> the identity
//! provider -> `callback` -> `token` (the grants are in `grants`), and later `revoke`.
//!
//! Every URL is built from configuration, never from `Host` or a forwarded header. Nothing is
//! stored for a stranger except a bounded number of pending sign-ins. Tokens, codes, verifiers,
//! states and cookies never reach a log or an error text.

#![forbid(unsafe_code)]

mod at_provider;
mod authorize;
mod browser;
mod callback;
mod client_book;
mod client_metadata;
mod clients;
mod consent;
mod context;
mod doctor;
mod end_page;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod grant;
mod grants;
mod html;
mod keys;
mod limits;
mod metadata;
mod names;
mod pages;
mod params;
mod redirect_uri;
mod register;
mod reply_to;
mod resource;
mod revoke;
mod seal;
mod settings;
mod state_file;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod tokens;
mod trial;
mod types;
mod upstream;

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderName, Method, header},
    routing::{get, post},
};
use foundation::{clock::Clock, public_url::PublicUrl};
use tower_http::cors::{Any, CorsLayer};

pub use self::{
    client_book::{ClientBook, ClientBookError},
    doctor::{RedisFacts, RedisFault, look_at_redis},
    keys::{KEY_FILE, KeysError, look_at_key},
    seal::SealFailed,
    settings::{
        ClientMetadataSettings, ConfiguredClient, KeySource, LimitSettings, Settings,
        SettingsError, StoreSettings, TokenMode, UpstreamAuth, UpstreamSettings, UpstreamToken,
    },
    state_file::StateFileError,
    store::{
        ClientsFileError, EndedFileError, ListedClient, StoreHealth, StoreKind, StoreUrlError,
        check_store_url, look_at_ended,
    },
    tokens::{Opened, ScopeLimit, SealedTokens},
    trial::{Trial, Tried},
    upstream::{Came, TokenFacts, Walk, WalkError, WalkedTokens},
};
use self::{
    client_metadata::Documents,
    context::Context,
    metadata::Metadata,
    store::{MAX_TRANSACTIONS, MemoryStore, RedisStore, Store},
};

/// The longest body of a request to the sign-in, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1_024;
/// The longest time that a browser may cache a preflight answer.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(3_600);

/// The sign-in proxy.
pub struct Proxy {
    context: Arc<Context>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.context.public_url.issuer())
    }
}

impl Proxy {
    /// Checks the settings, reads or makes the keys, and prepares the store. Waits for no other
    /// server: an identity provider or a Redis that is down does not prevent the start. Must be
    /// called inside a tokio runtime. `trial` tries the token of each sign-in.
    ///
    /// # Errors
    /// If a setting cannot work; the text says what to change.
    pub fn new(
        settings: Settings,
        public_url: PublicUrl,
        trial: Arc<dyn Trial>,
    ) -> Result<Self, SettingsError> {
        let clock = Clock::system();
        let store = store(&settings, &public_url, &clock)?;
        let documents = Documents::new(&settings)?;
        Ok(Self {
            context: Arc::new(Context::new(
                settings, public_url, clock, store, documents, trial,
            )?),
        })
    }

    /// Opens bearer tokens that this proxy issued.
    pub fn sealed_tokens(&self) -> Arc<SealedTokens> {
        Arc::clone(&self.context.tokens)
    }

    /// The key of the digests by which logs know people: derived from the key that seals tokens, so
    /// that replicas that share it write the same.
    pub fn log_key(&self) -> [u8; 32] {
        self.context.sealer.log_key()
    }

    /// Tells the state of the store, which it remembers from its last use.
    pub fn store_health(&self) -> impl Fn() -> StoreHealth + Send + Sync + 'static {
        let store = Arc::clone(&self.context.store);
        move || store.health()
    }

    /// The kind of the store.
    pub fn store_kind(&self) -> StoreKind {
        self.context.store.kind()
    }

    /// `/oauth/*` and `/.well-known/oauth-authorization-server`, with their own body limit and
    /// CORS. The server must put the client's address into each request's extensions as
    /// [`foundation::client_address::ClientAddress`].
    pub fn router(&self) -> Router {
        let settings = &self.context.settings;
        let metadata = Arc::new(Metadata::new(settings, &self.context.public_url));
        let without_documents = Arc::new(metadata.without_documents());
        let document = get(move |State(context): State<Arc<Context>>| {
            let metadata = match context.clients.offers_documents() {
                true => Arc::clone(&metadata),
                false => Arc::clone(&without_documents),
            };
            async move { Json(metadata) }
        });
        let well_known = "/.well-known/oauth-authorization-server";
        let mut programs = Router::new()
            .route(well_known, document.clone())
            .route("/oauth/token", post(token::post))
            .route("/oauth/revoke", post(revoke::post));
        // RFC 8414 section 3.1: the issuer's path goes after the well-known part.
        let path = self.context.public_url.path();
        if !path.is_empty() {
            programs = programs.route(&format!("{well_known}{path}"), document);
        }
        if settings.registration {
            programs = programs.route("/oauth/register", post(register::post));
        }
        // Programs in a browser call these from any origin; the pages below are for people only.
        let programs = programs.layer(cors());
        Router::new()
            .route("/oauth/authorize", get(authorize::get).post(consent::post))
            .route("/oauth/callback", get(callback::get))
            .merge(programs)
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(Arc::clone(&self.context))
    }
}

fn store(
    settings: &Settings,
    public_url: &PublicUrl,
    clock: &Clock,
) -> Result<Arc<dyn Store>, SettingsError> {
    let (clock, observe) = (clock.clone(), settings.observe_store);
    let forgetful = |clock| {
        observe(true);
        tracing::warn!(
            "a restart forgets which sign-ins were revoked or ended: set OAUTH_STATE_DIR to a \
             directory that lasts, or OAUTH_STORE_URL"
        );
        Ok(Arc::new(MemoryStore::new(clock, MAX_TRANSACTIONS)) as Arc<dyn Store>)
    };
    match &settings.store {
        StoreSettings::Memory => forgetful(clock),
        StoreSettings::StateDirectory {
            directory,
            required,
        } => match MemoryStore::lasting(clock.clone(), MAX_TRANSACTIONS, directory, observe) {
            Ok(store) => {
                let store = Arc::new(store);
                tokio::spawn(MemoryStore::follow(Arc::downgrade(&store)));
                Ok(store)
            }
            Err(EndedFileError::New { .. }) if !required => forgetful(clock),
            Err(error) => Err(error.into()),
        },
        StoreSettings::Redis(url) => {
            let namespace = public_url.issuer();
            Ok(RedisStore::new(
                url,
                namespace,
                clock,
                MAX_TRANSACTIONS,
                observe,
                &settings.network.authorities,
            )?)
        }
    }
}

fn cors() -> CorsLayer {
    let mcp = ["mcp-protocol-version", "mcp-method", "mcp-name"].map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::OPTIONS])
        .allow_headers(
            [header::AUTHORIZATION, header::CONTENT_TYPE]
                .into_iter()
                .chain(mcp)
                .collect::<Vec<_>>(),
        )
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER])
        .max_age(PREFLIGHT_MAX_AGE)
}

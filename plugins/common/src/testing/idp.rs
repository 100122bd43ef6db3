//! An identity provider that tests can make misbehave.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    server::{Asked, Reply, Server},
    signer::Signer,
};

/// The behavior of the provider.
#[derive(Debug, Clone)]
pub enum Mode {
    /// As it should.
    Good,
    /// Every answer is this one.
    Every(Reply),
    /// The discovery document is good, the key set is this.
    Keys(Reply),
    /// The key set is good, the discovery document is this.
    Discovery(Reply),
}

/// Discovery and key set on a loopback port.
pub struct Idp {
    server: Server,
    state: Arc<State>,
}

struct State {
    mode: Mutex<Mode>,
    keys: Mutex<Vec<Value>>,
    document: Mutex<Value>,
    cache_control: Mutex<Option<&'static str>>,
    key_fetches: AtomicUsize,
}

impl Idp {
    /// Starts a provider that publishes these keys. Its issuer is the server's origin without a
    /// slash at the end.
    pub async fn start(keys: &[&Signer]) -> Self {
        let state = Arc::new(State {
            mode: Mutex::new(Mode::Good),
            keys: Mutex::new(keys.iter().map(|key| key.jwk()).collect()),
            document: Mutex::default(),
            cache_control: Mutex::new(None),
            key_fetches: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        let server = Server::start(move |asked| shared.answer(asked)).await;
        let idp = Self { server, state };
        *idp.state.document.lock() = json!({
            "issuer": idp.issuer(),
            "jwks_uri": idp.server.at("keys").as_str(),
            "introspection_endpoint": idp.server.at("introspect").as_str(),
            "token_endpoint": idp.server.at("token").as_str(),
        });
        idp
    }

    /// The issuer.
    pub fn issuer(&self) -> String {
        self.server.url.as_str().trim_end_matches('/').to_owned()
    }

    /// The server behind it.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Changes how it behaves.
    pub fn set(&self, mode: Mode) {
        *self.state.mode.lock() = mode;
    }

    /// Changes the discovery document.
    pub fn describe(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.state.document.lock());
    }

    /// Publishes these keys instead.
    pub fn publish(&self, keys: Vec<Value>) {
        *self.state.keys.lock() = keys;
    }

    /// Sends this `Cache-Control` with the key set.
    pub fn cache_control(&self, value: Option<&'static str>) {
        *self.state.cache_control.lock() = value;
    }

    /// The number of times the key set was fetched.
    pub fn key_fetches(&self) -> usize {
        self.state.key_fetches.load(Ordering::SeqCst)
    }
}

impl State {
    fn answer(&self, asked: &Asked) -> Reply {
        let keys = asked.path == "/keys";
        if keys {
            self.key_fetches.fetch_add(1, Ordering::SeqCst);
        }
        match &*self.mode.lock() {
            Mode::Every(reply) => return reply.clone(),
            Mode::Keys(reply) if keys => return reply.clone(),
            Mode::Discovery(reply) if !keys => return reply.clone(),
            _ => {}
        }
        match asked.path.as_str() {
            "/keys" => {
                let reply = Reply::json(&json!({ "keys": *self.keys.lock() }));
                match *self.cache_control.lock() {
                    Some(value) => reply.header("cache-control", value),
                    None => reply,
                }
            }
            "/.well-known/openid-configuration" => Reply::json(&self.document.lock()),
            _ => Reply::new(404, "not here"),
        }
    }
}

/// The claims of a good token of `issuer` for the audience `mcp`, issued at `now`.
pub fn claims_for(issuer: &str, now: i64) -> Value {
    json!({
        "iss": issuer, "sub": "ada", "aud": "mcp", "iat": now, "exp": now + 300,
        "scope": "openid profile",
    })
}

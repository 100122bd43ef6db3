//! The handle that a test holds: mint, rotate, break, count, move the clock, go down and come back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::faults::{Endpoint, Fault};
use super::keys::{KeyError, SigningKey};
use super::mint::{self, SignWith};
use super::options::{Client, PUBLIC_CLIENT};
use super::state::Idp;
use super::store::random_string;
use super::tokens::AccessRequest;
use crate::clock::Clock;
use crate::people::Person;
use crate::serve::{Bound, Server};

/// A running provider. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    idp: Arc<Idp>,
    url: String,
    port: u16,
    server: Mutex<Option<Server>>,
}

/// Checks tokens in this process, without HTTP. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TokenVerifier {
    idp: Arc<Idp>,
}

impl TokenVerifier {
    /// The claims of a valid access token: issued here and neither expired nor revoked, or signed
    /// with a published key, of this issuer, and not expired. The audience is not checked.
    pub fn verify(&self, token: &str) -> Option<Value> {
        self.idp.good_claims(token)
    }
}

impl Running {
    pub(super) fn new(idp: Arc<Idp>, server: Server) -> Self {
        let (url, port) = (server.url(), server.addr().port());
        Self {
            idp,
            url,
            port,
            server: Mutex::new(Some(server)),
        }
    }

    /// The issuer, as it is in discovery and in tokens.
    pub fn issuer(&self) -> &str {
        &self.idp.issuer
    }

    /// `http://127.0.0.1:PORT`, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of an endpoint: `authorize`, `token`, `jwks`, `userinfo`, `introspect`, `revoke`.
    pub fn endpoint_url(&self, name: &str) -> String {
        self.idp.url(&format!("/{name}"))
    }

    /// The `aud` of access tokens.
    pub fn audience(&self) -> &str {
        &self.idp.options.audience
    }

    /// The people who can sign in.
    pub fn people(&self) -> &[Person] {
        &self.idp.options.people
    }

    /// The person of this name.
    pub fn person(&self, username: &str) -> Option<&Person> {
        self.idp.person(username)
    }

    /// The provider's clock; advancing it makes tokens, codes and sessions expire.
    pub fn clock(&self) -> &Clock {
        &self.idp.clock
    }

    /// Moves the provider's clock forward.
    pub fn advance(&self, by: Duration) {
        self.idp.clock.advance(by);
    }

    /// Registers a client, or replaces the one of the same id.
    pub fn register(&self, client: Client) {
        let mut clients = self.idp.clients.write();
        clients.retain(|known| known.id != client.id);
        clients.push(client);
    }

    /// A verifier for an embedded resource server that checks tokens without HTTP.
    pub fn verifier(&self) -> TokenVerifier {
        TokenVerifier {
            idp: self.idp.clone(),
        }
    }

    // tokens

    /// An access token such as a sign-in gives, for any subject; the scopes are
    /// `openid profile email`. Signed or opaque as the options say.
    ///
    /// # Panics
    /// If the cryptography library cannot sign.
    pub fn access_token(&self, username: &str) -> String {
        self.access_token_for(username, self.idp.options.access_token_ttl)
    }

    /// [`Running::access_token`] with another lifetime.
    ///
    /// # Panics
    /// If the cryptography library cannot sign.
    pub fn access_token_for(&self, username: &str, ttl: Duration) -> String {
        let known = self.idp.person(username).cloned();
        let person = known.unwrap_or_else(|| Person::new(username, username, &[]));
        let request = AccessRequest {
            person: Some(&person),
            client_id: PUBLIC_CLIENT,
            scope: "openid profile email",
            audience: &self.idp.options.audience,
            family: None,
            actor: None,
            ttl,
        };
        signed(self.idp.issue_access(&request))
    }

    /// A signed access token with valid claims, overridden by `claims`: a `null` removes a claim.
    ///
    /// # Panics
    /// If the cryptography library cannot sign.
    pub fn mint(&self, claims: Value) -> String {
        self.mint_with(json!({}), claims, SignWith::Current)
    }

    /// [`Running::mint`] with overridden members of the header, and signed with any key.
    ///
    /// # Panics
    /// If the cryptography library cannot sign.
    pub fn mint_with(&self, header: Value, claims: Value, with: SignWith<'_>) -> String {
        let mut all = self.default_claims();
        mint::merge(&mut all, claims);
        signed(self.idp.sign(&header, &all, with))
    }

    /// `header.payload.signature` over exactly these bytes, whatever they are.
    ///
    /// # Panics
    /// If the cryptography library cannot sign.
    pub fn mint_raw(&self, header: &[u8], payload: &[u8], with: SignWith<'_>) -> String {
        signed(mint::raw(&self.idp.keys.read(), header, payload, with))
    }

    fn default_claims(&self) -> Value {
        let now = self.idp.clock.unix_seconds();
        json!({
            "iss": self.idp.issuer,
            "sub": "admin",
            "aud": self.idp.options.audience,
            "exp": now + self.idp.options.access_token_ttl.as_secs(),
            "iat": now,
            "jti": random_string(),
            "client_id": PUBLIC_CLIENT,
            "scope": "openid profile email",
        })
    }

    // keys

    /// The current signing key.
    pub fn signing_key(&self) -> Arc<SigningKey> {
        self.idp.keys.read().current().clone()
    }

    /// The public half of the current signing key.
    pub fn public_jwk(&self) -> Value {
        self.signing_key().jwk(self.idp.options.jwk_members)
    }

    /// Signs with a new key from now on; the old one stays published. Returns the new `kid`.
    ///
    /// # Panics
    /// If the cryptography library cannot make a key.
    pub fn rotate_keys(&self) -> String {
        let kid = self.idp.keys.read().next_kid();
        let key = Arc::new(signed(SigningKey::generate(
            self.idp.options.algorithm,
            kid,
        )));
        self.idp.keys.write().rotate_to(key.clone());
        key.kid().to_owned()
    }

    /// Publishes only the current signing key, so that tokens of earlier keys become invalid.
    pub fn forget_old_keys(&self) {
        self.idp.keys.write().forget_old();
    }

    /// Replaces the key by a new one with the same `kid`, as careless providers do.
    ///
    /// # Panics
    /// If the cryptography library cannot make a key.
    pub fn replace_key_same_kid(&self) {
        let kid = self.signing_key().kid().to_owned();
        let key = signed(SigningKey::generate(self.idp.options.algorithm, kid));
        self.idp.keys.write().replace_with(Arc::new(key));
    }

    /// Signs with this key from now on, and publishes it with the earlier ones.
    pub fn sign_with(&self, key: SigningKey) {
        self.idp.keys.write().rotate_to(Arc::new(key));
    }

    /// Sets entries, of any shape, with which the key set starts.
    pub fn set_odd_jwks(&self, entries: Vec<Value>) {
        *self.idp.odd_jwks.write() = entries;
    }

    /// Sets the `Cache-Control` of the key set.
    pub fn set_jwks_cache_control(&self, value: Option<&str>) {
        *self.idp.jwks_cache_control.write() = value.map(str::to_owned);
    }

    /// Overrides members of the discovery documents; a `null` removes one.
    pub fn set_discovery(&self, members: Map<String, Value>) {
        *self.idp.discovery.write() = members;
    }

    // faults

    /// Applies the fault to this endpoint from now on.
    pub fn break_endpoint(&self, endpoint: Endpoint, fault: Fault) {
        self.idp.faults.set(endpoint, Some(fault));
    }

    /// Applies the fault to every endpoint from now on.
    pub fn break_everything(&self, fault: &Fault) {
        Endpoint::ALL
            .into_iter()
            .for_each(|e| self.break_endpoint(e, fault.clone()));
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.idp.faults.clear();
    }

    /// The number of requests to the endpoint since the start, with or without a fault.
    pub fn requests(&self, endpoint: Endpoint) -> u64 {
        self.idp.faults.requests(endpoint)
    }

    // up and down

    /// Stops listening: connections are refused once this returns. State and keys are kept.
    pub async fn go_down(&self) {
        let server = self.server.lock().take();
        if let Some(server) = server {
            self.idp.faults.release();
            server.stopped().await;
        }
    }

    /// Listens on the same port again.
    ///
    /// # Errors
    /// Another process took the port meanwhile.
    pub async fn come_back(&self) -> io::Result<()> {
        if self.server.lock().is_some() {
            return Ok(());
        }
        let bound = Bound::loopback(self.port).await?;
        *self.server.lock() = Some(bound.serve(super::router(self.idp.clone())));
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.idp.faults.release();
    }
}

/// Panics on an error, because test controls cannot handle a broken cryptography library.
#[expect(
    clippy::expect_used,
    reason = "a control for tests; documented under Panics"
)]
fn signed<T>(result: Result<T, KeyError>) -> T {
    result.expect("aws-lc-rs makes keys and signs with them")
}

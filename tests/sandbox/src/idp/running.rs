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

/// A provider that runs. Dropping it stops it.
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
    /// The claims of an access token that is good now: issued here and neither expired nor revoked,
    /// or signed with a published key, of this issuer, and not expired. The audience is not looked at.
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

    /// Who can sign in.
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

    /// For an embedded resource server that checks tokens without HTTP.
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

    /// [`Running::access_token`] with a lifetime of its own.
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

    /// A signed access token with good claims and `claims` over them: a `null` takes a claim out.
    ///
    /// # Panics
    /// If the cryptography library cannot sign.
    pub fn mint(&self, claims: Value) -> String {
        self.mint_with(json!({}), claims, SignWith::Current)
    }

    /// [`Running::mint`] with members put over the header, and signed with any key.
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

    /// The key that signs now.
    pub fn signing_key(&self) -> Arc<SigningKey> {
        self.idp.keys.read().current().clone()
    }

    /// The public half of the key that signs now.
    pub fn public_jwk(&self) -> Value {
        self.signing_key().jwk(self.idp.options.jwk_members)
    }

    /// A new key signs from now on; the old one stays published. Returns the new `kid`.
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

    /// Publishes only the key that signs now: tokens of earlier keys are no longer good.
    pub fn forget_old_keys(&self) {
        self.idp.keys.write().forget_old();
    }

    /// A new key under the old `kid`, as careless providers do it; the old one is gone.
    ///
    /// # Panics
    /// If the cryptography library cannot make a key.
    pub fn replace_key_same_kid(&self) {
        let kid = self.signing_key().kid().to_owned();
        let key = signed(SigningKey::generate(self.idp.options.algorithm, kid));
        self.idp.keys.write().replace_with(Arc::new(key));
    }

    /// Signs with this key from now on, and publishes it beside the earlier ones.
    pub fn sign_with(&self, key: SigningKey) {
        self.idp.keys.write().rotate_to(Arc::new(key));
    }

    /// Entries that the key set starts with, in any shape.
    pub fn set_odd_jwks(&self, entries: Vec<Value>) {
        *self.idp.odd_jwks.write() = entries;
    }

    /// The `Cache-Control` of the key set.
    pub fn set_jwks_cache_control(&self, value: Option<&str>) {
        *self.idp.jwks_cache_control.write() = value.map(str::to_owned);
    }

    /// Members put over the discovery documents; a `null` takes one out.
    pub fn set_discovery(&self, members: Map<String, Value>) {
        *self.idp.discovery.write() = members;
    }

    // faults

    /// From now on this endpoint does this.
    pub fn break_endpoint(&self, endpoint: Endpoint, fault: Fault) {
        self.idp.faults.set(endpoint, Some(fault));
    }

    /// From now on every endpoint does this.
    pub fn break_everything(&self, fault: &Fault) {
        Endpoint::ALL
            .into_iter()
            .for_each(|e| self.break_endpoint(e, fault.clone()));
    }

    /// Every endpoint is well again.
    pub fn heal(&self) {
        self.idp.faults.clear();
    }

    /// How often the endpoint was asked since the start, broken or not.
    pub fn requests(&self, endpoint: Endpoint) -> u64 {
        self.idp.faults.requests(endpoint)
    }

    // up and down

    /// Stops listening: connections are refused from when this returns. State and keys stay.
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
    /// Somebody else took the port meanwhile.
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

/// Test controls have nobody to hand a broken cryptography library to.
#[expect(
    clippy::expect_used,
    reason = "a control for tests; documented under Panics"
)]
fn signed<T>(result: Result<T, KeyError>) -> T {
    result.expect("aws-lc-rs makes keys and signs with them")
}

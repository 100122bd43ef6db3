//! Issues and stores tokens: access tokens (RFC 9068 or opaque), ID tokens, refresh tokens.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::keys::KeyError;
use super::mint::{self, SignWith};
use super::options::{AccessTokens, ResourceParameter};
use super::state::Idp;
use super::store::{Access, Grant, Refresh, random_string};
use crate::people::Person;

/// The `typ` of a signed access token (RFC 9068 section 2.1).
pub(super) const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// The subject and the content of an access token.
#[derive(Debug)]
pub(super) struct AccessRequest<'a> {
    /// The person; none for a token of the client itself.
    pub(super) person: Option<&'a Person>,
    pub(super) client_id: &'a str,
    pub(super) scope: &'a str,
    pub(super) audience: &'a str,
    pub(super) family: Option<&'a str>,
    /// The `act` claim of an exchanged token (RFC 8693 section 4.1).
    pub(super) actor: Option<&'a str>,
    pub(super) ttl: Duration,
}

impl Idp {
    /// The audience for a grant, by what is done with `resource`.
    pub(super) fn audience<'a>(&'a self, resource: Option<&'a str>) -> &'a str {
        match (self.options.resource, resource) {
            (ResourceParameter::Honoured, Some(resource)) => resource,
            _ => &self.options.audience,
        }
    }

    /// Issues an access token and stores it for introspection.
    pub(super) fn issue_access(&self, request: &AccessRequest<'_>) -> Result<String, KeyError> {
        let claims = self.access_claims(request);
        let token = match self.options.access_tokens {
            AccessTokens::Opaque => random_string(),
            AccessTokens::Signed => self.sign(&json!({}), &claims, SignWith::Current)?,
        };
        let family = request.family.map(str::to_owned);
        self.store
            .lock()
            .access
            .insert(token.clone(), Access { claims, family });
        Ok(token)
    }

    fn access_claims(&self, request: &AccessRequest<'_>) -> Value {
        let now = self.clock.unix_seconds();
        let mut claims = json!({
            "iss": self.issuer,
            "sub": request.person.map_or(request.client_id, |person| &person.username),
            "aud": request.audience,
            "exp": now + request.ttl.as_secs(),
            "iat": now,
            "jti": random_string(),
            "client_id": request.client_id,
            "scope": request.scope,
        });
        if let Some(claims) = claims.as_object_mut()
            && request.audience.is_empty()
        {
            claims.remove("aud");
        }
        if let Some(person) = request.person {
            mint::merge(
                &mut claims,
                json!({
                    "name": person.name,
                    "preferred_username": person.username,
                    "email": person.email,
                    "groups": person.groups,
                }),
            );
        }
        if let Some(actor) = request.actor {
            claims["act"] = json!({ "sub": actor });
        }
        claims
    }

    /// A signed token with the header that fits the key, overridden by `header`.
    pub(super) fn sign(
        &self,
        header: &Value,
        claims: &Value,
        with: SignWith<'_>,
    ) -> Result<String, KeyError> {
        let keys = self.keys.read();
        let members = self.options.jwk_members;
        let mut full = mint::header(&keys, with, ACCESS_TOKEN_TYPE, members);
        mint::merge(&mut full, header.clone());
        mint::raw(
            &keys,
            full.to_string().as_bytes(),
            claims.to_string().as_bytes(),
            with,
        )
    }

    /// An ID token (OpenID Connect Core section 2).
    pub(super) fn issue_id_token(
        &self,
        person: &Person,
        grant: &Grant,
        access_token: &str,
    ) -> Result<String, KeyError> {
        let now = self.clock.unix_seconds();
        let hash = digest::digest(&digest::SHA256, access_token.as_bytes());
        let mut claims = json!({
            "iss": self.issuer,
            "sub": person.username,
            "aud": grant.client_id,
            "exp": now + self.options.access_token_ttl.as_secs(),
            "iat": now,
            "auth_time": grant.auth_time,
            "at_hash": URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]),
        });
        mint::merge(&mut claims, person_claims(person, &grant.scope));
        if let Some(nonce) = &grant.nonce {
            claims["nonce"] = json!(nonce);
        }
        self.sign(&json!({ "typ": "JWT" }), &claims, SignWith::Current)
    }

    /// A refresh token for the grant.
    pub(super) fn issue_refresh(&self, grant: Grant) -> String {
        let token = random_string();
        let expires = self.clock.unix_seconds() + self.options.refresh_token_ttl.as_secs();
        let refresh = Refresh {
            grant,
            expires,
            spent: false,
        };
        self.store.lock().refresh.insert(token.clone(), refresh);
        token
    }

    /// The claims of a valid access token: issued here and not revoked, or at least signed with a
    /// published key and not expired.
    pub(super) fn good_claims(&self, token: &str) -> Option<Value> {
        let now = self.clock.unix_seconds();
        let store = self.store.lock();
        if store.access.get(token).is_some() {
            return store.active_access(token, now).cloned();
        }
        drop(store);
        let claims = mint::verified_claims(&self.keys.read(), token)?;
        let fresh = claims["exp"].as_f64().is_some_and(|exp| exp > now as f64);
        (fresh && claims["iss"] == self.issuer.as_str()).then_some(claims)
    }
}

/// The claims that the scopes grant (OpenID Connect Core section 5.4).
pub(super) fn person_claims(person: &Person, scope: &str) -> Value {
    let mut claims = json!({});
    let has = |name: &str| scope.split(' ').any(|scope| scope == name);
    if has("profile") {
        claims["name"] = json!(person.name);
        claims["preferred_username"] = json!(person.username);
        claims["groups"] = json!(person.groups);
    }
    if has("email") {
        claims["email"] = json!(person.email);
        claims["email_verified"] = json!(true);
    }
    claims
}

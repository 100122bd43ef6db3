//! Authenticates the caller: DataHub's own tokens, and JWTs of trusted issuers.
//!
//! Verifies the signature before it trusts any claim. A verified token is cached by its digest
//! until it expires; suspension and revocation are looked up each time.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use parking_lot::Mutex;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::catalog::Catalog;
use super::hub::{Hub, corpuser};
use super::options::{Jwks, TrustedIssuer};
use super::time::now_millis;
use super::tokens::{self, token_urn};

/// The largest number of verified tokens that are cached.
const MAX_REMEMBERED: usize = 20_000;
/// The least time between two fetches of one key set.
const FETCH_COOLDOWN: Duration = Duration::from_secs(1);
/// The longest wait for a key set.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// The actor of every request if authentication is off.
const UNKNOWN: &str = "urn:li:corpuser:UNKNOWN";

/// The reason why a request is refused. Every one is a 401 to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthError {
    #[error("no bearer token")]
    Missing,
    #[error("the token is not valid")]
    Invalid,
    #[error("the user is suspended")]
    Suspended,
}

/// Checks bearer tokens.
#[derive(Debug)]
pub(crate) struct Authenticator {
    on: bool,
    issuers: Vec<TrustedIssuer>,
    fetched: Mutex<HashMap<String, (Instant, JwkSet)>>,
    remembered: Mutex<HashMap<[u8; 32], Remembered>>,
    client: reqwest::Client,
}

#[derive(Debug, Clone)]
struct Remembered {
    username: String,
    /// Seconds since 1970.
    expires: Option<u64>,
    /// The entity of a token of DataHub's own, which may be revoked.
    entity: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    exp: Option<u64>,
}

impl Authenticator {
    pub(crate) fn new(issuers: Vec<TrustedIssuer>, on: bool) -> Result<Self, reqwest::Error> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the sandbox asks its own provider, which no setting of the product touches"
        )]
        let client = reqwest::Client::builder()
            .timeout(FETCH_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            on,
            issuers,
            fetched: Mutex::default(),
            remembered: Mutex::default(),
            client,
        })
    }

    /// The urn of the token's owner.
    pub(crate) async fn authenticate(
        &self,
        hub: &Hub,
        authorization: Option<&str>,
    ) -> Result<String, AuthError> {
        if !self.on {
            return Ok(UNKNOWN.to_owned());
        }
        let token = authorization
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty())
            .ok_or(AuthError::Missing)?;
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let known = self.remembered.lock().get(&digest).cloned();
        let seen = match known {
            Some(seen) => seen,
            None => {
                let seen = self.verify(hub, token).await.ok_or(AuthError::Invalid)?;
                self.remember(digest, seen.clone());
                seen
            }
        };
        if seen
            .expires
            .is_some_and(|expires| expires * 1000 <= now_millis())
        {
            return Err(AuthError::Invalid);
        }
        let catalog = hub.catalog();
        if seen
            .entity
            .is_some_and(|entity| catalog.get(&entity).is_none())
        {
            return Err(AuthError::Invalid);
        }
        let urn = corpuser(&seen.username);
        if is_suspended(&catalog, &urn) {
            Err(AuthError::Suspended)
        } else {
            Ok(urn)
        }
    }

    fn remember(&self, digest: [u8; 32], seen: Remembered) {
        let mut remembered = self.remembered.lock();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(digest, seen);
    }

    async fn verify(&self, hub: &Hub, token: &str) -> Option<Remembered> {
        let unverified: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
        let issuer = unverified.iss?;
        if issuer == tokens::ISSUER {
            let (username, expires) = hub.tokens.verify(token).ok()?;
            return Some(Remembered {
                username,
                expires,
                entity: Some(token_urn(token)),
            });
        }
        let trusted = self
            .issuers
            .iter()
            .find(|trusted| trusted.issuer == issuer)?;
        let header = jsonwebtoken::decode_header(token).ok()?;
        let key = self.key(trusted, header.kid.as_deref(), header.alg).await?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&issuer]);
        match &trusted.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.set_required_spec_claims(&["exp", "iss", "aud"]);
            }
            None => {
                validation.validate_aud = false;
                validation.set_required_spec_claims(&["exp", "iss"]);
            }
        }
        let key = DecodingKey::from_jwk(&key).ok()?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
            .ok()?
            .claims;
        Some(Remembered {
            username: claims.sub?,
            expires: claims.exp,
            entity: None,
        })
    }

    /// The key that a token names, out of an asymmetric algorithm's key set.
    async fn key(&self, trusted: &TrustedIssuer, kid: Option<&str>, alg: Algorithm) -> Option<Jwk> {
        if matches!(alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
            return None;
        }
        match &trusted.jwks {
            Jwks::Function(keys) => find(&serde_json::from_str(&keys()).ok()?, kid, alg),
            Jwks::Url(url) => {
                let known = self.fetched.lock().get(url).cloned();
                if let Some((at, keys)) = known {
                    let found = find(&keys, kid, alg);
                    if found.is_some() || at.elapsed() < FETCH_COOLDOWN {
                        return found;
                    }
                }
                let keys: JwkSet = self.client.get(url).send().await.ok()?.json().await.ok()?;
                let found = find(&keys, kid, alg);
                self.fetched
                    .lock()
                    .insert(url.clone(), (Instant::now(), keys));
                found
            }
        }
    }
}

/// The key with this id; without an id, the only key for the algorithm.
fn find(keys: &JwkSet, kid: Option<&str>, alg: Algorithm) -> Option<Jwk> {
    let fits = |key: &&Jwk| {
        key.common.key_algorithm.is_none_or(|named| {
            Algorithm::from_str(&named.to_string()).is_ok_and(|named| named == alg)
        })
    };
    match kid {
        Some(kid) => keys.find(kid).filter(fits).cloned(),
        None => {
            let mut fitting = keys.keys.iter().filter(fits);
            let only = fitting.next()?;
            fitting.next().is_none().then(|| only.clone())
        }
    }
}

fn is_suspended(catalog: &Catalog, urn: &str) -> bool {
    catalog
        .get(urn)
        .and_then(|record| record.text("corpUserStatus", &["status"]))
        .is_some_and(|status| status == "SUSPENDED")
}

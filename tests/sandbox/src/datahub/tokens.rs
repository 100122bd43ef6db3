//! DataHub's own access tokens: HS256 JWTs, each with an entity that says that it is still valid.
//!
//! The text of a token is kept only for the people of the sandbox, who get theirs at start.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::Error;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::catalog::Catalog;
use super::hub::{change, corpuser};
use super::time::now_millis;

/// The `iss` of DataHub's own tokens.
pub(crate) const ISSUER: &str = "datahub-metadata-service";

/// The lifetime of the tokens that are given at start.
const START_TOKEN_MILLIS: u64 = 365 * 24 * 3600 * 1000;

/// Signs and reads DataHub's own tokens.
pub(crate) struct Tokens {
    secret: [u8; 32],
    of_people: Mutex<HashMap<String, String>>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

/// The claims, named as DataHub names them.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    #[serde(rename = "actorType")]
    actor_type: String,
    #[serde(rename = "actorId")]
    actor_id: String,
    #[serde(rename = "type")]
    kind: String,
    version: String,
    jti: String,
    sub: String,
    iss: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
}

/// A token to be signed.
pub(crate) struct Request<'a> {
    /// `PERSONAL` or `SERVICE_ACCOUNT`.
    pub(crate) kind: &'a str,
    /// The actor that the token authenticates: a `corpuser` urn.
    pub(crate) actor: &'a str,
    /// The urn of its creator.
    pub(crate) owner: &'a str,
    /// The name that people give it.
    pub(crate) name: &'a str,
    pub(crate) description: Option<&'a str>,
    /// The lifetime in milliseconds; none for an unlimited one.
    pub(crate) lifetime: Option<u64>,
}

/// A signed token and the entity that stands for it.
pub(crate) struct Minted {
    pub(crate) token: String,
    pub(crate) urn: String,
    /// The aspect `dataHubAccessTokenInfo`.
    pub(crate) info: Value,
}

impl Tokens {
    /// Creates a signer with a new random secret.
    pub(crate) fn new() -> Self {
        Self {
            secret: rand::random(),
            of_people: Mutex::default(),
        }
    }

    /// The token that a person got at start.
    pub(crate) fn of_person(&self, username: &str) -> Option<String> {
        self.of_people.lock().get(username).cloned()
    }

    /// Signs the token that a person gets at start.
    pub(crate) fn mint_for_person(
        &self,
        catalog: &mut Catalog,
        username: &str,
    ) -> Result<(), Error> {
        let actor = corpuser(username);
        let minted = self.mint(&Request {
            kind: "PERSONAL",
            actor: &actor,
            owner: &actor,
            name: "sandbox",
            description: Some("Made when the sandbox started."),
            lifetime: Some(START_TOKEN_MILLIS),
        })?;
        catalog.put(change(
            &minted.urn,
            "dataHubAccessTokenInfo",
            minted.info,
            &actor,
        ));
        self.of_people
            .lock()
            .insert(username.to_owned(), minted.token);
        Ok(())
    }

    /// Signs a token. It is valid once its entity is in the catalog.
    pub(crate) fn mint(&self, request: &Request<'_>) -> Result<Minted, Error> {
        let now = now_millis();
        let expires = request.lifetime.map(|lifetime| now + lifetime);
        let id = request
            .actor
            .strip_prefix("urn:li:corpuser:")
            .unwrap_or(request.actor);
        let claims = Claims {
            actor_type: "USER".to_owned(),
            actor_id: id.to_owned(),
            kind: request.kind.to_owned(),
            version: "2".to_owned(),
            jti: URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>()),
            sub: id.to_owned(),
            iss: ISSUER.to_owned(),
            exp: expires.map(|millis| millis / 1000),
        };
        let key = EncodingKey::from_secret(&self.secret);
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?;
        let info = json!({
            "name": request.name,
            "description": request.description,
            "actorUrn": request.actor,
            "ownerUrn": request.owner,
            "createdAt": now,
            "expiresAt": expires,
        });
        Ok(Minted {
            urn: token_urn(&token),
            token,
            info,
        })
    }

    /// The username in a token that this DataHub signed, and when it expires (seconds since 1970).
    pub(crate) fn verify(&self, token: &str) -> Result<(String, Option<u64>), Error> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.required_spec_claims.clear();
        validation.leeway = 0;
        let key = DecodingKey::from_secret(&self.secret);
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)?.claims;
        Ok((claims.actor_id, claims.exp))
    }
}

/// The entity that stands for a token: its id is a digest, so that it does not reveal the token.
pub(crate) fn token_urn(token: &str) -> String {
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()));
    format!("urn:li:dataHubAccessToken:{digest}")
}

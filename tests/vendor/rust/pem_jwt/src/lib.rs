//! JWTs of one issuer, checked by its public key in a PEM file. No network at all.

use std::path::PathBuf;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind};
use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The issuer's public key, PEM.
    key_file: PathBuf,
    /// What the key is used with. One algorithm, chosen here: never by the token.
    #[serde(default)]
    algorithm: KeyAlgorithm,
    /// The issuer (`iss`).
    issuer: String,
    /// Whom the token must be made for (`aud`).
    audience: String,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
enum KeyAlgorithm {
    #[default]
    RS256,
    ES256,
    EdDSA,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
    #[serde(default)]
    scope: String,
    email: Option<String>,
}

struct PemJwt {
    key: DecodingKey,
    validation: Validation,
    issuer: String,
}

impl TokenValidator for PemJwt {
    type Config = Options;

    fn create(options: Options) -> Result<Self, Failure> {
        let pem = std::fs::read(&options.key_file).map_err(|error| {
            let file = options.key_file.display();
            Failure::misconfigured(format!("`key_file`: {file} cannot be read: {error}"))
        })?;
        let (algorithm, key) = match options.algorithm {
            KeyAlgorithm::RS256 => (Algorithm::RS256, DecodingKey::from_rsa_pem(&pem)),
            KeyAlgorithm::ES256 => (Algorithm::ES256, DecodingKey::from_ec_pem(&pem)),
            KeyAlgorithm::EdDSA => (Algorithm::EdDSA, DecodingKey::from_ed_pem(&pem)),
        };
        let key = key.map_err(|_| {
            Failure::misconfigured("`key_file` holds no public key of this `algorithm`")
        })?;
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&options.issuer]);
        validation.set_audience(&[&options.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = 10;
        Ok(Self {
            key,
            validation,
            issuer: options.issuer,
        })
    }

    // The key is here: every answer comes at once.
    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        Some(self.check(request.token.expose()))
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        self.check(request.token.expose())
    }
}

impl PemJwt {
    fn check(&self, token: &str) -> Result<Identity, Failure> {
        // What is no JWT, or another issuer's, may be the next validator's.
        if decode_header(token).is_err() {
            return Err(Failure::not_mine("not a JWT"));
        }
        let claims = match decode::<Claims>(token, &self.key, &self.validation) {
            Ok(token) => token.claims,
            Err(error) => {
                return Err(match error.kind() {
                    ErrorKind::InvalidIssuer => {
                        Failure::not_mine(format!("not from {}", self.issuer))
                    }
                    kind => Failure::rejected(format!("{kind:?}")),
                });
            }
        };
        let mut kept = Map::new();
        if let Some(email) = claims.email {
            kept.insert("email".to_owned(), Value::String(email));
        }
        Ok(Identity::new(claims.sub)
            .expires_at(claims.exp)
            .scopes(claims.scope.split_whitespace())
            .claims(kept)
            .resolved_token(token))
    }
}

plugin_api::export_token_validators! { "pem_jwt" => PemJwt }

#[cfg(test)]
mod tests;

//! Signing keys: made at start, rotated on request, published as JWKs (RFC 7517, RFC 8037).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::options::JwkMembers;

/// A signature algorithm of RFC 7518 or RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA 2048, PKCS#1 v1.5, SHA-256.
    Rs256,
    /// RSA 2048, PSS, SHA-256.
    Ps256,
    /// ECDSA on P-256.
    Es256,
    /// ECDSA on P-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 5] = [
        Self::Rs256,
        Self::Ps256,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The name in a token's `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        let known = Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name);
        known.ok_or_else(|| KeyError::UnknownAlgorithm(name.to_owned()))
    }
}

/// An error with a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not an algorithm of [`Algorithm::ALL`].
    #[error("unknown algorithm `{0}`; known: RS256, PS256, ES256, ES384, EdDSA")]
    UnknownAlgorithm(String),
    /// The cryptography library could not make or use the key.
    #[error("could not make or use a {0} key")]
    Crypto(Algorithm),
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A private key with the `kid` by which tokens refer to it.
pub struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    pair: Pair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a key. RSA takes a tenth of a second or a few.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] if the library refuses.
    pub fn generate(algorithm: Algorithm, kid: impl Into<String>) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Crypto(algorithm);
        let pair = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => Pair::Rsa(Box::new(
                RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?,
            )),
            Algorithm::Es256 => Pair::Ec(
                EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)
                    .map_err(failed)?,
            ),
            Algorithm::Es384 => Pair::Ec(
                EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_FIXED_SIGNING)
                    .map_err(failed)?,
            ),
            Algorithm::EdDsa => Pair::Ed(Ed25519KeyPair::generate().map_err(failed)?),
        };
        Ok(Self {
            kid: kid.into(),
            algorithm,
            pair,
        })
    }

    /// The `kid` of the key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm with which it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Signs, in the form that a JWS contains (RFC 7518 section 3).
    ///
    /// # Errors
    /// [`KeyError::Crypto`] if the library refuses.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let failed = |_| KeyError::Crypto(self.algorithm);
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let padding: &'static dyn signature::RsaEncoding =
                    if self.algorithm == Algorithm::Ps256 {
                        &signature::RSA_PSS_SHA256
                    } else {
                        &signature::RSA_PKCS1_SHA256
                    };
                let mut signed = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signed)
                    .map_err(failed)?;
                Ok(signed)
            }
            Pair::Ec(pair) => pair
                .sign(&random, message)
                .map(|signed| signed.as_ref().to_vec())
                .map_err(failed),
            Pair::Ed(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// True if `signed` is this key's signature over `message`.
    pub fn verifies(&self, message: &[u8], signed: &[u8]) -> bool {
        let algorithm: &'static dyn signature::VerificationAlgorithm = match self.algorithm {
            Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Algorithm::EdDsa => &signature::ED25519,
        };
        signature::UnparsedPublicKey::new(algorithm, self.public_bytes())
            .verify(message, signed)
            .is_ok()
    }

    fn public_bytes(&self) -> &[u8] {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::Ec(pair) => pair.public_key().as_ref(),
            Pair::Ed(pair) => pair.public_key().as_ref(),
        }
    }

    /// The public half as a JWK.
    pub fn jwk(&self, members: JwkMembers) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                json!({
                    "kty": "RSA",
                    "n": encode(public.modulus().big_endian_without_leading_zero()),
                    "e": encode(public.exponent().big_endian_without_leading_zero()),
                })
            }
            Pair::Ec(pair) => {
                // an uncompressed point: 0x04, then x and y of equal length
                let (x, y) =
                    pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
                let curve = if self.algorithm == Algorithm::Es256 {
                    "P-256"
                } else {
                    "P-384"
                };
                json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
        };
        if members.kid {
            jwk["kid"] = json!(self.kid);
        }
        if members.alg {
            jwk["alg"] = json!(self.algorithm.name());
        }
        if members.usage {
            jwk["use"] = json!("sig");
        }
        jwk
    }
}

/// The current signing key, and all keys that are published.
#[derive(Debug)]
pub(super) struct KeyRing {
    current: Arc<SigningKey>,
    published: Vec<Arc<SigningKey>>,
    made: u32,
}

impl KeyRing {
    pub(super) fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let current = Arc::new(SigningKey::generate(algorithm, "sandbox-1")?);
        Ok(Self {
            published: vec![current.clone()],
            current,
            made: 1,
        })
    }

    pub(super) fn current(&self) -> &Arc<SigningKey> {
        &self.current
    }

    pub(super) fn published(&self) -> &[Arc<SigningKey>] {
        &self.published
    }

    /// The `kid` of the next new key.
    pub(super) fn next_kid(&self) -> String {
        format!("sandbox-{}", self.made + 1)
    }

    /// `key` signs from now on; the earlier ones stay published.
    pub(super) fn rotate_to(&mut self, key: Arc<SigningKey>) {
        self.made += 1;
        self.published.push(key.clone());
        self.current = key;
    }

    /// `key` signs from now on and is the only one published.
    pub(super) fn replace_with(&mut self, key: Arc<SigningKey>) {
        self.made += 1;
        self.published = vec![key.clone()];
        self.current = key;
    }

    /// Publishes only the key that signs.
    pub(super) fn forget_old(&mut self) {
        self.published = vec![self.current.clone()];
    }

    /// The key whose signature is on the token, if it is published.
    pub(super) fn signer(&self, message: &[u8], signed: &[u8]) -> Option<&Arc<SigningKey>> {
        self.published
            .iter()
            .find(|key| key.verifies(message, signed))
    }
}

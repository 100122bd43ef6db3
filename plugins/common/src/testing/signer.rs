//! Keys that sign tokens, and tokens made by hand.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        self as lc, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding,
        RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// base64url without padding.
pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with any header and payload and an empty signature.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}.", b64(header.to_string()), b64(claims.to_string()))
}

/// A key that signs tokens of one algorithm under one `kid`.
#[derive(Clone)]
pub struct Signer {
    /// The algorithm, as a header names it.
    pub alg: &'static str,
    /// The key's id.
    pub kid: String,
    pair: Arc<Pair>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    /// A new key for an algorithm.
    ///
    /// # Panics
    /// If the algorithm is not an asymmetric one.
    pub fn new(alg: &'static str, kid: &str) -> Self {
        let ec = |of: &'static EcdsaSigningAlgorithm| {
            Pair::Ec(EcdsaKeyPair::generate(of).expect("an EC key"))
        };
        let pair = match alg {
            "ES256" => ec(&lc::ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ec(&lc::ECDSA_P384_SHA384_FIXED_SIGNING),
            "ES512" => ec(&lc::ECDSA_P521_SHA512_FIXED_SIGNING),
            "EdDSA" | "Ed25519" => Pair::Ed(Ed25519KeyPair::generate().expect("an Ed25519 key")),
            rsa => {
                encoding(rsa).expect("an asymmetric algorithm");
                Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key"))
            }
        };
        Self {
            alg,
            kid: kid.to_owned(),
            pair: Arc::new(pair),
        }
    }

    /// An RS256 key that all tests of a process share, because making one takes long.
    pub fn rs256() -> Self {
        static SHARED: OnceLock<Signer> = OnceLock::new();
        SHARED.get_or_init(|| Self::new("RS256", "rsa-1")).clone()
    }

    /// The same key for another algorithm of its kind, or under another id.
    #[must_use]
    pub fn as_other(&self, alg: &'static str, kid: &str) -> Self {
        Self {
            alg,
            kid: kid.to_owned(),
            pair: Arc::clone(&self.pair),
        }
    }

    /// The public key as a JWK with `alg`, `use` and `kid`.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &*self.pair {
            Pair::Rsa(pair) => {
                let components = lc::RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": b64(&components.n), "e": b64(&components.e) })
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let crv = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                json!({ "kty": "EC", "crv": crv, "x": b64(x), "y": b64(y) })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key()) })
            }
        };
        jwk["alg"] = self.alg.into();
        jwk["use"] = "sig".into();
        jwk["kid"] = self.kid.clone().into();
        jwk
    }

    /// A token with the usual header.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(
            &json!({ "alg": self.alg, "kid": self.kid, "typ": "JWT" }),
            claims,
        )
    }

    /// A token with this header.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        self.sign_raw(&header.to_string(), &claims.to_string())
    }

    /// A token of these texts, which need not be JSON.
    pub fn sign_raw(&self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", b64(header), b64(payload));
        let signature = self.sign(message.as_bytes());
        format!("{message}.{}", b64(signature))
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &*self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let encoding = encoding(self.alg).expect("an RSA algorithm");
                pair.sign(encoding, &random, message, &mut signature)
                    .expect("a signature");
                signature
            }
            Pair::Ec(pair) => pair
                .sign(&random, message)
                .expect("a signature")
                .as_ref()
                .to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

fn encoding(alg: &str) -> Option<&'static dyn RsaEncoding> {
    Some(match alg {
        "RS256" => &lc::RSA_PKCS1_SHA256,
        "RS384" => &lc::RSA_PKCS1_SHA384,
        "RS512" => &lc::RSA_PKCS1_SHA512,
        "PS256" => &lc::RSA_PSS_SHA256,
        "PS384" => &lc::RSA_PSS_SHA384,
        "PS512" => &lc::RSA_PSS_SHA512,
        _ => return None,
    })
}

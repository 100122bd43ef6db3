//! One key of a JWK set (RFC 7517), parsed once and checked strictly.
//!
//! A key is used only for its declared purpose: `kty`, `crv`, `alg`, `use` and `key_ops` must all
//! allow the algorithm of a token. Certificates (`x5c`, `x5u`) are ignored.

use aws_lc_rs::signature::ParsedPublicKey;
use jsonwebtoken::{DecodingKey, DecodingKeyKind};
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;

const MIN_RSA_BITS: usize = 2048;
const MAX_RSA_BITS: usize = 8192;
const MAX_KID_BYTES: usize = 1024;

/// A public key with which a provider's signatures are verified.
#[derive(Debug)]
pub(crate) struct SigningKey {
    kid: Option<String>,
    issuer: Option<String>,
    /// The algorithms that it may verify, each with the key parsed for it.
    uses: Vec<(Algorithm, ParsedPublicKey)>,
}

/// The reason why an entry of a key set is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// The key has another purpose (encryption, HMAC, a curve that is not for JWTs), which is
    /// normal.
    NotForUs(&'static str),
    /// The key is broken, weak or contradicts itself: the operator should know.
    Bad(&'static str),
}

impl SigningKey {
    /// Reads one entry. `announced` are the RSA algorithms that the provider says it signs with:
    /// a key without `alg` may be used with them and with RS256.
    pub(crate) fn from_jwk(entry: &Value, announced: &[Algorithm]) -> Result<Self, Unusable> {
        let jwk = entry
            .as_object()
            .ok_or(Unusable::Bad("is not a JSON object"))?;
        let kid = text(jwk, "kid")?;
        if kid.is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(Unusable::Bad("`kid` is longer than 1024 bytes"));
        }
        let kty = text(jwk, "kty")?.ok_or(Unusable::Bad("`kty` is missing"))?;
        check_purpose(jwk)?;
        let allowed = match kty {
            "RSA" => rsa_algorithms(announced),
            "EC" => vec![ec_algorithm(jwk)?],
            "OKP" => vec![okp_algorithm(jwk)?],
            "oct" => return Err(Unusable::NotForUs("symmetric keys are not accepted")),
            _ => return Err(Unusable::NotForUs("unknown `kty`")),
        };
        if jwk.contains_key("d") {
            return Err(Unusable::Bad(
                "is a private key: anyone who reads it can sign tokens",
            ));
        }
        let algorithms = bind(allowed, text(jwk, "alg")?, kty)?;
        let material = material(jwk, kty, &algorithms)?;
        let uses: Vec<_> = algorithms
            .into_iter()
            .filter_map(|algorithm| parse(algorithm, &material).map(|key| (algorithm, key)))
            .collect();
        if uses.is_empty() {
            return Err(Unusable::Bad("is not a valid key of its kind"));
        }
        let issuer = text(jwk, "issuer")?.map(str::to_owned);
        Ok(Self {
            kid: kid.map(str::to_owned),
            issuer,
            uses,
        })
    }

    /// The key's id, if it has one.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The issuer that may use this key (Entra publishes one for each key of its shared set).
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The algorithms that the key may verify.
    pub(crate) fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.uses.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Returns whether the key may verify signatures of this algorithm.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms().any(|own| own == algorithm)
    }

    /// Returns whether `signature` is this key's signature of `message`.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.uses
            .iter()
            .filter(|(own, _)| *own == algorithm)
            .any(|(_, key)| key.verify_sig(message, signature).is_ok())
    }
}

/// An optional member that must be a string.
fn text<'a>(jwk: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, Unusable> {
    match jwk.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(Unusable::Bad(match name {
            "kid" => "`kid` is not a string",
            "kty" => "`kty` is not a string",
            "alg" => "`alg` is not a string",
            "use" => "`use` is not a string",
            _ => "a member that must be a string is not one",
        })),
    }
}

/// Checks that `use` and `key_ops` (RFC 7517 sections 4.2 and 4.3) allow verifying.
fn check_purpose(jwk: &Map<String, Value>) -> Result<(), Unusable> {
    match text(jwk, "use")? {
        None | Some("sig") => {}
        Some("enc") => return Err(Unusable::NotForUs("is for encryption")),
        Some(_) => return Err(Unusable::NotForUs("unknown `use`")),
    }
    match jwk.get("key_ops") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(ops)) if ops.iter().any(|op| op == "verify") => Ok(()),
        Some(Value::Array(_)) => Err(Unusable::NotForUs("`key_ops` does not list `verify`")),
        Some(_) => Err(Unusable::Bad("`key_ops` is not a list")),
    }
}

fn rsa_algorithms(announced: &[Algorithm]) -> Vec<Algorithm> {
    let mut allowed = vec![Algorithm::RS256];
    let rsa = jsonwebtoken::AlgorithmFamily::Rsa;
    for algorithm in announced
        .iter()
        .filter(|announced| announced.family() == rsa)
    {
        if !allowed.contains(algorithm) {
            allowed.push(*algorithm);
        }
    }
    allowed
}

fn ec_algorithm(jwk: &Map<String, Value>) -> Result<Algorithm, Unusable> {
    match text(jwk, "crv")? {
        Some("P-256") => Ok(Algorithm::ES256),
        Some("P-384") => Ok(Algorithm::ES384),
        Some("P-521") => Ok(Algorithm::ES512),
        Some(_) => Err(Unusable::NotForUs("unknown `crv`")),
        None => Err(Unusable::Bad("`crv` is missing")),
    }
}

fn okp_algorithm(jwk: &Map<String, Value>) -> Result<Algorithm, Unusable> {
    match text(jwk, "crv")? {
        Some("Ed25519") => Ok(Algorithm::EdDSA),
        Some(_) => Err(Unusable::NotForUs("unknown `crv`")),
        None => Err(Unusable::Bad("`crv` is missing")),
    }
}

/// The algorithms left after applying the key's own `alg`: that one, if the kind of key supports
/// it.
fn bind(allowed: Vec<Algorithm>, own: Option<&str>, kty: &str) -> Result<Vec<Algorithm>, Unusable> {
    let Some(own) = own else { return Ok(allowed) };
    let own: Algorithm = own
        .parse()
        .map_err(|_| Unusable::NotForUs("`alg` is not a known signature algorithm"))?;
    let fits = match kty {
        "RSA" => own.family() == jsonwebtoken::AlgorithmFamily::Rsa,
        _ => allowed.contains(&own),
    };
    if fits {
        Ok(vec![own])
    } else {
        Err(Unusable::Bad("`alg` does not fit `kty` and `crv`"))
    }
}

fn material(
    jwk: &Map<String, Value>,
    kty: &str,
    algorithms: &[Algorithm],
) -> Result<DecodingKey, Unusable> {
    let member = |name| text(jwk, name)?.ok_or(Unusable::Bad("a part of the key is missing"));
    let broken = |_| Unusable::Bad("a part of the key is not base64url");
    match kty {
        "RSA" => {
            // Some providers pad, and some keep the sign byte of their big integers.
            let (n, e) = (
                member("n")?.trim_end_matches('='),
                member("e")?.trim_end_matches('='),
            );
            let key = DecodingKey::from_rsa_components(n, e).map_err(broken)?;
            check_rsa(&key)?;
            Ok(key)
        }
        "EC" => {
            let (x, y) = (member("x")?, member("y")?);
            let chars = match algorithms {
                [Algorithm::ES256] => 43,
                [Algorithm::ES384] => 64,
                _ => 88,
            };
            if x.len() != chars || y.len() != chars {
                return Err(Unusable::Bad(
                    "a coordinate does not have the length of its curve",
                ));
            }
            DecodingKey::from_ec_components(x, y).map_err(broken)
        }
        _ => DecodingKey::from_ed_components(member("x")?).map_err(broken),
    }
}

fn check_rsa(key: &DecodingKey) -> Result<(), Unusable> {
    let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() else {
        return Err(Unusable::Bad("is not an RSA key"));
    };
    let (n, e) = (significant(n), significant(e));
    let bits = n
        .first()
        .map_or(0, |top| n.len() * 8 - top.leading_zeros() as usize);
    if bits < MIN_RSA_BITS {
        return Err(Unusable::Bad("RSA key shorter than 2048 bits"));
    }
    if bits > MAX_RSA_BITS {
        return Err(Unusable::Bad("RSA key longer than 8192 bits"));
    }
    let odd = |number: &[u8]| number.last().is_some_and(|low| low & 1 == 1);
    if !odd(n) || !odd(e) || matches!(e, [1]) || e.len() > 8 {
        return Err(Unusable::Bad("RSA modulus or exponent is invalid"));
    }
    if has_roca_fingerprint(n) {
        return Err(Unusable::Bad(
            "RSA key of a chip with the ROCA weakness (CVE-2017-15361)",
        ));
    }
    Ok(())
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// The fingerprint of RSA moduli that Infineon's library made (CVE-2017-15361): modulo each small
/// prime they are a power of 65537. A good key has it with a chance of about 2^-28.
fn has_roca_fingerprint(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
        97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.iter().all(|&prime| {
        let rest = modulus
            .iter()
            .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut power = 1;
        for _ in 0..prime {
            if power == rest {
                return true;
            }
            power = power * (65_537 % prime) % prime;
        }
        false
    })
}

fn parse(algorithm: Algorithm, material: &DecodingKey) -> Option<ParsedPublicKey> {
    match material.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } => {
            algorithm.parse_rsa(significant(n), significant(e))
        }
        DecodingKeyKind::SecretOrDer(octets) => algorithm.parse_octets(octets),
    }
}

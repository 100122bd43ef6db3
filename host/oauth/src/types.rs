//! The terms of the protocol as types, so that none is mistaken for another.
//!
//! Secret ones have no `Display` and a `Debug` without content.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Longest `client_id` that is accepted, in bytes.
pub(super) const MAX_CLIENT_ID_BYTES: usize = 4_096;

/// The scope by which some providers are asked for a refresh token.
pub(super) const OFFLINE: &str = "offline_access";

/// A `client_id` as a client sent it: a sealed registration, a URL, or a configured name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ClientId(String);

impl ClientId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= MAX_CLIENT_ID_BYTES;
        (fits
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' '))
        .then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The short form by which tokens, limits and logs identify the client.
    pub(super) fn key(&self) -> ClientKey {
        ClientKey(short_digest(b"client", &[self.0.as_bytes()]))
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientId({})", self.key())
    }
}

/// A digest of a `client_id`. Not a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ClientKey(String);

impl ClientKey {
    /// A key from the store, which holds only what we put there.
    pub(super) fn from_store(text: String) -> Self {
        Self(text)
    }

    /// The client that an operator names: by its `client_id`, or by the digest that logs and lists
    /// show.
    pub(super) fn named(text: &str) -> Option<Self> {
        let is_digest = text.len() == 22 && URL_SAFE_NO_PAD.decode(text).is_ok();
        match is_digest {
            true => Some(Self(text.to_owned())),
            false => ClientId::parse(text).map(|id| id.key()),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All tokens that come from one sign-in. Revoked as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct FamilyId(String);

impl FamilyId {
    pub(super) fn random() -> Self {
        Self(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// An id from the store, which holds only what we put there.
    pub(super) fn from_store(text: String) -> Self {
        Self(text)
    }
}

/// The key of a state or code in the store: a digest, so that the store's content opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct StoreKey(String);

impl StoreKey {
    /// The place of a token that is too large for a header: one for each time that a sign-in was
    /// refreshed at the provider, however often a client asks for the answer.
    pub(super) fn of_token(family: &FamilyId, generation: u64) -> Self {
        Self(digest(
            b"token",
            &[family.as_str().as_bytes(), &generation.to_be_bytes()],
        ))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The `state` that we send to the identity provider: 256 random bits.
pub(super) struct State(String);

/// An authorization code of ours: 256 random bits.
pub(super) struct Code(String);

/// The `nonce` that we send to the identity provider, which comes back in the ID token: 256 random
/// bits (OpenID Connect Core section 3.1.2.1).
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Nonce(String);

/// The secret half of a PKCE pair (RFC 7636).
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct CodeVerifier(String);

/// The public half of a PKCE pair, made by S256.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct CodeChallenge(String);

/// The id of a browser: 128 random bits inside its sealed cookie.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct BrowserId(String);

macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}
opaque_debug!(State, Code, Nonce, CodeVerifier, CodeChallenge, BrowserId);

impl State {
    pub(super) fn random() -> Self {
        Self(random_256())
    }

    /// A state that came back; only its shape is checked.
    pub(super) fn parse(text: &str) -> Option<Self> {
        is_random_256(text).then(|| Self(text.to_owned()))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn store_key(&self) -> StoreKey {
        StoreKey(digest(b"state", &[self.0.as_bytes()]))
    }
}

impl Code {
    pub(super) fn random() -> Self {
        Self(random_256())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        is_random_256(text).then(|| Self(text.to_owned()))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn store_key(&self) -> StoreKey {
        StoreKey(digest(b"code", &[self.0.as_bytes()]))
    }
}

impl Nonce {
    pub(super) fn random() -> Self {
        Self(random_256())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl CodeVerifier {
    pub(super) fn random() -> Self {
        Self(random_256())
    }

    /// 43 to 128 unreserved characters (RFC 7636 section 4.1).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        ((43..=128).contains(&text.len()) && text.bytes().all(unreserved))
            .then(|| Self(text.to_owned()))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn challenge(&self) -> CodeChallenge {
        CodeChallenge(URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.as_bytes())))
    }
}

impl CodeChallenge {
    /// The S256 transformation gives 43 characters of base64url (RFC 7636 section 4.2).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let decoded = URL_SAFE_NO_PAD.decode(text).ok()?;
        (decoded.len() == 32).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether `verifier` is the secret half, in constant time.
    pub(super) fn matches(&self, verifier: &CodeVerifier) -> bool {
        same_secret(&self.0, &verifier.challenge().0)
    }
}

impl BrowserId {
    pub(super) fn random() -> Self {
        Self(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>()))
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        same_secret(&self.0, &other.0)
    }
}

/// Returns whether `granted` is the scope `scope`, or its last part: some providers answer with `read` for
/// `api://app/read`.
pub(super) fn is_spelling(scope: &str, granted: &str) -> bool {
    let rest = scope.strip_suffix(granted);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// Compares in a time that depends on the length only.
pub(super) fn same_secret(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// The first 128 bits of a digest of `parts`.
pub(super) fn short_digest(label: &[u8], parts: &[&[u8]]) -> String {
    URL_SAFE_NO_PAD.encode(&hash(label, parts)[..16])
}

fn digest(label: &[u8], parts: &[&[u8]]) -> String {
    URL_SAFE_NO_PAD.encode(hash(label, parts))
}

fn hash(label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in std::iter::once(&label).chain(parts) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn random_256() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

fn is_random_256(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pkce_follows_the_example_of_rfc_7636_appendix_b() {
        let verifier = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let challenge =
            CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.matches(&verifier));
        assert!(!challenge.matches(&CodeVerifier::random()));
    }

    #[test]
    fn verifiers_and_challenges_of_another_shape_are_refused() {
        for text in [
            "",
            &"a".repeat(42),
            &"a".repeat(129),
            &format!("{}+", "a".repeat(43)),
        ] {
            assert!(CodeVerifier::parse(text).is_none(), "{text}");
        }
        for text in [
            "",
            &"a".repeat(42),
            &"a".repeat(44),
            &format!("{}=", "A".repeat(43)),
        ] {
            assert!(CodeChallenge::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_secret_shows_nothing() {
        let state = State::random();
        assert_eq!(format!("{state:?}"), "State(..)");
        assert!(!format!("{:?}", ClientId::parse("secret-ish").unwrap()).contains("secret"));
    }
}

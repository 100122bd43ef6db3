//! JSON Web Signatures (RFC 7515) of any shape: valid ones, and those that an attacker would send.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::keys::{KeyError, KeyRing, SigningKey};
use super::options::JwkMembers;

/// The key with which a token is signed.
#[derive(Clone, Copy, Debug)]
pub enum SignWith<'a> {
    /// The provider's own current key.
    Current,
    /// Any key, such as one that the provider never published.
    Key(&'a SigningKey),
    /// HMAC-SHA-256 with these bytes, such as the bytes of a public key.
    Hmac(&'a [u8]),
    /// Nothing: the third part is empty.
    Nothing,
}

/// `header.payload.signature` over exactly these bytes.
pub(super) fn raw(
    keys: &KeyRing,
    header: &[u8],
    payload: &[u8],
    with: SignWith<'_>,
) -> Result<String, KeyError> {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = match with {
        SignWith::Current => keys.current().sign(signed.as_bytes())?,
        SignWith::Key(key) => key.sign(signed.as_bytes())?,
        SignWith::Hmac(secret) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
        }
        SignWith::Nothing => Vec::new(),
    };
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The header that fits the key.
pub(super) fn header(keys: &KeyRing, with: SignWith<'_>, typ: &str, members: JwkMembers) -> Value {
    let key: Option<&SigningKey> = match with {
        SignWith::Current => Some(keys.current()),
        SignWith::Key(key) => Some(key),
        SignWith::Hmac(_) | SignWith::Nothing => None,
    };
    let alg = match (key, with) {
        (Some(key), _) => key.algorithm().name(),
        (None, SignWith::Hmac(_)) => "HS256",
        (None, _) => "none",
    };
    let mut header = json!({ "alg": alg, "typ": typ });
    if let Some(key) = key
        && members.kid
    {
        header["kid"] = json!(key.kid());
    }
    header
}

/// Puts `over` over `base`, member by member; a `null` takes the member out.
pub(super) fn merge(base: &mut Value, over: Value) {
    let Value::Object(over) = over else { return };
    if !base.is_object() {
        *base = Value::Object(Map::new());
    }
    if let Value::Object(base) = base {
        for (name, value) in over {
            if value.is_null() {
                base.shift_remove(&name);
            } else {
                base.insert(name, value);
            }
        }
    }
}

/// The claims of a token that a published key signed; does not check its expiry or audience.
pub(super) fn verified_claims(keys: &KeyRing, token: &str) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (_, payload) = signed.split_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    keys.signer(signed.as_bytes(), &signature)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

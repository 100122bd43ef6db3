//! The provider's published keys (RFC 7517): can they be fetched, and can tokens be verified with them?

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use outbound::{Document, shown};
use serde_json::Value;

use super::{peers::Peer, report::Check};

const KEYS: &str = "keys";
/// The shortest modulus of an RSA key that is accepted.
const MIN_RSA_BITS: usize = 2_048;

/// `allowed` has the accepted algorithms, if they are restricted.
pub(super) async fn check(peer: &Peer, document: &Document, allowed: Option<&str>) -> Check {
    let url = match document.endpoint("jwks_uri") {
        Ok(Some(url)) => url,
        Ok(None) => {
            return Check::warn(
                KEYS,
                "the document names no `jwks_uri`: a validator that verifies signatures cannot work",
                "name a validator that asks the provider about each token in `TOKEN_VALIDATOR_FACTORY`",
            );
        }
        Err(why) => {
            return Check::fail(
                KEYS,
                why,
                "set `OUTBOUND_ALLOW_HTTP=true` if the provider is inside the cluster",
            );
        }
    };
    let place = shown(&url);
    let answer = match peer.get(&url).await {
        Ok(answer) if answer.status.is_success() => answer,
        Ok(answer) => {
            let seen = format!("{place} answers {}", answer.status.as_u16());
            return Check::fail(
                KEYS,
                seen,
                "see the provider's log: the document names this URL",
            );
        }
        Err(error) => {
            let fix = "let this server reach the URL (proxy, firewall), or let `OAUTH_ISSUER_URL` name a place whose \
                       document names one that it reaches";
            return Check::fail(KEYS, error.to_string(), fix);
        }
    };
    let set: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let Some(keys) = set.as_ref().and_then(|set| set.get("keys")?.as_array()) else {
        let seen = format!("{place} answers with something else than a key set");
        return Check::fail(
            KEYS,
            seen,
            "see the provider's log: the document names this URL",
        );
    };
    let usable: Vec<&str> = keys.iter().filter_map(algorithm).collect();
    let algorithms: BTreeSet<&str> = usable.iter().copied().collect();
    let list = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(", ");
    let seen = format!(
        "{} of {} keys at {place} can verify tokens{}{}",
        usable.len(),
        keys.len(),
        if usable.is_empty() { "" } else { ": " },
        list(&algorithms)
    );
    if usable.is_empty() {
        let fix = "let the provider sign with RS256 or ES256: keys that are shared secrets or for encryption \
                   verify nothing";
        return Check::fail(KEYS, seen, fix);
    }
    let Some(allowed) = allowed else {
        return Check::ok(KEYS, seen);
    };
    match any_serves(keys, &algorithms, allowed) {
        true => Check::ok(KEYS, seen),
        false => Check::fail(
            KEYS,
            format!("{seen}, and none of these is in `OIDC_ALGORITHMS`"),
            format!(
                "set `OIDC_ALGORITHMS` to {}, or unset it",
                list(&algorithms)
            ),
        ),
    }
}

/// Returns whether one of the keys, which have these `algorithms`, serves one that is `allowed`.
fn any_serves(keys: &[Value], algorithms: &BTreeSet<&str>, allowed: &str) -> bool {
    // An RSA key without a name serves all algorithms of its kind.
    let rsa = |name: &str| name.starts_with("RS") || name.starts_with("PS");
    let unnamed = keys.iter().any(|key| key.get("alg").is_none());
    allowed.split([',', ' ']).map(str::trim).any(|name| {
        algorithms.contains(name) || (rsa(name) && unnamed && algorithms.contains("RS256"))
    })
}

/// The algorithm that a key verifies, if it can verify tokens at all.
fn algorithm(key: &Value) -> Option<&str> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|usage| usage != "sig") {
        return None;
    }
    let named = text("alg");
    match text("kty")? {
        "RSA" => {
            let modulus = URL_SAFE_NO_PAD
                .decode(text("n")?.trim_end_matches('='))
                .ok()?;
            let modulus = modulus.iter().skip_while(|byte| **byte == 0).count() * 8;
            let named = named.unwrap_or("RS256");
            let signs = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].contains(&named);
            (modulus >= MIN_RSA_BITS && signs).then_some(named)
        }
        "EC" => {
            let of_curve = match text("crv")? {
                "P-256" => "ES256",
                "P-384" => "ES384",
                "P-521" => "ES512",
                _ => return None,
            };
            named
                .is_none_or(|named| named == of_curve)
                .then_some(of_curve)
        }
        "OKP" => {
            let ours = text("crv")? == "Ed25519"
                && named.is_none_or(|named| matches!(named, "EdDSA" | "Ed25519"));
            ours.then_some("EdDSA")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_for_something_else_do_not_count() {
        let n = URL_SAFE_NO_PAD.encode([0xff; 256]);
        let short = URL_SAFE_NO_PAD.encode([0xff; 128]);
        for (key, expected) in [
            (json!({"kty": "RSA", "n": n}), Some("RS256")),
            (
                json!({"kty": "RSA", "n": n, "alg": "PS384", "use": "sig"}),
                Some("PS384"),
            ),
            (json!({"kty": "RSA", "n": n, "use": "enc"}), None),
            (json!({"kty": "RSA", "n": n, "alg": "RSA-OAEP"}), None),
            (json!({"kty": "RSA", "n": short}), None),
            (json!({"kty": "RSA", "n": 5}), None),
            (json!({"kty": "EC", "crv": "P-384"}), Some("ES384")),
            (json!({"kty": "EC", "crv": "P-384", "alg": "ES256"}), None),
            (json!({"kty": "EC", "crv": "secp256k1"}), None),
            (json!({"kty": "OKP", "crv": "Ed25519"}), Some("EdDSA")),
            (json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}), None),
            (json!("nonsense"), None),
        ] {
            assert_eq!(algorithm(&key), expected, "{key}");
        }
    }
}

//! Fuzz targets for tokens, which strangers send, and key sets, which providers do.

use serde_json::{Map, Value};

use super::{
    algorithm::Algorithm,
    claims::{AudienceRule, lookup, scopes_of},
    jwk::SigningKey,
    jwks::KeySet,
    jws::{Compact, unverified_claims},
    strict_json,
};

/// A token: what is accepted has three parts and asymmetric signature.
pub fn jwt(data: &[u8]) {
    let Ok(token) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(compact) = Compact::parse(token) {
        assert_eq!(token.split('.').count(), 3);
        if compact.header().is_ok() {
            assert!(!token.ends_with('.'), "it has a signature");
        }
    }
    if let Some(claims) = unverified_claims(token) {
        check_claims(&claims);
    }
}

/// The claims of a token, as they are inside it: each name once.
pub fn claims(data: &[u8]) {
    if let Ok(claims) = strict_json::parse_object(data) {
        check_claims(&claims);
    }
}

fn check_claims(claims: &Map<String, Value>) {
    let rule = AudienceRule {
        claim: "aud".to_owned(),
        accepted: vec!["datahub-mcp".to_owned()],
    };
    if rule.check(claims).is_ok() {
        let text = claims["aud"].to_string();
        assert!(text.contains("\"datahub-mcp\""), "{text}");
    }
    let _ = lookup(claims, "/realm_access/roles");
    let names = ["scope".to_owned(), "scp".to_owned(), "/a/b".to_owned()];
    let _ = scopes_of(claims, &names);
}

/// An entry of a key set, and the set: a key that is used is for asymmetric signatures.
pub fn jwks(data: &[u8]) {
    if let Ok(entry) = serde_json::from_slice::<Value>(data)
        && let Ok(key) = SigningKey::from_jwk(&entry, &[Algorithm::RS256])
    {
        assert!(key.algorithms().count() > 0);
        assert!(entry.get("d").is_none() && entry["kty"] != "oct");
    }
    let _ = KeySet::parse(data, &[Algorithm::RS256]);
}

#[cfg(test)]
mod tests {
    use test_support::fuzz::run;

    #[test]
    fn fuzz_targets_of_tokens_and_keys_hold() {
        run("jwt", 20_000, super::jwt);
        run("claims", 20_000, super::claims);
        run("jwks", 3_000, super::jwks);
    }
}

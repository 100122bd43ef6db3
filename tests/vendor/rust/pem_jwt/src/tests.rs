use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use plugin_api::sdk::testing::Harness;
use serde_json::{Value, json};

use super::PemJwt;

const PRIVATE_KEY: &[u8] = include_bytes!("test_private.pem");
const ISSUER: &str = "https://issuer.example.com";

fn options() -> Value {
    json!({
        "key_file": concat!(env!("CARGO_MANIFEST_DIR"), "/src/test_public.pem"),
        "algorithm": "ES256",
        "issuer": ISSUER,
        "audience": "datahub",
    })
}

fn validator() -> Harness {
    Harness::new::<PemJwt>(options()).unwrap()
}

/// Claims that are good, with `changes` made.
fn claims(changes: Value) -> Value {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut claims = json!({
        "iss": ISSUER,
        "aud": "datahub",
        "sub": "ada",
        "exp": now + 300,
        "scope": "read write",
        "email": "ada@example.com",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn sign(claims: &Value) -> String {
    let key = EncodingKey::from_ec_pem(PRIVATE_KEY).unwrap();
    encode(&Header::new(Algorithm::ES256), claims, &key).unwrap()
}

#[test]
fn a_good_token_is_served() {
    let token = sign(&claims(json!({})));
    let served = validator().ask(&token).expect_served();
    assert_eq!(served.subject, "ada");
    assert_eq!(served.scopes, ["read", "write"]);
    assert_eq!(served.claims["email"], "ada@example.com");
}

#[test]
fn a_token_for_others_expired_or_changed_is_rejected() {
    let validator = validator();
    for changes in [
        json!({ "aud": "another" }),
        json!({ "exp": 1 }),
        json!({ "nbf": 4_102_444_800_u64 }),
        json!({ "sub": null }),
    ] {
        validator.ask(&sign(&claims(changes))).expect_rejected();
    }
    let token = sign(&claims(json!({})));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    validator
        .ask(&format!("{signed}.{first}{}", &signature[1..]))
        .expect_rejected();
}

#[test]
fn the_token_does_not_choose_its_algorithm() {
    // The public key as a secret: the classic confusion of RS/ES with HS.
    let public = include_bytes!("test_public.pem");
    let key = EncodingKey::from_secret(public);
    let token = encode(&Header::new(Algorithm::HS256), &claims(json!({})), &key).unwrap();
    validator().ask(&token).expect_rejected();
    // {"alg":"none"}
    let unsigned = "eyJhbGciOiJub25lIn0.e30.";
    validator().ask(unsigned).expect_not_mine();
}

#[test]
fn what_is_of_another_kind_is_not_mine() {
    let validator = validator();
    validator.ask("opaque").expect_not_mine();
    validator
        .ask(&sign(&claims(json!({ "iss": "https://other" }))))
        .expect_not_mine();
}

#[test]
fn a_missing_key_stops_the_start() {
    let mut options = options();
    options["key_file"] = "/no/such/key.pem".into();
    let refused = Harness::new::<PemJwt>(options).err().unwrap();
    assert!(
        refused.log_detail().contains("/no/such/key.pem"),
        "{refused:?}"
    );
}

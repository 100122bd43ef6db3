//! Published vectors: Wycheproof and the examples of the RFCs, from the directory `WYCHEPROOF_DIR`.

use std::{env, fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;
use crate::jwks::{Checked, KeySet};

/// The directory of the vectors, or `None` after a message.
fn directory() -> Option<PathBuf> {
    let directory = env::var_os("WYCHEPROOF_DIR").map(PathBuf::from);
    if directory.is_none() {
        test_support::skipped("WYCHEPROOF_DIR");
    }
    directory
}

fn read(path: PathBuf) -> Value {
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// Returns whether the signature of a compact JWS is valid, with our header checks and our key
/// checks; the payload is ignored, because these vectors are not JWTs.
fn accepts(keys: &Value, jws: &str) -> bool {
    let Ok(keys) = KeySet::parse(keys.to_string().as_bytes(), &[]) else {
        return false;
    };
    let parts: Vec<&str> = jws.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return false;
    };
    if URL_SAFE_NO_PAD.decode(payload).is_err() {
        return false;
    }
    // Any claims will do to have the header read by the same code as in a token.
    let Ok(compact) = Compact::parse(&format!("{header}.e30.{signature}")).map(|c| {
        c.header()
            .map(|h| (h.algorithm, h.kid.map(str::to_owned), c.signature.clone()))
            .ok()
    }) else {
        return false;
    };
    let Some((algorithm, kid, signature)) = compact else {
        return false;
    };
    let message = &jws.as_bytes()[..header.len() + 1 + payload.len()];
    matches!(
        keys.check(kid.as_deref(), algorithm, message, &signature),
        Checked::Good { .. }
    )
}

fn key_set(group: &Value) -> Value {
    let key = group.get("public").unwrap_or(&group["private"]);
    let is_set = key.get("keys").is_some();
    if is_set {
        key.clone()
    } else {
        json!({ "keys": [key] })
    }
}

#[test]
fn wycheproof() {
    let Some(directory) = directory() else { return };
    // Valid for a library of everything, and refused here on purpose.
    let stricter = [
        346, // PS384 under a key that says PS256
        347, // a key that says `ES521`, which is not an algorithm
        350, // as 346
        351, // as 347
    ];
    let (mut tests, mut valid) = (0, 0);
    for file in ["json_web_signature_test.json", "json_web_key_test.json"] {
        let document = read(directory.join(file));
        for group in document["testGroups"].as_array().unwrap() {
            let keys = key_set(group);
            let symmetric = keys["keys"]
                .as_array()
                .unwrap()
                .iter()
                .any(|key| key["kty"] == "oct");
            for test in group["tests"].as_array().unwrap() {
                let id = test["tcId"].as_u64().unwrap();
                // Symmetric keys verify nothing here, whatever the label says.
                let refused = symmetric
                    || test["result"] == "invalid"
                    || (file.contains("signature") && stricter.contains(&id));
                let accepted = accepts(&keys, test["jws"].as_str().unwrap());
                assert_eq!(accepted, !refused, "{file} {id} {}", test["comment"]);
                tests += 1;
                valid += usize::from(accepted);
            }
        }
    }
    println!("wycheproof: {tests} tests, {valid} accepted");
    assert!(
        tests > 400 && valid > 25,
        "the vectors are there: {tests}, {valid}"
    );
}

#[test]
fn examples_of_the_rfcs() {
    let Some(directory) = directory() else { return };
    let document = read(directory.parent().unwrap().join("rfc_tokens.json"));
    let mut accepted = 0;
    for example in document.as_array().unwrap() {
        let id = example["id"].as_str().unwrap();
        if let Some(set) = example.get("jwks") {
            let keys = KeySet::parse(set.to_string().as_bytes(), &[]).unwrap();
            // A.1 has an EC key for encryption and a key for signatures; A.2 are private keys,
            // A.3 symmetric ones.
            assert_eq!(keys.len(), usize::from(id == "rfc7517_A.1"), "{id}");
            continue;
        }
        let mut key = example["jwk"].clone();
        // These examples print the private key; a provider must not.
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            key.as_object_mut().map(|key| key.remove(private));
        }
        let algorithm = example["alg"].as_str().unwrap();
        key["alg"] = algorithm.into();
        let keys = json!({ "keys": [key] });
        let token = example["token"].as_str().unwrap();
        let good = example["expect"] == "valid" && !algorithm.starts_with("HS");
        assert_eq!(accepts(&keys, token), good, "{id}");
        accepted += usize::from(good);
    }
    assert!(accepted >= 7, "{accepted}");
}

use serde_json::{Value, json};

use super::*;
use crate::testing::{Signer, b64};

fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), &[]).unwrap()
}

fn changed(mut key: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut key);
    key
}

fn without(mut key: Value, name: &str) -> Value {
    key.as_object_mut().unwrap().remove(name);
    key
}

/// Entries that providers really publish, and how many keys each gives.
#[test]
fn one_odd_entry_never_costs_the_others() {
    let good = Signer::rs256();
    let ec = Signer::new("ES256", "ec").jwk();
    let ed = Signer::new("EdDSA", "ed").jwk();
    let rsa = good.jwk();
    let short = b64([&[0xc5_u8; 127][..], &[0x01]].concat());
    let odd: Vec<(&str, Value, usize)> = vec![
        ("as it should be", rsa.clone(), 1),
        (
            "no alg, use, kid",
            without(without(without(rsa.clone(), "alg"), "use"), "kid"),
            1,
        ),
        (
            "null use and alg",
            changed(rsa.clone(), |k| {
                k["use"] = Value::Null;
                k["alg"] = Value::Null;
            }),
            1,
        ),
        (
            "key_ops with verify",
            changed(rsa.clone(), |k| k["key_ops"] = json!(["verify"])),
            1,
        ),
        (
            "certificates beside it",
            changed(rsa.clone(), |k| {
                k["x5c"] = json!(["MIIC"]);
                k["x5t"] = "abc".into();
            }),
            1,
        ),
        (
            "padded modulus",
            changed(rsa.clone(), |k| {
                k["n"] = format!("{}==", k["n"].as_str().unwrap()).into()
            }),
            1,
        ),
        (
            "fully specified Ed25519",
            changed(ed.clone(), |k| k["alg"] = "Ed25519".into()),
            1,
        ),
        ("EC without alg", without(ec.clone(), "alg"), 1),
        (
            "numeric kid",
            changed(rsa.clone(), |k| k["kid"] = 7.into()),
            0,
        ),
        (
            "unknown kty",
            json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA" }),
            0,
        ),
        (
            "oct",
            json!({ "kty": "oct", "k": b64([7; 64]), "alg": "HS256" }),
            0,
        ),
        (
            "for encryption",
            changed(rsa.clone(), |k| k["use"] = "enc".into()),
            0,
        ),
        (
            "RSA-OAEP",
            changed(rsa.clone(), |k| k["alg"] = "RSA-OAEP".into()),
            0,
        ),
        (
            "key_ops without verify",
            changed(rsa.clone(), |k| k["key_ops"] = json!(["encrypt"])),
            0,
        ),
        (
            "key_ops no list",
            changed(rsa.clone(), |k| k["key_ops"] = "verify".into()),
            0,
        ),
        (
            "RSA of 1024 bits",
            changed(rsa.clone(), |k| k["n"] = short.into()),
            0,
        ),
        (
            "exponent 1",
            changed(rsa.clone(), |k| k["e"] = b64([1]).into()),
            0,
        ),
        (
            "even exponent",
            changed(rsa.clone(), |k| k["e"] = b64([1, 0, 0]).into()),
            0,
        ),
        (
            "alg of another kind",
            changed(rsa.clone(), |k| k["alg"] = "ES256".into()),
            0,
        ),
        (
            "alg of another curve",
            changed(ec.clone(), |k| k["alg"] = "ES384".into()),
            0,
        ),
        (
            "HS256 on an RSA key",
            changed(rsa.clone(), |k| k["alg"] = "HS256".into()),
            0,
        ),
        (
            "point off the curve",
            changed(ec.clone(), |k| k["x"] = k["y"].clone()),
            0,
        ),
        (
            "short coordinate",
            changed(ec.clone(), |k| k["x"] = b64([1; 31]).into()),
            0,
        ),
        (
            "curve that signs no JWT",
            json!({ "kty": "EC", "crv": "secp256k1", "x": b64([1; 32]), "y": b64([1; 32]) }),
            0,
        ),
        (
            "X25519",
            json!({ "kty": "OKP", "crv": "X25519", "x": b64([9; 32]) }),
            0,
        ),
        (
            "short Ed25519",
            json!({ "kty": "OKP", "crv": "Ed25519", "x": b64([9; 31]) }),
            0,
        ),
        (
            "a private key",
            changed(ec.clone(), |k| k["d"] = b64([5; 32]).into()),
            0,
        ),
        ("no modulus", without(rsa.clone(), "n"), 0),
        (
            "standard base64",
            changed(rsa.clone(), |k| k["n"] = "+/+/".into()),
            0,
        ),
        ("a string", "key".into(), 0),
        ("null", Value::Null, 0),
    ];
    for (name, entry, usable) in &odd {
        assert_eq!(set(std::slice::from_ref(entry)).len(), *usable, "{name}");
    }
    let all: Vec<Value> = odd.iter().map(|(_, entry, _)| entry.clone()).collect();
    assert_eq!(
        set(&all).len(),
        odd.iter().map(|(_, _, usable)| usable).sum::<usize>()
    );
    let signature = good.sign(b"m");
    assert!(matches!(
        set(&all).check(Some("rsa-1"), Algorithm::RS256, b"m", &signature),
        Checked::Good { .. }
    ));
}

#[test]
fn what_is_no_key_set_is_refused_as_a_whole() {
    for bad in [
        "",
        "<html>",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":[]"#,
    ] {
        assert!(KeySet::parse(bad.as_bytes(), &[]).is_err(), "{bad}");
    }
    assert_eq!(set(&[]).len(), 0);
}

#[test]
fn at_most_256_entries_are_read() {
    let mut keys = vec![Value::Null; 255];
    keys.push(Signer::rs256().jwk());
    assert_eq!(set(&keys).len(), 1);
    keys.insert(0, Value::Null);
    assert_eq!(set(&keys).len(), 0);
}

#[test]
fn a_key_is_used_for_its_own_algorithm_only() {
    let rsa = Signer::rs256();
    let pss = rsa.as_other("PS256", "rsa-1");
    let keys = set(&[rsa.jwk()]);
    assert_eq!(
        keys.check(Some("rsa-1"), Algorithm::PS256, b"m", &pss.sign(b"m")),
        Checked::WrongAlgorithm
    );
    // A key without `alg` is for RS256, and for what the provider announces.
    let bare = json!({ "keys": [without(rsa.jwk(), "alg")] }).to_string();
    let quiet = KeySet::parse(bare.as_bytes(), &[]).unwrap();
    assert_eq!(
        quiet.check(Some("rsa-1"), Algorithm::PS256, b"m", &pss.sign(b"m")),
        Checked::WrongAlgorithm
    );
    let announced = KeySet::parse(bare.as_bytes(), &[Algorithm::PS256, Algorithm::ES256]).unwrap();
    for signer in [&rsa, &pss] {
        let algorithm = signer.alg.parse().unwrap();
        assert_eq!(
            announced.check(Some("rsa-1"), algorithm, b"m", &signer.sign(b"m")),
            Checked::Good { key: 0 }
        );
    }
}

#[test]
fn the_kid_chooses_and_without_one_all_that_fit_are_tried() {
    let (one, two) = (Signer::new("ES256", "one"), Signer::new("ES256", "two"));
    let nameless = Signer::new("EdDSA", "x");
    let keys = set(&[one.jwk(), two.jwk(), without(nameless.jwk(), "kid")]);
    let check = |kid, signer: &Signer| {
        keys.check(kid, signer.alg.parse().unwrap(), b"m", &signer.sign(b"m"))
    };
    assert_eq!(check(Some("two"), &two), Checked::Good { key: 1 });
    assert_eq!(check(Some("one"), &two), Checked::Bad);
    assert_eq!(check(None, &two), Checked::Good { key: 1 });
    assert_eq!(check(Some("three"), &two), Checked::NoSuchKey);
    assert_eq!(check(Some("one"), &nameless), Checked::WrongAlgorithm);
    // A provider that names its keys in tokens and not in the set.
    assert_eq!(check(Some("three"), &nameless), Checked::Good { key: 2 });
}

#[test]
fn a_signature_that_is_not_whole_is_bad_for_every_kind_of_key() {
    for alg in [
        "RS256", "RS512", "PS256", "PS384", "ES256", "ES384", "ES512", "EdDSA",
    ] {
        let signer = match alg {
            "RS256" | "RS512" | "PS256" | "PS384" => Signer::rs256().as_other(alg, "k"),
            _ => Signer::new(alg, "k"),
        };
        let keys = set(&[signer.jwk()]);
        let algorithm: Algorithm = alg.parse().unwrap();
        let good = signer.sign(b"message");
        assert_eq!(
            keys.check(Some("k"), algorithm, b"message", &good),
            Checked::Good { key: 0 },
            "{alg}"
        );
        let bad = |signature: &[u8], message: &[u8]| {
            keys.check(Some("k"), algorithm, message, signature) == Checked::Bad
        };
        assert!(bad(&good, b"massage"), "{alg}");
        assert!(bad(&good[1..], b"message"), "{alg}");
        assert!(bad(&[&good[..], &[0]].concat(), b"message"), "{alg}");
        assert!(bad(&vec![0; good.len()], b"message"), "{alg}");
        assert!(bad(&[], b"message"), "{alg}");
        for at in [0, good.len() / 2, good.len() - 1] {
            let mut flipped = good.clone();
            flipped[at] ^= 1;
            assert!(bad(&flipped, b"message"), "{alg} {at}");
        }
    }
}

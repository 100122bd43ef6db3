//! Tokens that an attacker manipulates.

use super::*;
use crate::testing::{b64, unsigned};

#[tokio::test]
async fn unsigned_and_symmetric_tokens_are_never_accepted() {
    let bench = Bench::new().await;
    let claims = bench.claims();
    for alg in ["none", "None", "NONE", "nOnE"] {
        let token = unsigned(&json!({ "alg": alg }), &claims);
        bench
            .refuses_token(&token, FailureKind::Rejected, "unsigned")
            .await;
    }
    // HMAC with the public part of the RSA key.
    let secret = bench.signer.jwk()["n"].as_str().unwrap().to_owned();
    let hs = jsonwebtoken::encode(
        &jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256),
        &claims,
        &jsonwebtoken::EncodingKey::from_secret(secret.as_bytes()),
    );
    bench
        .refuses_token(&hs.unwrap(), FailureKind::Rejected, "symmetric")
        .await;
    for alg in [
        json!(null),
        json!(["RS256"]),
        json!(""),
        json!("RS256 "),
        json!("rs256"),
        json!("ES256K"),
    ] {
        let token = bench
            .signer
            .token_with(&json!({ "alg": alg, "kid": "rsa-1" }), &claims);
        bench
            .refuses_token(&token, FailureKind::Rejected, "alg")
            .await;
    }
    let token = bench.signer.token_with(&json!({ "kid": "rsa-1" }), &claims);
    bench
        .refuses_token(&token, FailureKind::Rejected, "no `alg`")
        .await;
}

#[tokio::test]
async fn nothing_in_a_token_but_its_kid_chooses_the_key() {
    let bench = Bench::new().await;
    let thief = Signer::new("ES256", "rsa-1");
    for header in [
        json!({ "alg": "ES256", "jwk": thief.jwk() }),
        json!({ "alg": "ES256", "kid": "rsa-1", "jwk": thief.jwk() }),
        json!({ "alg": "ES256", "jku": "https://evil.example/keys", "kid": "x" }),
        json!({ "alg": "ES256", "x5u": "https://evil.example/cert", "x5c": ["MIIC"] }),
    ] {
        let token = thief.token_with(&header, &bench.claims());
        assert_eq!(
            bench.ask(&token).await.unwrap_err().kind(),
            FailureKind::Rejected
        );
    }
    for kid in [
        "../../etc/passwd",
        "' OR 1=1 --",
        "",
        "\u{0}",
        "rsa-1\u{0}",
        "RSA-1",
        "%72sa-1",
    ] {
        let token = bench
            .signer
            .token_with(&json!({ "alg": "RS256", "kid": kid }), &bench.claims());
        assert_eq!(
            bench.ask(&token).await.unwrap_err().kind(),
            FailureKind::Rejected,
            "{kid}"
        );
    }
    for kid in [
        json!(1),
        json!(null),
        json!(["rsa-1"]),
        json!({ "kid": "rsa-1" }),
    ] {
        let token = bench
            .signer
            .token_with(&json!({ "alg": "RS256", "kid": kid }), &bench.claims());
        bench
            .refuses_token(&token, FailureKind::Rejected, "`kid` is not a string")
            .await;
    }
    // Harmless header members are ignored.
    let header =
        json!({ "alg": "RS256", "kid": "rsa-1", "jku": "https://evil.example", "x5t": "abc" });
    bench
        .ask(&bench.signer.token_with(&header, &bench.claims()))
        .await
        .unwrap();
}

#[tokio::test]
async fn extensions_and_other_kinds_of_tokens_are_refused() {
    let bench = Bench::new().await;
    for (header, why) in [
        (
            json!({ "alg": "RS256", "kid": "rsa-1", "crit": ["exp"], "exp": 1 }),
            "crit",
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa-1", "crit": [] }),
            "crit",
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa-1", "crit": ["b64"], "b64": false }),
            "crit",
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa-1", "b64": false }),
            "b64",
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa-1", "enc": "A128GCM" }),
            "encrypted",
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa-1", "typ": "logout+jwt" }),
            "typ",
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa-1", "typ": "dpop+jwt" }),
            "typ",
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa-1", "typ": "secevent+jwt" }),
            "typ",
        ),
        (json!({ "alg": "RS256", "kid": "rsa-1", "typ": "" }), "typ"),
        (json!({ "alg": "RS256", "kid": "rsa-1", "typ": 5 }), "typ"),
    ] {
        let token = bench.signer.token_with(&header, &bench.claims());
        bench
            .refuses_token(&token, FailureKind::Rejected, why)
            .await;
    }
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", "jwt"] {
        let header = json!({ "alg": "RS256", "kid": "rsa-1", "typ": typ });
        bench
            .ask(&bench.signer.token_with(&header, &bench.claims()))
            .await
            .unwrap();
    }
    let strict = Bench::with(|o| o.strict_typ.0 = true).await;
    strict.refuses(&strict.claims(), "typ").await;
    let header = json!({ "alg": "RS256", "kid": "rsa-1", "typ": "application/at+jwt" });
    strict
        .ask(&strict.signer.token_with(&header, &strict.claims()))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_token_of_another_form_is_somebody_elses_and_one_of_two_readings_nobodys() {
    let bench = Bench::new().await;
    let good = bench.signer.token(&bench.claims());
    let parts: Vec<&str> = good.split('.').collect();
    let many = ["e30"; 10].join(".");
    let encrypted = format!("{}.a.b.c.d", b64(r#"{"alg":"RSA-OAEP","enc":"A128GCM"}"#));
    for (token, why) in [
        ("", "not a JWT"),
        ("opaque", "not a JWT"),
        ("..", "not a JWT"),
        ("a.b", "not a JWT"),
        (&*many, "more than three"),
        (&*encrypted, "encrypted"),
        (&*format!("Bearer {good}"), "not a JWT"),
        (
            &*format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
            "base64url",
        ),
    ] {
        bench.refuses_token(token, FailureKind::NotMine, why).await;
    }
    // A last character whose spare bits are set decodes to the same bytes in a lax decoder.
    let mut spare = good.clone();
    let last = spare.pop().unwrap();
    spare.push(char::from(last as u8 + 1));
    for token in [
        spare,
        format!("{good}="),
        format!("{good}\n"),
        format!("{good} "),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1].to_uppercase(), parts[2]),
        format!("{}..{}", parts[0], parts[2]),
        format!("{}+.{}.{}", &parts[0][..4], parts[1], parts[2]),
    ] {
        assert!(bench.ask(&token).await.is_err(), "{token}");
    }
    let long = format!("{good}{}", "A".repeat(17_000));
    bench
        .refuses_token(&long, FailureKind::Rejected, "16 KiB")
        .await;
}

#[tokio::test]
async fn a_name_that_occurs_twice_makes_a_token_ambiguous() {
    let bench = Bench::new().await;
    let header = r#"{"alg":"RS256","kid":"rsa-1"}"#;
    let claims = bench.claims().to_string();
    for name in ["iss", "sub", "aud", "exp", "nbf", "scope", "x"] {
        let twice = format!(
            r#"{{"{name}":"evil",{},"{name}":"evil"}}"#,
            &claims[1..claims.len() - 1]
        );
        let token = bench.signer.sign_raw(header, &twice);
        bench
            .refuses_token(&token, FailureKind::Rejected, "duplicate name")
            .await;
    }
    let token = bench
        .signer
        .sign_raw(r#"{"alg":"RS256","alg":"none","kid":"rsa-1"}"#, &claims);
    bench
        .refuses_token(&token, FailureKind::Rejected, "duplicate name")
        .await;
    for payload in ["[]", "null", "\"x\"", "{}{}", "not json"] {
        let token = bench.signer.sign_raw(header, payload);
        assert!(bench.ask(&token).await.is_err(), "{payload}");
    }
}

#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let bench = Bench::new().await;
    for (name, value) in [
        ("nonce", json!("n")),
        ("at_hash", json!("h")),
        ("c_hash", json!("h")),
        ("token_use", json!("id")),
        ("token_use", json!(null)),
        ("typ", json!("ID")),
        ("typ", json!("Refresh")),
        ("typ", json!("Logout")),
    ] {
        bench
            .refuses(
                &bench.changed(|c| c[name] = value.clone()),
                "not an access token",
            )
            .await;
    }
    // Old Keycloak puts the nonce into access tokens too, and marks their kind.
    bench
        .accepts(&bench.changed(|c| {
            c["nonce"] = "n".into();
            c["typ"] = "Bearer".into();
        }))
        .await;
    let lax = Bench::with(|o| o.allow_id_tokens.0 = true).await;
    lax.accepts(&lax.changed(|c| c["at_hash"] = "h".into()))
        .await;
    bench
        .refuses(
            &bench.changed(|c| c["cnf"] = json!({ "jkt": "x" })),
            "bound",
        )
        .await;
}

#[tokio::test]
async fn issuer_and_audience_are_exact_in_value_and_type() {
    let bench = Bench::new().await;
    let issuer = bench.idp.issuer();
    for iss in [
        json!(format!("{issuer}/")),
        json!("https://evil.example"),
        json!(issuer.to_uppercase()),
    ] {
        let token = bench
            .signer
            .token(&bench.changed(|c| c["iss"] = iss.clone()));
        bench
            .refuses_token(&token, FailureKind::NotMine, "another issuer")
            .await;
    }
    bench
        .refuses_token(
            &bench.signer.token(&bench.without("iss")),
            FailureKind::NotMine,
            "iss",
        )
        .await;
    for iss in [
        json!([issuer]),
        json!(null),
        json!({ "iss": issuer }),
        json!(7),
    ] {
        bench
            .refuses(&bench.changed(|c| c["iss"] = iss.clone()), "not a string")
            .await;
    }
    for aud in [
        json!("other"),
        json!([]),
        json!(["a", "b"]),
        json!("MCP"),
        json!("mcp "),
        json!("openid mcp"),
        json!(""),
    ] {
        bench
            .refuses(
                &bench.changed(|c| c["aud"] = aud.clone()),
                "another audience",
            )
            .await;
    }
    for aud in [
        json!(null),
        json!(true),
        json!({ "mcp": 1 }),
        json!(["mcp", 7]),
        json!([["mcp"]]),
    ] {
        bench
            .refuses(&bench.changed(|c| c["aud"] = aud.clone()), "aud")
            .await;
    }
    bench.refuses(&bench.without("aud"), "audience_claim").await;
    bench
        .accepts(&bench.changed(|c| c["aud"] = json!(["account", "mcp"])))
        .await;
}

#[tokio::test]
async fn dates_hold_to_the_second_with_leeway() {
    let bench = Bench::new().await;
    let at = |name: &str, value: Value| bench.changed(|c| c[name] = value.clone());
    bench.accepts(&at("exp", json!(NOW - 9))).await;
    bench.refuses(&at("exp", json!(NOW - 10)), "expired").await;
    bench.accepts(&at("exp", json!(NOW as f64 - 9.5))).await;
    bench.accepts(&at("exp", json!(NOW as f64 + 12.75))).await;
    bench.accepts(&at("nbf", json!(NOW + 10))).await;
    bench.refuses(&at("nbf", json!(NOW + 11)), "nbf").await;
    bench.refuses(&at("iat", json!(NOW + 11)), "iat").await;
    bench.accepts(&bench.without("iat")).await;
    bench.refuses(&bench.without("exp"), "exp").await;
    for exp in [
        json!("1900000000"),
        json!(null),
        json!(-1),
        json!(1e300),
        json!([NOW + 5]),
        json!(u64::MAX),
    ] {
        bench.refuses(&at("exp", exp), "exp").await;
    }
    bench.refuses(&at("nbf", json!("soon")), "nbf").await;

    let young = Bench::with(|o| o.max_token_age = Some(Seconds(60))).await;
    let verified = young.accepts(&young.claims()).await;
    assert_eq!(verified.expires_at, NOW as u64 + 70);
    young
        .refuses(
            &young.changed(|c| c["iat"] = json!(NOW - 70)),
            "max_token_age",
        )
        .await;
    young.refuses(&young.without("iat"), "iat").await;
}

#[tokio::test]
async fn a_jumping_wall_clock_is_forgiven_within_the_leeway_only() {
    let bench = Bench::new().await;
    let token = bench.signer.token(&bench.claims());
    bench.ask(&token).await.unwrap();
    bench.clock.jump(-10);
    bench.ask(&token).await.unwrap();
    bench.clock.jump(-3_590);
    bench
        .refuses_token(&token, FailureKind::Rejected, "future")
        .await;
    bench.clock.jump(7_200);
    bench
        .refuses_token(&token, FailureKind::Rejected, "expired")
        .await;
    assert_eq!(
        bench.idp.key_fetches(),
        1,
        "keys live by the monotonic clock"
    );
}

#[tokio::test]
async fn a_person_must_be_named() {
    let bench = Bench::new().await;
    bench.refuses(&bench.without("sub"), "sub").await;
    for sub in [
        json!(""),
        json!("  "),
        json!(null),
        json!(7),
        json!("a\u{0}b"),
        json!("a\nb"),
        json!("x".repeat(256)),
    ] {
        bench
            .refuses(&bench.changed(|c| c["sub"] = sub.clone()), "sub")
            .await;
    }
}

#[tokio::test]
async fn a_required_scope_is_required() {
    let bench = Bench::with(|o| o.required_scopes = List(vec!["profile".into()])).await;
    bench.accepts(&bench.claims()).await;
    bench
        .refuses(
            &bench.changed(|c| c["scope"] = "openid profiles".into()),
            "scope",
        )
        .await;
}

/// A verifier whose keys are in memory, for properties that are asked without a runtime.
fn warm() -> &'static (tokio::runtime::Runtime, Bench, String) {
    static WARM: std::sync::OnceLock<(tokio::runtime::Runtime, Bench, String)> =
        std::sync::OnceLock::new();
    WARM.get_or_init(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (bench, token) = runtime.block_on(async {
            let bench = Bench::new().await;
            let token = bench.signer.token(&bench.claims());
            bench.ask(&token).await.unwrap();
            // Uses up the fetch of this cooldown, so that every answer is there at once.
            let unknown = bench
                .signer
                .as_other("RS256", "unknown")
                .token(&bench.claims());
            assert!(bench.ask(&unknown).await.is_err());
            (bench, token)
        });
        (runtime, bench, token)
    })
}

proptest::proptest! {
    #[test]
    fn a_token_changed_anywhere_is_refused(at in 0_usize..4096, to in 0_u8..128) {
        let (_runtime, bench, good) = warm();
        let mut bytes = good.clone().into_bytes();
        let at = at % bytes.len();
        proptest::prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let changed = String::from_utf8(bytes).unwrap();
        proptest::prop_assert!(bench.verifier.try_verify(&changed).unwrap().is_err());
    }

    #[test]
    fn no_text_is_accepted_or_ends_the_process(text in ".{0,200}", parts in "[A-Za-z0-9_-]{0,60}(\\.[A-Za-z0-9_-]{0,60}){0,5}") {
        let (_runtime, bench, good) = warm();
        for token in [text.clone(), parts, format!("{text}.{good}"), format!("{good}.{text}")] {
            proptest::prop_assert!(bench.verifier.try_verify(&token).unwrap().is_err());
        }
    }

    #[test]
    fn no_claim_of_a_signed_token_ends_the_process(name in "iss|sub|aud|exp|nbf|iat|scope|typ|cnf|tid", value in ".{0,30}", header in ".{0,30}") {
        let (_runtime, bench, _) = warm();
        for value in [json!(value), json!([value]), json!({ &*value: 1 }), serde_json::from_str(&value).unwrap_or_default()] {
            let claims = bench.changed(|claims| claims[&name] = value.clone());
            let header = json!({ "alg": "RS256", "kid": header, "typ": header });
            let token = bench.signer.token_with(&header, &claims);
            proptest::prop_assert!(bench.verifier.try_verify(&token).unwrap().is_err());
        }
    }
}

//! Tests of the controls: a control without effect would let other tests pass without testing.

use serde_json::{Value, json};

use super::*;

async fn jwks(idp: &Running) -> Result<(u16, Value), reqwest::Error> {
    let response = http().get(idp.endpoint_url("jwks")).send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

#[tokio::test]
async fn keys_rotate_and_old_ones_go_when_told() {
    let idp = start(options()).await;
    let old = idp.mint(json!({}));
    let kid = idp.rotate_keys();
    let (_, keys) = jwks(&idp).await.unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert_eq!(decoded(&idp.mint(json!({}))).0["kid"], kid.as_str());
    assert!(idp.verifier().verify(&old).is_some());
    idp.forget_old_keys();
    assert_eq!(
        jwks(&idp).await.unwrap().1["keys"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(idp.verifier().verify(&old).is_none());

    let before = idp.public_jwk();
    idp.replace_key_same_kid();
    let after = idp.public_jwk();
    assert_eq!(before["kid"], after["kid"]);
    assert_ne!(before["x"], after["x"]);
}

#[tokio::test]
async fn faults_are_what_they_say_and_requests_are_counted() {
    let idp = start(options()).await;
    idp.break_endpoint(Endpoint::Jwks, Fault::Status { status: 503 });
    assert_eq!(jwks(&idp).await.unwrap().0, 503);
    idp.break_endpoint(Endpoint::Jwks, Fault::garbage());
    assert!(jwks(&idp).await.unwrap_err().is_decode());
    idp.break_endpoint(Endpoint::Jwks, Fault::Cut);
    assert!(jwks(&idp).await.is_err());
    idp.break_endpoint(Endpoint::Jwks, Fault::Huge { bytes: 3_000_000 });
    let body = http()
        .get(idp.endpoint_url("jwks"))
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert!(body.len() >= 3_000_000);
    let elsewhere = "http://127.0.0.2:1/jwks".to_owned();
    idp.break_endpoint(
        Endpoint::Jwks,
        Fault::Redirect {
            location: elsewhere.clone(),
        },
    );
    let response = http().get(idp.endpoint_url("jwks")).send().await.unwrap();
    assert_eq!(response.headers()["location"], elsewhere.as_str());
    idp.heal();
    assert_eq!(jwks(&idp).await.unwrap().0, 200);
    assert_eq!(idp.requests(Endpoint::Jwks), 6);
    assert_eq!(idp.requests(Endpoint::Discovery), 0);
}

#[tokio::test]
async fn a_hanging_provider_goes_down_and_comes_back() {
    let idp = start(options()).await;
    for fault in [
        Fault::Hang,
        Fault::Trickle { millis: 1 },
        Fault::Slow { millis: 3_600_000 },
    ] {
        idp.break_endpoint(Endpoint::Jwks, fault);
        let before = idp.requests(Endpoint::Jwks);
        let url = idp.endpoint_url("jwks");
        let hanging = tokio::spawn(async move { http().get(url).send().await });
        let asked = async {
            while idp.requests(Endpoint::Jwks) == before {
                tokio::task::yield_now().await;
            }
        };
        let limit = std::time::Duration::from_secs(60);
        tokio::time::timeout(limit, asked).await.unwrap();
        idp.go_down().await;
        drop(hanging.await);
        assert!(jwks(&idp).await.unwrap_err().is_connect());
        idp.heal();
        idp.come_back().await.unwrap();
        assert_eq!(jwks(&idp).await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn minted_tokens_are_as_wrong_as_asked() {
    let idp = start(options()).await;
    let verifier = idp.verifier();
    assert!(verifier.verify(&idp.mint(json!({}))).is_some());
    let (header, claims) = decoded(&idp.mint_with(
        json!({ "crit": ["exp"], "kid": null }),
        json!({ "aud": ["one", "two"], "iat": null }),
        SignWith::Current,
    ));
    assert_eq!(
        (&header["crit"], header.get("kid")),
        (&json!(["exp"]), None)
    );
    assert_eq!(
        (&claims["aud"], claims.get("iat")),
        (&json!(["one", "two"]), None)
    );

    let stranger = SigningKey::generate(Algorithm::Es256, idp.signing_key().kid()).unwrap();
    for with in [
        SignWith::Key(&stranger),
        SignWith::Hmac(b"secret"),
        SignWith::Nothing,
    ] {
        assert!(
            verifier
                .verify(&idp.mint_with(json!({}), json!({}), with))
                .is_none(),
            "{with:?}"
        );
    }
    let raw = idp.mint_raw(b"{not json", b"\xff", SignWith::Nothing);
    assert_eq!(raw, "e25vdCBqc29u._w.");
    assert!(verifier.verify(&idp.mint(json!({ "exp": 1 }))).is_none());
    assert!(
        verifier
            .verify(&idp.mint(json!({ "iss": "https://elsewhere.example" })))
            .is_none()
    );
}

#[tokio::test]
async fn discovery_and_key_set_take_odd_contents() {
    let idp = start(options()).await;
    idp.set_odd_jwks(vec![json!({ "kid": 7 })]);
    idp.set_jwks_cache_control(Some("no-store"));
    let response = http().get(idp.endpoint_url("jwks")).send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let keys: Value = response.json().await.unwrap();
    assert_eq!(keys["keys"][0]["kid"], 7);
    let changes = json!({ "introspection_endpoint": null, "issuer": "https://elsewhere.example" });
    idp.set_discovery(changes.as_object().unwrap().clone());
    let url = format!("{}/.well-known/openid-configuration", idp.url());
    let document: Value = http().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["issuer"], "https://elsewhere.example");
    assert!(document.get("introspection_endpoint").is_none());
}

#[tokio::test]
async fn controls_over_http_are_there_only_when_asked_for() {
    let without = start(options()).await;
    let url = format!("{}/control/counts", without.url());
    assert_eq!(http().get(url).send().await.unwrap().status(), 404);

    let idp = start(Options {
        control: true,
        ..options()
    })
    .await;
    let send = |path: &str, body: Value| {
        let request = http()
            .post(format!("{}/control/{path}", idp.url()))
            .json(&body);
        async move {
            let response = request.send().await.unwrap();
            assert!(response.status().is_success(), "{response:?}");
            response.json::<Value>().await.unwrap_or_default()
        }
    };
    let kid = send("rotate", json!({})).await["kid"].clone();
    assert_eq!(kid, idp.signing_key().kid());
    let fault = json!({ "kind": "status", "status": 418 });
    send("break", json!({ "endpoint": "jwks", "fault": fault })).await;
    assert_eq!(jwks(&idp).await.unwrap().0, 418);
    send("heal", json!({})).await;
    assert_eq!(jwks(&idp).await.unwrap().0, 200);
    let minted = send("mint", json!({ "claims": { "sub": "viewer" } })).await;
    let claims = idp
        .verifier()
        .verify(minted["token"].as_str().unwrap())
        .unwrap();
    assert_eq!(claims["sub"], "viewer");
    send("advance", json!({ "seconds": 3600 })).await;
    assert!(
        idp.verifier()
            .verify(minted["token"].as_str().unwrap())
            .is_none()
    );
    let counts = http()
        .get(format!("{}/control/counts", idp.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(counts.json::<Value>().await.unwrap()["jwks"], 2);
    // a body that a web page may send without a preflight request
    let url = format!("{}/control/rotate", idp.url());
    let plain = http()
        .post(url)
        .header("content-type", "text/plain")
        .body("{}");
    assert_eq!(plain.send().await.unwrap().status(), 415);
}

//! What the identity provider does to us: rotates keys, goes away, sends nonsense, is flooded.

use std::time::Duration;

use integration_tests::StubDataHub;
use sandbox::idp::{EmbeddedIdp, Endpoint, Fault, Options, SignWith};
use serde_json::json;

use crate::world::{World, settings};

async fn status(world: &World, token: &str) -> u16 {
    integration_tests::status(&world.server.mcp(), token).await
}

#[tokio::test]
async fn a_rotated_key_is_fetched_once_and_its_tokens_are_good() {
    let world = World::with(Options::default(), |builder| {
        builder.env("TOKEN_VALIDATOR_OPT_UNKNOWN_KEY_COOLDOWN", "0")
    })
    .await;
    assert_eq!(status(&world, &world.idp.access_token("editor")).await, 200);
    let fetches = world.idp.requests(Endpoint::Jwks);
    world.idp.rotate_keys();
    let token = world.idp.access_token("editor");
    assert_eq!(status(&world, &token).await, 200);
    assert_eq!(world.idp.requests(Endpoint::Jwks), fetches + 1);
}

#[tokio::test]
async fn ten_thousand_unknown_kids_cost_one_fetch() {
    let world = World::start().await;
    let good = world.idp.access_token("editor");
    assert_eq!(status(&world, &good).await, 200);
    let fetches = world.idp.requests(Endpoint::Jwks);
    let mcp = world.server.mcp();
    let stranger = EmbeddedIdp::start(Options::default()).await.unwrap();
    let key = stranger.signing_key();
    // Signing 10,000 times would only measure this test: one signature, 10,000 headers.
    let sample = world
        .idp
        .mint_with(json!({"kid": "unknown"}), json!({}), SignWith::Key(&key));
    let (rest, signature) = sample.rsplit_once('.').unwrap();
    let (_, claims) = rest.split_once('.').unwrap();
    let requests = (0..10_000).map(|number| {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": format!("kid-{number}")});
        let token = format!(
            "{}.{claims}.{signature}",
            URL_SAFE_NO_PAD.encode(header.to_string())
        );
        let mcp = mcp.clone();
        async move {
            mcp.rpc(Some(&token), "tools/list", json!({}))
                .await
                .unwrap()
                .status
        }
    });
    let started = std::time::Instant::now();
    let statuses: Vec<u16> = futures::StreamExt::collect(futures::StreamExt::buffer_unordered(
        futures::stream::iter(requests),
        32,
    ))
    .await;
    assert!(
        statuses.iter().all(|status| *status == 401),
        "{:?}",
        &statuses[..20]
    );
    // One for the first unknown kid, and one more for each cooldown (10 s) that has passed meanwhile.
    let allowed = 1 + started.elapsed().as_secs() / 10 + 1;
    let fetched = world.idp.requests(Endpoint::Jwks) - fetches;
    assert!(
        fetched <= allowed,
        "{fetched} fetches in {:?}",
        started.elapsed()
    );
    assert_eq!(status(&world, &good).await, 200);
}

#[tokio::test]
async fn a_cold_start_under_load_costs_one_fetch() {
    let idp = EmbeddedIdp::start(Options::default()).await.unwrap();
    let datahub = StubDataHub::start().await.unwrap();
    idp.break_endpoint(Endpoint::Jwks, Fault::Slow { millis: 300 });
    let tokens: Vec<String> = (0..200)
        .map(|number| idp.access_token(&format!("person{number}")))
        .collect();
    let server = settings(&idp, &datahub).start().unwrap();
    let mcp = server.mcp();
    let statuses = futures::future::join_all(tokens.iter().map(|token| {
        let mcp = mcp.clone();
        async move {
            mcp.rpc(Some(token), "tools/list", json!({}))
                .await
                .unwrap()
                .status
        }
    }))
    .await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(idp.requests(Endpoint::Jwks), 1);
}

#[tokio::test]
async fn known_keys_outlive_an_outage_of_the_provider() {
    let world = World::start().await;
    assert_eq!(status(&world, &world.idp.access_token("editor")).await, 200);
    let later = world.idp.access_token("viewer");
    world.idp.go_down().await;
    assert_eq!(
        status(&world, &later).await,
        200,
        "the key of this token is known"
    );
}

#[tokio::test]
async fn nonsense_from_the_provider_is_503() {
    for fault in [
        Fault::garbage(),
        Fault::Status { status: 500 },
        Fault::Body {
            content_type: "text/html".to_owned(),
            body: "<html></html>".to_owned(),
        },
        Fault::Huge { bytes: 64 << 20 },
        Fault::Cut,
        Fault::Redirect {
            location: "http://localhost:9/jwks".to_owned(),
        },
        Fault::json(
            &json!({"issuer": "https://evil.example", "jwks_uri": "https://evil.example/jwks"}),
        ),
    ] {
        let idp = EmbeddedIdp::start(Options::default()).await.unwrap();
        let datahub = StubDataHub::start().await.unwrap();
        let token = idp.access_token("editor");
        idp.break_everything(&fault);
        let server = settings(&idp, &datahub).start().unwrap();
        let reply = server
            .mcp()
            .rpc(Some(&token), "tools/list", json!({}))
            .await
            .unwrap();
        assert_eq!(reply.status, 503, "{fault:?}: {}", reply.text);
    }
}

#[tokio::test]
async fn every_common_algorithm_verifies_with_issuer_and_audience_alone() {
    use sandbox::idp::Algorithm;
    for algorithm in [
        Algorithm::Rs256,
        Algorithm::Ps256,
        Algorithm::Es256,
        Algorithm::EdDsa,
    ] {
        let world = World::with(
            Options {
                algorithm,
                ..Options::default()
            },
            |builder| builder,
        )
        .await;
        assert_eq!(
            status(&world, &world.idp.access_token("editor")).await,
            200,
            "{algorithm:?}"
        );
    }
}

#[tokio::test]
async fn forged_tokens_are_all_401_of_one_shape() {
    let world = World::start().await;
    let idp = &world.idp;
    let stranger = EmbeddedIdp::start(Options::default()).await.unwrap();
    let key = stranger.signing_key();
    let public = idp.public_jwk();
    let modulus = public["n"].as_str().unwrap_or_default().as_bytes().to_vec();
    let claims = |text: &str| {
        format!(
            r#"{{"iss":"{}","aud":"{}","sub":"admin","exp":4000000000,"iat":1700000000{text}}}"#,
            idp.issuer(),
            idp.audience()
        )
    };
    let kid = public["kid"].as_str().unwrap_or_default();
    let header = |text: &str| format!(r#"{{"alg":"RS256","typ":"at+jwt","kid":"{kid}"{text}}}"#);
    let current = SignWith::Current;
    let tokens = [
        (
            "none",
            idp.mint_with(json!({"alg": "none"}), json!({}), SignWith::Nothing),
        ),
        (
            "HMAC with the public key",
            idp.mint_with(json!({"alg": "HS256"}), json!({}), SignWith::Hmac(&modulus)),
        ),
        (
            "embedded key",
            idp.mint_with(
                json!({"jwk": stranger.public_jwk()}),
                json!({}),
                SignWith::Key(&key),
            ),
        ),
        (
            "key by URL",
            idp.mint_with(
                json!({"jku": stranger.endpoint_url("jwks")}),
                json!({}),
                SignWith::Key(&key),
            ),
        ),
        (
            "kid as a path",
            idp.mint_with(
                json!({"kid": "../../dev/null"}),
                json!({}),
                SignWith::Key(&key),
            ),
        ),
        (
            "unknown crit",
            idp.mint_raw(
                header(r#","crit":["exp"]"#).as_bytes(),
                claims("").as_bytes(),
                current,
            ),
        ),
        (
            "b64 false",
            idp.mint_raw(
                header(r#","b64":false,"crit":["b64"]"#).as_bytes(),
                claims("").as_bytes(),
                current,
            ),
        ),
        (
            "logout token",
            idp.mint_with(json!({"typ": "logout+jwt"}), json!({}), current),
        ),
        ("ID token", idp.mint(json!({"nonce": "n", "at_hash": "h"}))),
        (
            "duplicate subject",
            idp.mint_raw(
                header("").as_bytes(),
                claims(r#","sub":"viewer""#).as_bytes(),
                current,
            ),
        ),
        ("issuer in a list", idp.mint(json!({"iss": [idp.issuer()]}))),
        ("audience as a number", idp.mint(json!({"aud": 1}))),
        ("expiry as text", idp.mint(json!({"exp": "4000000000"}))),
        (
            "issued in the future",
            idp.mint(json!({"iat": 4_000_000_000_u64, "exp": 4_000_000_100_u64})),
        ),
    ];
    let mut shapes = std::collections::BTreeSet::new();
    for (name, token) in &tokens {
        let reply = world
            .server
            .mcp()
            .rpc(Some(token), "tools/list", json!({}))
            .await
            .unwrap();
        assert_eq!(reply.status, 401, "{name}: {}", reply.text);
        shapes.insert((
            reply.text.clone(),
            reply.header("www-authenticate").to_owned(),
        ));
    }
    assert_eq!(
        shapes.len(),
        1,
        "the answer tells attackers apart: {shapes:?}"
    );
    // The same claims, rightly signed, are good: the table above fails for the reason it names.
    let good = idp.mint_raw(header("").as_bytes(), claims("").as_bytes(), current);
    assert_eq!(status(&world, &good).await, 200);
    let limit = Duration::from_secs(10);
    assert!(
        tokio::time::timeout(limit, status(&world, &good))
            .await
            .is_ok()
    );
}

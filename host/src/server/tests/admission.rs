//! The table "Who is let in" of `DEVELOPING.md`, row by row.

use std::sync::{Arc, atomic::Ordering};

use axum::body::Body;
use http::{StatusCode, header::AUTHORIZATION};

use super::support::{Bench, call, request, send};

const METADATA: &str =
    "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\"";

#[tokio::test]
async fn a_good_token_is_served_as_its_person() {
    let answer = send(&Bench::new().router(), call("good-1", "")).await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (StatusCode::OK, "person of good-1")
    );
    assert_eq!(answer.header("x-request-id").len(), 16);
}

#[tokio::test]
async fn a_bad_token_is_401_even_where_there_is_a_shared_one() {
    let router = Bench {
        shared_token: Some("shared"),
        ..Bench::new()
    }
    .router();
    for token in ["bad", "===", "a b"] {
        let answer = send(&router, call(token, "")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token}");
        let challenge = answer.header("www-authenticate");
        assert_eq!(
            challenge,
            format!("Bearer error=\"invalid_token\", {METADATA}, scope=\"openid\"")
        );
        assert_eq!(answer.json()["error"], "invalid_token");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn no_token_is_a_challenge_or_the_shared_one() {
    let none = || request("POST", "/mcp").body(Body::empty()).unwrap();
    let answer = send(&Bench::new().router(), none()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer.header("www-authenticate"),
        format!("Bearer {METADATA}, scope=\"openid\"")
    );

    let router = Bench {
        shared_token: Some("shared"),
        ..Bench::new()
    }
    .router();
    let answer = send(&router, none()).await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (StatusCode::OK, "shared")
    );
}

#[tokio::test]
async fn a_check_that_cannot_be_made_is_503_and_says_when() {
    let answer = send(&Bench::new().router(), call("later", "")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "3");
    assert_eq!(answer.header("www-authenticate"), "");
}

#[tokio::test]
async fn credentials_in_any_other_form_are_never_used() {
    let bench = Bench {
        shared_token: Some("shared"),
        ..Bench::new()
    };
    let seen = Arc::clone(&bench.seen);
    let router = bench.router();
    let with = |path: &str, values: &[&str]| {
        let builder = values
            .iter()
            .fold(request("POST", path), |b, v| b.header(AUTHORIZATION, *v));
        builder.body(Body::empty()).unwrap()
    };
    let long = format!("Bearer {}", "a".repeat(64 * 1024));
    for (path, values, status) in [
        ("/mcp", &["Bearer good", "Bearer good"][..], 400),
        ("/mcp", &["Basic Z29vZA=="], 401),
        ("/mcp", &["good"], 401),
        ("/mcp", &["Bearer"], 401),
        ("/mcp", &[long.as_str()], 401),
        ("/mcp?access_token=good", &[], 400),
        ("/mcp?access_token=good", &["Bearer good"], 400),
    ] {
        let answer = send(&router, with(path, values)).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {values:.80?}");
    }
    assert_eq!(seen.checks.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_token_that_datahub_refuses_is_forgotten_and_401() {
    let bench = Bench {
        shared_token: Some("shared"),
        ..Bench::new()
    };
    let seen = Arc::clone(&bench.seen);
    let router = bench.router();
    let answer = send(&router, call("good", "refused by datahub")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.header("www-authenticate").contains("invalid_token"));
    assert_eq!(seen.evictions.load(Ordering::Relaxed), 1);

    let shared = request("POST", "/mcp")
        .body(Body::from("refused by datahub"))
        .unwrap();
    assert_eq!(
        send(&router, shared).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(seen.evictions.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_person_whom_datahub_refuses_with_a_new_token_too_is_403() {
    let router = Bench::new().router();
    let refused = async |token| send(&router, call(token, "refused by datahub")).await;
    for token in ["good-ann-1", "good-ann-1", "good-bob-1"] {
        assert_eq!(refused(token).await.status, StatusCode::UNAUTHORIZED);
    }
    let answer = refused("good-ann-2").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer.text.contains("DataHub does not accept you"),
        "{}",
        answer.text
    );
    assert_eq!(answer.header("www-authenticate"), "");
}

#[tokio::test]
async fn a_missing_scope_is_403_with_all_scopes_in_one_challenge() {
    let answer = send(&Bench::new().router(), call("good", "scope")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let challenge = answer.header("www-authenticate");
    assert_eq!(
        challenge,
        format!("Bearer error=\"insufficient_scope\", {METADATA}, scope=\"datahub:write b\"")
    );
}

#[tokio::test]
async fn what_needs_no_token_answers_without_one() {
    let router = Bench::new().router();
    for path in [
        "/health",
        "/ready",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
    ] {
        let answer = send(&router, request("GET", path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
}

//! The limits of one request.

use std::time::Duration;

use axum::{Router, body::Body, routing::post};
use bytes::Bytes;
use futures::stream;
use http::{Request, StatusCode, header};
use serde_json::json;

use super::support::{Bench, call, request, send};

fn streamed(chunks: Vec<Bytes>, then_stall: bool) -> Request<Body> {
    use futures::StreamExt;
    let chunks = stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>));
    let body = match then_stall {
        true => Body::from_stream(chunks.chain(stream::pending())),
        false => Body::from_stream(chunks),
    };
    request("POST", "/mcp")
        .header(header::AUTHORIZATION, "Bearer good")
        .body(body)
        .unwrap()
}

#[tokio::test]
async fn a_body_above_the_limit_is_413_however_it_comes() {
    let router = Bench::new().router();
    let mut declared = call("good", "");
    declared
        .headers_mut()
        .insert(header::CONTENT_LENGTH, "1025".parse().unwrap());
    let mut absurd = call("good", "");
    absurd.headers_mut().insert(
        header::CONTENT_LENGTH,
        "99999999999999999999999".parse().unwrap(),
    );
    let chunked = streamed(vec![Bytes::from(vec![b'x'; 600]); 2], false);
    for request in [declared, absurd, chunked] {
        let answer = send(&router, request).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.header("connection"), "close");
        let error =
            json!({"code": -32600, "message": "the request body is larger than 1024 bytes"});
        assert_eq!(
            answer.json(),
            json!({"jsonrpc": "2.0", "id": null, "error": error})
        );
    }
    let fits = streamed(vec![Bytes::from(vec![b'x'; 512]); 2], false);
    assert_eq!(send(&router, fits).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let mut bench = Bench::new();
    bench.settings.limits.body_timeout = Duration::from_millis(10);
    let answer = send(
        &bench.router(),
        streamed(vec![Bytes::from_static(b"{")], true),
    )
    .await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_504() {
    let mut bench = Bench::new();
    bench.settings.limits.request_timeout = Duration::from_millis(10);
    let answer = send(&bench.router(), call("good", "wait")).await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn a_request_too_many_is_503_and_a_place_is_free_again_after() {
    let router = Bench::new().router();
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut one = Box::pin({
            let router = router.clone();
            async move { send(&router, call("good", "wait")).await }
        });
        assert!(futures::poll!(one.as_mut()).is_pending());
        waiting.push(one);
    }
    let answer = send(&router, call("good", "")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "1");
    let health = request("GET", "/health").body(Body::empty()).unwrap();
    assert_eq!(send(&router, health).await.status, StatusCode::OK);
    drop(waiting);
    assert_eq!(send(&router, call("good", "")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_sign_in_has_places_of_its_own() {
    let mut bench = Bench::new();
    let never = post(std::future::pending::<StatusCode>);
    bench.oauth = Some(Router::new().route("/oauth/token", never));
    let router = bench.router();
    let sign_in = || {
        request("POST", "/oauth/token")
            .body(Body::from("a=b"))
            .unwrap()
    };
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut one = Box::pin({
            let router = router.clone();
            async move { send(&router, sign_in()).await }
        });
        assert!(futures::poll!(one.as_mut()).is_pending());
        waiting.push(one);
    }
    let answer = send(&router, sign_in()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    assert_eq!(send(&router, call("good", "")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_sign_in_has_the_time_limits_of_all() {
    let mut bench = Bench::new();
    bench.settings.limits.request_timeout = Duration::from_millis(50);
    let never = post(std::future::pending::<StatusCode>);
    bench.oauth = Some(Router::new().route("/oauth/token", never));
    let router = bench.router();
    let late = request("POST", "/oauth/token").body(Body::empty()).unwrap();
    let answer = send(&router, late).await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let router = Bench::new().router();
    let answer = send(&router, call("good", "panic")).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.text.contains("as asked"));
    assert_eq!(answer.header("x-request-id").len(), 16);
    for _ in 0..3 {
        let answer =
            tokio::time::timeout(Duration::from_secs(60), send(&router, call("good", ""))).await;
        assert_eq!(answer.unwrap().status, StatusCode::OK);
    }
}

//! The client against every kind of answer of a DataHub, or of something that is not a DataHub.

mod people;

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    DataHub, DataHubError, Document, Since, Version,
    fake::{Fake, Reply, Seen, json as answer, reply},
};

fn query() -> Document {
    Document::new("query me { me { corpUser { urn } } }")
}

fn mutation() -> Document {
    Document::new("mutation write { createTag(input: {}) }")
}

async fn error_for(make: impl Fn() -> Reply + Clone + Send + Sync + 'static) -> DataHubError {
    let fake = Fake::start(move |_| make()).await;
    fake.client()
        .execute(&query(), Value::Null)
        .await
        .unwrap_err()
}

fn graphql_error(code: u64, kind: &str) -> Value {
    json!({"data": {"me": null}, "errors": [{
        "message": "not today", "path": ["me"], "extensions": {"code": code, "type": kind}
    }]})
}

#[tokio::test]
async fn sends_the_document_with_the_persons_token() {
    let fake = Fake::start(|seen: Seen| {
        assert_eq!(seen.path, "/api/graphql");
        assert_eq!(seen.authorization, "Bearer canary-token");
        assert_eq!(seen.body["operationName"], "me");
        answer(&json!({"data": {"me": {"vars": seen.body["variables"]}}}))
    })
    .await;
    let answer = fake
        .client()
        .execute(&query(), json!({"a": 1}))
        .await
        .unwrap();
    assert_eq!(answer.data["me"]["vars"], json!({"a": 1}));
    assert!(answer.warnings.is_empty());
}

#[tokio::test]
async fn a_frontend_keeps_its_path() {
    let fake = Fake::start(|seen: Seen| {
        assert_eq!(seen.path, "/api/gms/api/graphql");
        answer(&json!({"data": {"me": {}}}))
    })
    .await;
    let url = format!("http://{}/api/gms", fake.address).parse().unwrap();
    let client = fake.client_with(super::Settings::at(url));
    assert!(client.execute(&query(), Value::Null).await.is_ok());
}

#[tokio::test]
async fn statuses_become_typed_errors() {
    use DataHubError as E;
    assert_eq!(error_for(|| reply(401, "")).await, E::TokenRefused);
    let message = || "not today".to_owned();
    let table = [
        (401, "UNAUTHORIZED", E::TokenRefused),
        (403, "UNAUTHORIZED", E::Forbidden { message: message() }),
        (400, "BAD_REQUEST", E::BadRequest { message: message() }),
        (404, "NOT_FOUND", E::NotFound { message: message() }),
        (409, "CONFLICT", E::Conflict { message: message() }),
        (500, "SERVER_ERROR", E::Internal { message: message() }),
    ];
    for (code, kind, expected) in table {
        assert_eq!(
            error_for(move || answer(&graphql_error(code, kind))).await,
            expected
        );
    }
    let limited = || {
        let mut reply = reply(429, "");
        reply
            .headers_mut()
            .insert("retry-after", "7".parse().unwrap());
        reply
    };
    assert_eq!(
        error_for(limited).await,
        E::RateLimited {
            retry_after: Duration::from_secs(7)
        }
    );
    assert!(error_for(|| reply(503, "")).await.is_outage());
    assert!(error_for(|| reply(500, "")).await.is_outage());
}

#[tokio::test]
async fn garbage_becomes_a_typed_error() {
    let malformed = |error: DataHubError| matches!(error, DataHubError::Malformed { .. });
    assert!(malformed(
        error_for(|| reply(200, "<html>sign in</html>")).await
    ));
    assert!(malformed(
        error_for(|| reply(200, r#"{"data": {"me": {"#)).await
    ));
    assert!(malformed(error_for(|| reply(200, "")).await));
    assert!(malformed(error_for(|| reply(200, "[1,2]")).await));
    assert!(malformed(error_for(|| reply(200, r#"{"data": 7}"#)).await));
    assert!(malformed(error_for(|| reply(200, "{}")).await));
    assert!(malformed(error_for(|| reply(302, "")).await));
    assert!(malformed(error_for(|| reply(404, "")).await));
    // A compressed answer was not asked for and is not unpacked: no gzip bomb.
    assert!(malformed(
        error_for(|| reply(200, b"\x1f\x8b\x08\x00".to_vec())).await
    ));
}

#[tokio::test]
async fn an_endless_answer_is_cut_at_the_cap() {
    let endless = || {
        let chunk = bytes::Bytes::from(vec![b' '; 64 * 1024]);
        let stream = futures::stream::repeat_with(move || Ok(Frame::data(chunk.clone())));
        http::Response::new(StreamBody::new(stream).boxed())
    };
    let fake = Fake::start(move |_| endless()).await;
    let mut settings = fake.settings();
    settings.max_response_bytes = 1024 * 1024;
    let error = fake
        .client_with(settings)
        .execute(&query(), Value::Null)
        .await
        .unwrap_err();
    assert_eq!(error, DataHubError::TooLarge { limit: 1024 * 1024 });
}

#[tokio::test]
async fn answers_that_are_being_read_have_room_together() {
    use futures::stream::{StreamExt as _, iter, pending};
    let piece = || Ok(Frame::data(bytes::Bytes::from(vec![b' '; 700 * 1024])));
    let fake = Fake::start(move |seen: Seen| match seen.body["variables"]["stalls"] {
        Value::Bool(true) => {
            let body = StreamBody::new(iter([piece()]).chain(pending()));
            http::Response::new(BodyExt::boxed(body))
        }
        _ => answer(&json!({"data": {"me": {"x": "x".repeat(700 * 1024)}}})),
    })
    .await;
    let mut settings = fake.settings();
    settings.max_response_bytes = 1024 * 1024;
    let client = fake.client_with(settings);
    let ask = |variables: Value| {
        let client = client.clone();
        async move { client.execute(&query(), variables).await }
    };
    let held: Vec<_> = (0..2)
        .map(|_| tokio::spawn(ask(json!({"stalls": true}))))
        .collect();
    // Two of four: one person alone gets half.
    let refused = async {
        loop {
            if let Err(error) = ask(Value::Null).await {
                break error;
            }
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(20), refused).await;
    assert_eq!(refused.unwrap(), DataHubError::NoRoom);
    for held in held {
        held.abort();
        assert!(held.await.is_err());
    }
    assert!(ask(Value::Null).await.is_ok(), "all is given back");
}

#[tokio::test]
async fn partial_data_is_kept_with_the_failed_fields_named() {
    let fake = Fake::start(|_| {
        answer(&json!({
            "data": {"me": {"corpUser": {"urn": "u", "info": null}}},
            "errors": [{"message": "boom\n at java", "path": ["me", "corpUser", 0, "info"],
                        "extensions": {"code": 500}}]
        }))
    })
    .await;
    let answer = fake.client().execute(&query(), Value::Null).await.unwrap();
    assert_eq!(answer.data["me"]["corpUser"]["urn"], "u");
    assert_eq!(answer.warnings[0].path, "me.corpUser[0].info");
    assert_eq!(answer.warnings[0].message, "boom");
}

#[tokio::test]
async fn reads_are_retried_and_mutations_never() {
    let fake = Fake::start(|_| reply(503, "")).await;
    let client = fake.client();
    client.execute(&query(), Value::Null).await.unwrap_err();
    assert_eq!(fake.hits(), 2);
    client.execute(&mutation(), Value::Null).await.unwrap_err();
    assert_eq!(fake.hits(), 3);
}

#[tokio::test]
async fn a_dead_datahub_is_left_alone_and_found_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(listener);
    let mut settings = super::Settings::at(url);
    settings.breaker_pause = Duration::from_secs(3600);
    let client = DataHub::new(settings).unwrap().client("t".into());
    let mut last = None;
    for _ in 0..6 {
        last = Some(client.execute(&mutation(), Value::Null).await.unwrap_err());
    }
    let Some(DataHubError::Unavailable { why, retry_after }) = last else {
        panic!("{last:?}")
    };
    assert_eq!(why, "circuit breaker open");
    assert!(retry_after > Duration::from_secs(3000));
}

#[tokio::test]
async fn a_stalled_datahub_ends_at_the_deadline() {
    let fake =
        Fake::start(|_| http::Response::new(StreamBody::new(futures::stream::pending()).boxed()))
            .await;
    let mut settings = fake.settings();
    settings.call_timeout = Duration::from_millis(100);
    let client = fake.client_with(settings);
    let started = Instant::now();
    let error = client.execute(&query(), Value::Null).await.unwrap_err();
    assert_eq!(
        error,
        DataHubError::Timeout {
            limit: Duration::from_millis(100)
        }
    );
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert_eq!(fake.hits(), 1, "silence is not asked twice");
}

#[tokio::test]
async fn too_many_calls_at_once_are_refused() {
    let fake =
        Fake::start(|_| http::Response::new(StreamBody::new(futures::stream::pending()).boxed()))
            .await;
    let mut settings = fake.settings();
    settings.max_in_flight = 0;
    let error = fake
        .client_with(settings)
        .execute(&query(), Value::Null)
        .await
        .unwrap_err();
    assert_eq!(error, DataHubError::Overloaded);
}

#[tokio::test]
async fn the_version_gates_documents_and_is_asked_once() {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let fake = Fake::start(move |seen: Seen| {
        if seen.path == "/config" {
            assert_eq!(seen.authorization, "", "nobody's token goes to /config");
            counter.fetch_add(1, Ordering::SeqCst);
            return reply(
                200,
                r#"{"versions": {"acryldata/datahub": {"version": "v1.0.0"}}}"#,
            );
        }
        answer(&json!({"data": {"me": {}}}))
    })
    .await;
    let datahub = DataHub::new(fake.settings()).unwrap();
    assert_eq!(datahub.version(), None);
    let client = datahub.client("t".into());
    let gated = query().since(Since::DOCUMENTS);
    for _ in 0..3 {
        let error = client.execute(&gated, Value::Null).await.unwrap_err();
        assert_eq!(
            error,
            DataHubError::TooOld {
                since: Since::DOCUMENTS
            }
        );
    }
    assert_eq!(fake.hits(), 0);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(datahub.version(), Some(Version::new(1, 0, 0)));
    assert!(datahub.health().await.reachable);
}

#[tokio::test]
async fn what_answers_in_datahubs_place_is_told_from_it() {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };
    const CONFIG: &str =
        r#"{"noCode":"true","versions":{"acryldata/datahub":{"version":"v1.3.0"}}}"#;
    for (status, body, stranger) in [
        (200, CONFIG, false),
        (200, r#"{"noCode":"true"}"#, false),
        (401, "", false),
        (403, "", false),
        (404, "<html>not found</html>", true),
        (200, "<html>hello</html>", true),
        (200, "{}", true),
        (200, r#"{"hello":"world"}"#, true),
        (302, "", true),
        (410, "", true),
    ] {
        let fake = Fake::start(move |seen: Seen| match seen.path.ends_with("/config") {
            true => reply(status, body),
            false => reply(200, "<html>hello</html>"),
        })
        .await;
        let health = DataHub::new(fake.settings()).unwrap().health().await;
        assert_eq!(health.is_stranger, stranger, "{status} {body}");
        assert!(health.reachable);
    }
    // Once it has shown what it is, a proxy's page in between changes nothing.
    let page = Arc::new(AtomicBool::new(false));
    let shown = Arc::clone(&page);
    let fake = Fake::start(move |_| match shown.load(Ordering::SeqCst) {
        true => reply(404, "<html>"),
        false => reply(200, CONFIG),
    })
    .await;
    let mut settings = fake.settings();
    settings.version_ttl = Duration::ZERO;
    let datahub = DataHub::new(settings).unwrap();
    assert!(!datahub.health().await.is_stranger);
    page.store(true, Ordering::SeqCst);
    assert!(!datahub.health().await.is_stranger);
}

/// The error of graphql-java for one unknown field.
fn unknown_field(line: usize) -> Value {
    json!({
        "message": "Validation error (FieldUndefined@[me/x]) : Field 'x' in type 'Me' is undefined",
        "locations": [{"line": line, "column": 3}],
        "extensions": {"classification": "ValidationError"}
    })
}

#[tokio::test]
async fn unknown_fields_are_left_out_until_the_version_changes() {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };
    let newer = Arc::new(AtomicBool::new(false));
    let is_newer = Arc::clone(&newer);
    let fake = Fake::start(move |seen: Seen| {
        let newer = is_newer.load(Ordering::SeqCst);
        if seen.path == "/config" {
            let version = if newer { "v1.6.0" } else { "v1.0.0" };
            return answer(&json!({"versions": {"acryldata/datahub": {"version": version}}}));
        }
        let query = seen.body["query"].as_str().unwrap();
        match query.lines().position(|line| line == "x") {
            Some(line) if !newer => answer(&json!({"errors": [unknown_field(line + 1)]})),
            _ => answer(&json!({"data": {"me": {"query": query}}})),
        }
    })
    .await;
    let mut settings = fake.settings();
    settings.version_ttl = Duration::ZERO;
    let client = fake.client_with(settings);
    let query = Document::new("query me {\n  me {\n    x\n    y\n  }\n}");
    for hits in [2, 3] {
        let answer = client.execute(&query, Value::Null).await.unwrap();
        assert_eq!(answer.data["me"]["query"], "query me {\nme {\ny\n}\n}");
        assert!(answer.warnings[0].message.ends_with(": me.x"), "{answer:?}");
        assert_eq!(fake.hits(), hits, "learned once");
    }
    newer.store(true, Ordering::SeqCst);
    // `/config` is asked again no sooner than two seconds after the last time.
    let again = async || client.execute(&query, Value::Null).await.unwrap();
    let whole = async {
        while !again().await.warnings.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), whole)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_mutation_is_sent_whole_or_not_at_all() {
    let fake = Fake::start(|_| answer(&json!({"errors": [unknown_field(3)]}))).await;
    let mutation = Document::new("mutation write {\n  make {\n    x\n    y\n  }\n}");
    let error = fake
        .client()
        .execute(&mutation, Value::Null)
        .await
        .unwrap_err();
    assert!(matches!(error, DataHubError::Schema { .. }), "{error:?}");
    assert_eq!(fake.hits(), 1);
}

#[tokio::test]
async fn a_datahub_that_knows_nothing_is_not_asked_for_ever() {
    let fake = Fake::start(|_| answer(&json!({"errors": [unknown_field(3)]}))).await;
    let fields: String = (0..50).map(|i| format!("    f{i}\n")).collect();
    let query = Document::new(&format!("query me {{\n  me {{\n{fields}  }}\n}}"));
    let error = fake
        .client()
        .execute(&query, Value::Null)
        .await
        .unwrap_err();
    assert!(matches!(error, DataHubError::Schema { .. }), "{error:?}");
    assert_eq!(fake.hits(), 5);
}

#[tokio::test]
async fn no_error_and_no_debug_output_holds_the_token() {
    let fake = Fake::start(|_| reply(401, "canary-token")).await;
    let client = fake.client();
    let error = client.execute(&query(), Value::Null).await.unwrap_err();
    assert!(!format!("{client:?} {error:?} {error}").contains("canary"));
    let unfit = DataHub::new(fake.settings())
        .unwrap()
        .client("line\nbreak".into());
    let error = unfit.execute(&query(), Value::Null).await.unwrap_err();
    assert_eq!(error, DataHubError::TokenRefused);
}

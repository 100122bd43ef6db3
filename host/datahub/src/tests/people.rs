//! What DataHub does to one person costs that person, and nobody else.

use std::{sync::Arc, time::Duration};

use foundation::identity::{Acceptance, Lease, Principal, TokenDigest, Verdict};
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};

use super::{
    super::{
        DataHub, DataHubError,
        fake::{Fake, Seen, json as answer, reply},
    },
    query,
};

fn person(name: &str) -> Arc<Principal> {
    let acceptance = Acceptance {
        subject: name.to_owned(),
        scopes: Vec::new(),
        expires_at: None,
        validator: "test".to_owned(),
        datahub_token: name.into(),
        token_digest: TokenDigest::of(name),
    };
    let verdict = Verdict::accept(acceptance, Lease::default());
    Arc::clone(verdict.principal().unwrap())
}

#[tokio::test]
async fn one_persons_failures_are_theirs_and_those_of_most_people_everybodys() {
    let fake = Fake::start(|seen| match seen.authorization.contains("ill") {
        true => reply(500, ""),
        false => answer(&json!({"data": {"me": {}}})),
    })
    .await;
    let mut settings = fake.settings();
    settings.breaker_pause = Duration::from_secs(3600);
    let datahub = DataHub::new(settings).unwrap();
    let call = async |name: &str| {
        let client = datahub.client_of(&person(name));
        client.execute(&query(), Value::Null).await
    };
    let is_refused = |result: Result<_, DataHubError>| matches!(result, Err(DataHubError::Unavailable { why, .. }) if why == "circuit breaker open");
    for _ in 0..20 {
        assert!(call("well").await.is_ok());
        assert!(call("ill-1").await.is_err());
    }
    assert_eq!(fake.hits(), 20 + 5, "five failures, then a pause");
    assert!(is_refused(call("ill-1").await));
    assert!(datahub.health().await.reachable);
    assert!(!is_refused(call("ill-2").await));
    assert!(call("well").await.is_ok());
    // Three of four.
    assert!(!is_refused(call("ill-3").await));
    assert!(is_refused(call("ill-3").await) && is_refused(call("ill-2").await));
    // Who is well gets through, and brings it back for all.
    assert!(call("well").await.is_ok());
    assert!(!is_refused(call("ill-1").await));
}

#[tokio::test]
async fn one_persons_calls_leave_places_for_others() {
    let stalls = |seen: Seen| match seen.authorization.contains("greedy") {
        true => http::Response::new(StreamBody::new(futures::stream::pending()).boxed()),
        false => answer(&json!({"data": {"me": {}}})),
    };
    let fake = Fake::start(stalls).await;
    let mut settings = fake.settings();
    settings.max_in_flight = 16;
    let datahub = DataHub::new(settings).unwrap();
    let client = |name: &str| datahub.client_of(&person(name));
    let mut calls: Vec<_> = (0..16)
        .map(|_| {
            let client = client("greedy");
            Box::pin(async move { client.execute(&query(), Value::Null).await })
        })
        .collect();
    let mut refused = 0;
    for call in &mut calls {
        // The first poll takes a place, or finds that there is none.
        refused += usize::from(futures::poll!(call).is_ready());
    }
    assert_eq!(refused, 8, "half of all");
    assert!(
        client("modest")
            .execute(&query(), Value::Null)
            .await
            .is_ok()
    );
}

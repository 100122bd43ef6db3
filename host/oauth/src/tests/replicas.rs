//! Two replicas behind a load balancer that knows nothing of sign-ins: one Redis, the same keys,
//! each request to the other replica.

use axum::http::StatusCode;
use foundation::clock::Clock;

use super::*;
use crate::store::Redis;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_works_whichever_replica_answers() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let idp = FakeIdp::start().await;
    let clock = Clock::manual(UNIX_EPOCH + Duration::from_secs(1_900_000_000));
    let replica = async || {
        let store = redis.ready_store(&clock).await;
        World::beside(idp.clone(), clock.clone(), |_| {}, |_| store)
    };
    let (one, two) = (replica().await, replica().await);

    let client = one.register("x").await;
    let mut jar = Jar::default();
    let page = jar.authorize(&two, &good_request(&client)).await;
    let upstream = jar.decide(&one, &page, "approve").await;
    let back = jar
        .get(&two, &idp.sign_in(&upstream.location(), "alice"))
        .await;
    let code = back.param("code").unwrap();
    let tokens = one.redeem(&client, &code).await.json();
    let access = text(&tokens, "access_token");
    assert!(
        two.open(&access)
            .await
            .unwrap()
            .starts_with("upstream-access-alice")
    );

    // Two refreshes at once at two replicas: the provider is asked once.
    let refresh = text(&tokens, "refresh_token");
    let (left, right) = tokio::join!(
        one.refresh(&client, &refresh),
        two.refresh(&client, &refresh)
    );
    assert_eq!(
        (left.status, right.status),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!(idp.refreshes(), 1);
    // The first one comes late: at the other replica it gets the newest answer, too.
    let next = text(&right.json(), "refresh_token");
    let newest = one.refresh(&client, &next).await.json();
    let late = two.refresh(&client, &refresh).await;
    assert_eq!(late.status, StatusCode::OK, "{}", late.body);
    assert_eq!(
        two.open(&text(&late.json(), "access_token")).await,
        one.open(&text(&newest, "access_token")).await
    );
    assert_eq!(idp.refreshes(), 2);

    // A code that is used at one is used at both, and what its second use ends has ended at both.
    assert_eq!(two.redeem(&client, &code).await.error(), "invalid_grant");
    assert!(two.open(&access).await.is_none());
    let known = tokio::time::timeout(Duration::from_secs(30), async {
        while one.open(&access).await.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    known.await.expect("the other replica hears of it");
    assert_eq!(one.refresh(&client, &next).await.error(), "invalid_grant");
}

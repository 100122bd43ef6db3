//! Who pays for a request: strangers and what fails, by address; what a person proves, never. Many
//! people share an address, and everybody may name a client.

use std::ops::Range;

use axum::http::StatusCode;

use super::*;

/// Room for five requests of strangers of one address, and five of one sign-in; so slow that a busy
/// machine is not allowed another one in between.
fn narrow(settings: &mut Setup) {
    settings.limits.address_burst = 5;
    settings.limits.address_per_minute = 1;
    settings.limits.sign_in_burst = 5;
    settings.limits.sign_in_per_minute = 1;
}

async fn posted_from(world: &World, peer: &str, path: &str, form: &[(&str, &str)]) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(encode(form)))
        .unwrap();
    world.send_from(peer, request).await
}

/// Sign-ins of a client, the browser of each at an address of its own: those with these numbers. Each
/// address is used once: two of them may share a bucket, which has room for that.
async fn people(world: &World, client: &str, numbers: Range<u8>) -> Vec<Value> {
    let mut tokens = Vec::new();
    for number in numbers {
        let mut jar = Jar::default();
        let home = format!("203.0.113.{number}");
        let query = encode(&good_request(client));
        let page = jar
            .get_from(world, &home, &format!("/oauth/authorize?{query}"))
            .await;
        let upstream = jar.decide_from(world, &home, &page, "approve").await;
        let path = world.idp.sign_in(&upstream.location(), "alice");
        let back = jar.get_from(world, &home, &path).await;
        let code = back.param("code").unwrap();
        let answer = posted_from(world, NAT, "/oauth/token", &redemption(client, &code)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        tokens.push(answer.json());
    }
    tokens
}

const NAT: &str = "198.51.100.7";

fn refreshing<'a>(client: &'a str, token: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", client),
    ]
}

/// S-17, and a company behind one address: whatever a stranger there does, people go on.
#[tokio::test]
async fn a_hundred_people_behind_one_address_redeem_and_refresh_at_once() {
    let world = World::with(narrow).await;
    let client = world.idp.serve_document(
        "client.test",
        |url| json!({ "client_id": url, "client_name": "Claude", "redirect_uris": [REDIRECT] }),
    );
    let tokens = people(&world, &client, 0..100).await;
    let refreshed = futures::future::join_all(tokens.iter().map(async |tokens| {
        let token = text(tokens, "refresh_token");
        posted_from(&world, NAT, "/oauth/token", &refreshing(&client, &token)).await
    }))
    .await;
    for answer in &refreshed {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }

    // A stranger behind the same address uses up what strangers have there ...
    let mut statuses = Vec::new();
    for _ in 0..7 {
        let form = refreshing(&client, "mcp_rt_made_up");
        let answer = posted_from(&world, NAT, "/oauth/token", &form).await;
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses, [400, 400, 400, 400, 400, 429, 429]);
    // ... also for other wrong requests, whoever they say they are ...
    for form in [
        &[("client_id", "nobody")][..],
        &redemption(&client, &"A".repeat(43)),
    ] {
        let answer = posted_from(&world, NAT, "/oauth/token", form).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(answer.headers.contains_key(header::RETRY_AFTER));
    }
    // ... and takes nothing from those who prove who they are.
    for answer in &refreshed[..3] {
        let token = text(&answer.json(), "refresh_token");
        let answer = posted_from(&world, NAT, "/oauth/token", &refreshing(&client, &token)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    people(&world, &client, 100..102).await;
    let token = text(&refreshed[9].json(), "refresh_token");
    let form = [("token", &*token), ("client_id", &*client)];
    let revoked = posted_from(&world, NAT, "/oauth/revoke", &form).await;
    assert_eq!(revoked.status, StatusCode::OK, "{}", revoked.body);
}

/// A public client's id is known to everybody: nobody can use it up.
#[tokio::test]
async fn naming_a_client_takes_nothing_from_its_people() {
    let world = World::with(narrow).await;
    let client = world.register("x").await;
    let person = people(&world, &client, 0..1).await.remove(0);
    for number in 0..60 {
        let stranger = format!("192.0.2.{number}");
        let query = encode(&good_request(&client));
        let path = format!("/oauth/authorize?{query}");
        let request = Request::get(&path).body(Body::empty()).unwrap();
        let page = world.send_from(&stranger, request).await;
        assert!(page.is_page(StatusCode::OK), "{}", page.body);
        let form = refreshing(&client, "mcp_rt_made_up");
        let answer = posted_from(&world, &stranger, "/oauth/token", &form).await;
        assert_eq!(answer.error(), "invalid_grant");
    }
    let token = text(&person, "refresh_token");
    let answer = posted_from(&world, NAT, "/oauth/token", &refreshing(&client, &token)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    people(&world, &client, 1..2).await;
}

/// One person's program that refreshes in a circle stops itself alone.
#[tokio::test]
async fn one_sign_in_that_refreshes_without_end_is_429_and_others_are_not() {
    let world = World::with(narrow).await;
    let client = world.register("x").await;
    let both = people(&world, &client, 0..2).await;
    let mut token = text(&both[0], "refresh_token");
    for round in 0..7 {
        let answer = posted_from(&world, NAT, "/oauth/token", &refreshing(&client, &token)).await;
        if round < 5 {
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            token = text(&answer.json(), "refresh_token");
        } else {
            assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{round}");
            assert!(answer.headers.contains_key(header::RETRY_AFTER));
        }
    }
    assert_eq!(world.idp.refreshes(), 5, "the provider is spared");
    let other = text(&both[1], "refresh_token");
    let answer = posted_from(&world, NAT, "/oauth/token", &refreshing(&client, &other)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

/// A sign-in that comes back from the provider is a person's; made-up ones are not.
#[tokio::test]
async fn made_up_returns_from_the_provider_count_and_real_ones_do_not() {
    let world = World::with(narrow).await;
    let client = world.register("x").await;
    let path = format!("/oauth/callback?code=x&state={}", "A".repeat(43));
    let mut last = StatusCode::OK;
    for _ in 0..6 {
        let request = Request::get(&path).body(Body::empty()).unwrap();
        last = world.send_from(NAT, request).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let mut jar = Jar::default();
    let query = encode(&good_request(&client));
    let page = format!("/oauth/authorize?{query}");
    let page = jar.get_from(&world, "203.0.113.1", &page).await;
    let upstream = jar
        .decide_from(&world, "203.0.113.1", &page, "approve")
        .await;
    let path = world.idp.sign_in(&upstream.location(), "alice");
    let back = jar.get_from(&world, NAT, &path).await;
    assert!(back.param("code").is_some(), "{}", back.body);
}

//! Refresh, rotation with grace, revocation.

use axum::http::StatusCode;

use super::*;

#[tokio::test]
async fn a_refresh_gives_new_tokens_and_follows_the_provider() {
    let world = World::new().await;
    let client = world.register("x").await;
    let mut tokens = world.tokens(&client).await;
    for round in 1..=5 {
        let answer = world
            .refresh(&client, &text(&tokens, "refresh_token"))
            .await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "round {round}: {}",
            answer.body
        );
        let fresh = answer.json();
        assert_ne!(fresh["access_token"], tokens["access_token"]);
        assert_ne!(fresh["refresh_token"], tokens["refresh_token"]);
        assert!(world.open(&text(&fresh, "access_token")).await.is_some());
        assert_eq!(world.idp.refreshes(), round);
        tokens = fresh;
        world.clock.advance(Duration::from_secs(600));
    }
}

/// S-10.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_refreshes_at_once_ask_the_provider_once() {
    let world = Arc::new(World::new().await);
    let client = world.register("x").await;
    let refresh = text(&world.tokens(&client).await, "refresh_token");
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (world, client, refresh) = (Arc::clone(&world), client.clone(), refresh.clone());
            tokio::spawn(async move { world.refresh(&client, &refresh).await })
        })
        .collect();
    let mut next = Vec::new();
    for task in tasks {
        let answer = task.await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(
            world
                .open(&text(&answer.json(), "access_token"))
                .await
                .is_some()
        );
        next.push(text(&answer.json(), "refresh_token"));
    }
    assert_eq!(world.idp.refreshes(), 1);
    // All are of one family and one generation: any two of them are one refresh, too.
    for token in [&next[0], &next[99]] {
        assert_eq!(world.refresh(&client, token).await.status, StatusCode::OK);
    }
    assert_eq!(world.idp.refreshes(), 2);
}

#[tokio::test]
async fn after_the_grace_a_second_use_ends_the_family() {
    let world = World::new().await;
    let client = world.register("x").await;
    let old = text(&world.tokens(&client).await, "refresh_token");
    let fresh = world.refresh(&client, &old).await.json();
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(
        world.refresh(&client, &old).await.status,
        StatusCode::OK,
        "within the grace"
    );
    assert_eq!(world.idp.refreshes(), 1);
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(world.refresh(&client, &old).await.error(), "invalid_grant");
    assert!(
        world.open(&text(&fresh, "access_token")).await.is_none(),
        "its access tokens end"
    );
    let newest = text(&fresh, "refresh_token");
    assert_eq!(
        world.refresh(&client, &newest).await.error(),
        "invalid_grant"
    );
    assert_eq!(world.idp.refreshes(), 1);
    // Another sign-in of the same client is not touched.
    let other = world.tokens(&client).await;
    assert!(world.open(&text(&other, "access_token")).await.is_some());
}

/// Parallel calls of one client are under way for different times: R0 gave R1, R1 gave R2, and R0
/// comes once more.
#[tokio::test]
async fn within_the_grace_every_token_of_the_family_gets_the_newest_answer() {
    let world = World::new().await;
    let client = world.register("x").await;
    let mut chain = vec![text(&world.tokens(&client).await, "refresh_token")];
    for _ in 0..3 {
        let newest = chain.last().unwrap();
        let answer = world.refresh(&client, newest).await.json();
        chain.push(text(&answer, "refresh_token"));
        world.clock.advance(Duration::from_secs(19));
    }
    let newest = world.idp.refreshes();
    let mut late = Vec::new();
    for old in &chain[..3] {
        let answer = world.refresh(&client, old).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let token = world
            .open(&text(&answer.json(), "access_token"))
            .await
            .unwrap();
        assert_eq!(token, "upstream-access-alice-5", "the newest");
        late.push(text(&answer.json(), "refresh_token"));
    }
    chain.extend(late);
    assert_eq!(world.idp.refreshes(), newest, "the provider is not asked");
    // All answers hold the refresh token of one generation.
    for token in &chain[3..] {
        assert_eq!(world.refresh(&client, token).await.status, StatusCode::OK);
    }
    assert_eq!(world.idp.refreshes(), newest + 1);
    // Its own 60 s are over, although the family was refreshed just now.
    world.clock.advance(Duration::from_secs(4));
    let late = world.refresh(&client, &chain[0]).await;
    assert_eq!(late.error(), "invalid_grant");
    assert_eq!(
        world.refresh(&client, &chain[6]).await.error(),
        "invalid_grant"
    );
}

/// Eight calls of one client meet the end of the access token; each refreshes with what it read
/// some time ago, and stores what it got some time later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_refreshes_with_jitter_lose_nothing() {
    for round in 0..4_u64 {
        let world = Arc::new(World::new().await);
        let client = world.register("x").await;
        let first = text(&world.tokens(&client).await, "refresh_token");
        let held = Arc::new(parking_lot::Mutex::new((first, String::new())));
        let tasks: Vec<_> = (0..8_u64)
            .map(|call| {
                let (world, client, held) = (Arc::clone(&world), client.clone(), held.clone());
                let pause = move |hop: u64| {
                    Duration::from_millis((call * 37 + hop * 53 + round * 71) % 100)
                };
                tokio::spawn(async move {
                    tokio::time::sleep(pause(1)).await;
                    let token = held.lock().0.clone();
                    tokio::time::sleep(pause(2)).await;
                    let answer = world.refresh(&client, &token).await;
                    tokio::time::sleep(pause(3)).await;
                    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
                    let answer = answer.json();
                    *held.lock() = (
                        text(&answer, "refresh_token"),
                        text(&answer, "access_token"),
                    );
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let (refresh, access) = held.lock().clone();
        assert!(world.open(&access).await.is_some());
        assert_eq!(
            world.refresh(&client, &refresh).await.status,
            StatusCode::OK
        );
    }
}

#[tokio::test]
async fn a_refresh_token_is_good_for_its_client_alone() {
    let world = World::new().await;
    let client = world.register("x").await;
    let other = world.register("x").await;
    let refresh = text(&world.tokens(&client).await, "refresh_token");
    assert_eq!(
        world.refresh(&other, &refresh).await.error(),
        "invalid_grant"
    );
    assert_eq!(
        world.refresh(&client, &refresh).await.status,
        StatusCode::OK,
        "it stays good"
    );
}

#[tokio::test]
async fn tokens_end_by_themselves() {
    let world = World::new().await;
    let client = world.register("x").await;
    let tokens = world.tokens(&client).await;
    world.clock.advance(Duration::from_secs(599));
    assert!(world.open(&text(&tokens, "access_token")).await.is_some());
    world.clock.advance(Duration::from_secs(1));
    assert!(world.open(&text(&tokens, "access_token")).await.is_none());
    world.clock.advance(Duration::from_secs(30 * 24 * 3_600));
    let refresh = text(&tokens, "refresh_token");
    assert_eq!(
        world.refresh(&client, &refresh).await.error(),
        "invalid_grant"
    );
}

#[tokio::test]
async fn more_scope_than_was_granted_is_refused() {
    let world = World::new().await;
    let client = world.register("x").await;
    let refresh = text(&world.tokens(&client).await, "refresh_token");
    let ask = |scope| {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &*refresh),
            ("client_id", &*client),
            ("scope", scope),
        ];
        let form: Vec<(String, String)> = form
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        form
    };
    for (scope, status) in [
        ("openid email", StatusCode::BAD_REQUEST),
        ("openid", StatusCode::OK),
    ] {
        let form = ask(scope);
        let form: Vec<_> = form.iter().map(|(k, v)| (&**k, &**v)).collect();
        assert_eq!(
            world.post_form("/oauth/token", &form).await.status,
            status,
            "{scope}"
        );
    }
}

#[tokio::test]
async fn revoking_either_token_ends_the_sign_in() {
    let world = World::new().await;
    let client = world.register("x").await;
    let other = world.register("y").await;
    for name in ["access_token", "refresh_token"] {
        let tokens = world.tokens(&client).await;
        let (token, access) = (text(&tokens, name), text(&tokens, "access_token"));
        let form = |client| [("token", token.clone()), ("client_id", client)];
        let revoke = async |client: &str| {
            let form = form(client.to_owned());
            let form: Vec<_> = form.iter().map(|(k, v)| (*k, &**v)).collect();
            world.post_form("/oauth/revoke", &form).await
        };
        assert_eq!(revoke(&other).await.status, StatusCode::OK);
        assert!(
            world.open(&access).await.is_some(),
            "not another client's to revoke"
        );
        assert_eq!(revoke("nobody").await.error(), "invalid_client");
        assert_eq!(revoke(&client).await.status, StatusCode::OK);
        assert!(world.open(&access).await.is_none());
        let refresh = text(&tokens, "refresh_token");
        assert_eq!(
            world.refresh(&client, &refresh).await.error(),
            "invalid_grant"
        );
        assert_eq!(
            revoke(&client).await.status,
            StatusCode::OK,
            "a second time, too"
        );
    }
    let form = [("token", "no such token"), ("client_id", &*client)];
    assert_eq!(
        world.post_form("/oauth/revoke", &form).await.status,
        StatusCode::OK
    );
    let told = tokio::time::timeout(Duration::from_secs(20), async {
        while !world
            .idp
            .revoked()
            .iter()
            .any(|token| token.starts_with("upstream-refresh"))
        {
            tokio::task::yield_now().await;
        }
    });
    told.await.expect("the provider is told");
}

//! The end of a sign-in reaches the provider, whichever token ends it.

use axum::http::StatusCode;

use super::*;
use crate::{TokenMode, store::FailingStore};

/// Waits until the provider has been told of `token`.
async fn told_of(world: &World, token: &str) {
    let told = tokio::time::timeout(Duration::from_secs(20), async {
        while !world.idp.told().iter().any(|known| known == token) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    told.await.unwrap_or_else(|_| {
        panic!(
            "the provider is not told of {token}: {:?}",
            world.idp.told()
        )
    });
}

async fn revoke(world: &World, client: &str, token: &str) {
    let form = [("token", token), ("client_id", client)];
    let answer = world.post_form("/oauth/revoke", &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn an_access_token_that_is_revoked_ends_the_providers_newest_refresh_token() {
    let world = World::new().await;
    let client = world.register("x").await;
    let first = world.tokens(&client).await;
    revoke(&world, &client, &text(&first, "access_token")).await;
    told_of(&world, "upstream-refresh-2").await;
    assert!(world.open(&text(&first, "access_token")).await.is_none());

    // After a refresh it is the newest, with an access token of before.
    let second = world.tokens(&client).await;
    let refresh = text(&second, "refresh_token");
    assert_eq!(
        world.refresh(&client, &refresh).await.status,
        StatusCode::OK
    );
    revoke(&world, &client, &text(&second, "access_token")).await;
    told_of(&world, "upstream-refresh-5").await;
    assert!(
        !world
            .idp
            .told()
            .iter()
            .any(|token| token == "upstream-refresh-4"),
        "it was used up"
    );
}

#[tokio::test]
async fn only_its_own_client_makes_the_provider_end_anything() {
    let world = World::new().await;
    let (client, other) = (world.register("x").await, world.register("y").await);
    let tokens = world.tokens(&client).await;
    for name in ["access_token", "refresh_token"] {
        revoke(&world, &other, &text(&tokens, name)).await;
    }
    revoke(&world, &client, &text(&tokens, "access_token")).await;
    told_of(&world, "upstream-refresh-2").await;
    assert_eq!(world.idp.told().len(), 2, "{:?}", world.idp.told());
}

/// A code or refresh token that is used twice was stolen: the session at the provider ends, too.
#[tokio::test]
async fn a_second_use_ends_the_providers_session() {
    let world = World::new().await;
    let client = world.register("x").await;
    let code = world.code(&client, &mut Jar::default()).await;
    assert_eq!(world.redeem(&client, &code).await.status, StatusCode::OK);
    assert_eq!(world.redeem(&client, &code).await.error(), "invalid_grant");
    told_of(&world, "upstream-refresh-2").await;

    let old = text(&world.tokens(&client).await, "refresh_token");
    assert_eq!(world.refresh(&client, &old).await.status, StatusCode::OK);
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(world.refresh(&client, &old).await.error(), "invalid_grant");
    told_of(&world, "upstream-refresh-5").await;
}

/// Where the refresh token is not known, the provider is told of its access token.
#[tokio::test]
async fn without_a_refresh_token_the_provider_is_told_of_its_access_token() {
    let world = World::new().await;
    world.idp.set(Mood::NoRefresh);
    let client = world.register("x").await;
    let tokens = world.tokens(&client).await;
    revoke(&world, &client, &text(&tokens, "access_token")).await;
    told_of(&world, "upstream-access-alice-2").await;
}

/// What is not ended here is not ended there: the client tries again.
#[tokio::test]
async fn a_store_that_fails_is_503_and_the_provider_is_told_later() {
    let good = World::new().await;
    let failing = World::beside(
        good.idp.clone(),
        good.clock.clone(),
        |_| {},
        |_| Arc::new(FailingStore),
    );
    let client = good.register("x").await;
    let access = text(&good.tokens(&client).await, "access_token");
    let form = [("token", &*access), ("client_id", &*client)];
    let answer = failing.post_form("/oauth/revoke", &form).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(good.idp.told().is_empty());
    revoke(&good, &client, &access).await;
    told_of(&good, "upstream-refresh-2").await;
}

/// What has ended stays so for as long as any of its tokens would be good, whatever the settings say of refresh
/// tokens.
#[tokio::test]
async fn an_end_outlasts_every_token_of_its_sign_in() {
    let short = |settings: &mut Setup| settings.refresh_ttl = Duration::from_secs(300);
    let world = World::with(short).await;
    let client = world.register("x").await;
    let access = text(&world.tokens(&client).await, "access_token");
    revoke(&world, &client, &access).await;
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(world.open(&access).await, None, "its access token");

    // Tokens of before, when the settings gave them more time.
    for name in ["access_token", "refresh_token"] {
        let before = World::new().await;
        let store = Arc::clone(&before.context.store);
        let (idp, clock) = (before.idp.clone(), before.clock.clone());
        let after = World::beside(idp, clock, short, |_| store);
        let client = before.register("x").await;
        let tokens = before.tokens(&client).await;
        revoke(&after, &client, &text(&tokens, name)).await;
        after.clock.advance(Duration::from_secs(86_400));
        let refresh = text(&tokens, "refresh_token");
        let refused = after.refresh(&client, &refresh).await;
        assert_eq!(refused.error(), "invalid_grant", "{name}");
    }
}

#[tokio::test]
async fn a_use_is_remembered_as_long_as_the_token_would_be_good() {
    let before = World::new().await;
    let store = Arc::clone(&before.context.store);
    let (idp, clock) = (before.idp.clone(), before.clock.clone());
    let short = |settings: &mut Setup| settings.refresh_ttl = Duration::from_secs(300);
    let after = World::beside(idp, clock, short, |_| store);
    let client = before.register("x").await;
    let used = text(&before.tokens(&client).await, "refresh_token");
    let fresh = after.refresh(&client, &used).await;
    assert_eq!(fresh.status, StatusCode::OK, "{}", fresh.body);
    after.clock.advance(Duration::from_secs(86_400));
    assert_eq!(after.refresh(&client, &used).await.error(), "invalid_grant");
    assert_eq!(after.idp.refreshes(), 1, "the provider was asked");
}

/// A refresh that is under way when its sign-in ends gives nobody anything, and the provider is told of what it
/// gave.
#[tokio::test]
async fn a_refresh_that_is_overtaken_by_the_end_gives_nothing() {
    for mode in [TokenMode::Sealed, TokenMode::Relay] {
        let world = World::with(|settings| settings.token_mode = mode).await;
        let client = world.register("x").await;
        let refresh = text(&world.tokens(&client).await, "refresh_token");
        world.idp.set(Mood::Waiting);
        let ended = async {
            while world.idp.refreshes() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            revoke(&world, &client, &refresh).await;
            world.idp.go_on();
        };
        let (answer, ()) = tokio::join!(world.refresh(&client, &refresh), ended);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
        assert_eq!(answer.error(), "invalid_grant");
        told_of(&world, "upstream-refresh-3").await;
    }
}

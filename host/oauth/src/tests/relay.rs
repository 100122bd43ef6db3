//! `OAUTH_TOKEN_MODE=relay`: access tokens are the provider's own, refresh tokens are ours.

use axum::http::StatusCode;

use super::*;
use crate::TokenMode;

async fn relaying() -> World {
    World::with(|settings| settings.token_mode = TokenMode::Relay).await
}

async fn revoke(world: &World, client: &str, token: &str) -> Answer {
    let form = [("token", token), ("client_id", client)];
    world.post_form("/oauth/revoke", &form).await
}

#[tokio::test]
async fn access_tokens_are_the_providers_own_and_refresh_tokens_are_not() {
    let world = relaying().await;
    let client = world.register("x").await;
    let mut tokens = world.tokens(&client).await;
    for _ in 0..3 {
        assert!(text(&tokens, "access_token").starts_with("upstream-access-alice"));
        let refresh = text(&tokens, "refresh_token");
        assert!(!refresh.contains("upstream"), "{refresh}");
        let fresh = world.refresh(&client, &refresh).await;
        assert_eq!(fresh.status, StatusCode::OK, "{}", fresh.body);
        tokens = fresh.json();
    }
    assert_eq!(world.idp.refreshes(), 3);
}

/// RFC 6749 section 6: the refresh token is bound to the client to which it was issued.
#[tokio::test]
async fn a_refresh_token_is_of_no_use_to_another_client() {
    let world = relaying().await;
    let client = world.register("x").await;
    let other = world.register("other").await;
    let refresh = text(&world.tokens(&client).await, "refresh_token");
    let asked = world.idp.requests().len();
    let stolen = world.refresh(&other, &refresh).await;
    assert_eq!(stolen.status, StatusCode::BAD_REQUEST);
    assert_eq!(stolen.error(), "invalid_grant");
    // Nor is one of the provider's that came by another way.
    let raw = world.refresh(&client, "upstream-refresh-2").await;
    assert_eq!(raw.error(), "invalid_grant");
    assert_eq!(world.idp.requests().len(), asked, "the provider was asked");
    let own = world.refresh(&client, &refresh).await;
    assert_eq!(own.status, StatusCode::OK, "{}", own.body);
}

#[tokio::test]
async fn a_refresh_token_outlives_a_restart() {
    let before = relaying().await;
    let client = before.register("x").await;
    let other = before.register("other").await;
    let refresh = text(&before.tokens(&client).await, "refresh_token");
    let after = World::beside(
        before.idp.clone(),
        before.clock.clone(),
        |settings| settings.token_mode = TokenMode::Relay,
        |clock| Arc::new(MemoryStore::new(clock, MAX_TRANSACTIONS)),
    );
    assert_eq!(
        after.refresh(&other, &refresh).await.error(),
        "invalid_grant"
    );
    let fresh = after.refresh(&client, &refresh).await;
    assert_eq!(fresh.status, StatusCode::OK, "{}", fresh.body);
}

#[tokio::test]
async fn a_sign_in_is_revoked_by_its_own_client_alone() {
    let world = relaying().await;
    let client = world.register("x").await;
    let other = world.register("other").await;
    let tokens = world.tokens(&client).await;
    let refresh = text(&tokens, "refresh_token");
    assert_eq!(
        revoke(&world, &other, &refresh).await.status,
        StatusCode::OK
    );
    let fresh = world.refresh(&client, &refresh).await.json();
    let refresh = text(&fresh, "refresh_token");
    // Whose access token of the provider it is, nobody knows here (RFC 7009 section 2.2.1).
    for client in [&other, &client] {
        let refused = revoke(&world, client, &text(&tokens, "access_token")).await;
        assert_eq!(refused.error(), "unsupported_token_type");
    }
    assert_eq!(
        revoke(&world, &client, &refresh).await.status,
        StatusCode::OK
    );
    assert_eq!(
        world.refresh(&client, &refresh).await.error(),
        "invalid_grant"
    );
    let told = tokio::time::timeout(Duration::from_secs(20), async {
        // The first was spent by its refresh.
        while !world
            .idp
            .revoked()
            .contains(&"upstream-refresh-3".to_owned())
        {
            tokio::task::yield_now().await;
        }
    });
    told.await.expect("the provider is told");
    assert!(
        !world
            .idp
            .revoked()
            .iter()
            .any(|token| token.contains("access")),
        "an access token reached the provider"
    );
}

//! `scope` at a refresh (RFC 6749 section 6).

use axum::http::StatusCode;

use super::*;

async fn world() -> World {
    World::with(|settings| {
        settings.default_scopes = ["openid", "read", "write"].map(str::to_owned).to_vec();
    })
    .await
}

/// Signs in for `asked`, redeems the code.
async fn signed_in(world: &World, client: &str, asked: &str) -> Value {
    let mut jar = Jar::default();
    let mut request = good_request(client);
    request.retain(|(name, _)| *name != "scope");
    request.push(("scope", asked));
    let page = jar.authorize(world, &request).await;
    let upstream = jar.decide(world, &page, "approve").await.location();
    let back = jar.get(world, &world.idp.sign_in(&upstream, "alice")).await;
    let code = back.param("code").unwrap();
    world.redeem(client, &code).await.json()
}

async fn refresh(world: &World, client: &str, tokens: &Value, scope: &str) -> Answer {
    let token = text(tokens, "refresh_token");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &*token),
        ("client_id", client),
        ("scope", scope),
    ];
    world.post_form("/oauth/token", &form).await
}

/// Which of `scopes` the token is good for, in a token of the provider that has them all.
async fn allowed(world: &World, tokens: &Value, scopes: &[&'static str]) -> Vec<&'static str> {
    let token = SecretString::from(text(tokens, "access_token"));
    let Opened::Token { limit, .. } = world.context.tokens.open(&token).await else {
        panic!("not open")
    };
    let allows = |scope: &&&str| limit.as_ref().is_none_or(|limit| limit.allows(scope));
    scopes.iter().filter(allows).copied().collect()
}

const ALL: [&str; 3] = ["openid", "read", "write"];

#[tokio::test]
async fn less_than_was_granted_is_given_said_and_comes_back() {
    let world = world().await;
    let client = world.register("x").await;
    let tokens = signed_in(&world, &client, "openid read write").await;
    assert_eq!(allowed(&world, &tokens, &ALL).await, ALL);

    let narrow = refresh(&world, &client, &tokens, "read openid").await;
    assert_eq!(narrow.status, StatusCode::OK, "{}", narrow.body);
    let narrow = narrow.json();
    assert_eq!(narrow["scope"], "openid read");
    assert_eq!(allowed(&world, &narrow, &ALL).await, ["openid", "read"]);
    // The provider is asked for all of it: its refresh token must stay one for all of it.
    let (_, form) = world.idp.requests().pop().unwrap();
    assert_eq!(form["scope"], "openid read write");

    // Within the grace the first refresh token gets the same answer, as far as it asks for it.
    let again = refresh(&world, &client, &tokens, "write").await.json();
    assert_eq!(again["scope"], "write");
    assert_eq!(allowed(&world, &again, &ALL).await, ["write"]);

    for asked in ["openid read write", ""] {
        let full = refresh(&world, &client, &narrow, asked).await;
        assert_eq!(full.status, StatusCode::OK, "{}", full.body);
        let full = full.json();
        assert_eq!(full["scope"], "openid read write");
        assert_eq!(allowed(&world, &full, &ALL).await, ALL);
    }
}

#[tokio::test]
async fn more_than_was_granted_is_refused_and_costs_nothing() {
    let world = world().await;
    let client = world.register("x").await;
    let tokens = signed_in(&world, &client, "openid read").await;
    for asked in ["openid read write", "write", "openid read admin", "admin"] {
        let answer = refresh(&world, &client, &tokens, asked).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{asked}");
        assert_eq!(answer.error(), "invalid_scope", "{asked}");
    }
    assert_eq!(world.idp.refreshes(), 0);
    let answer = refresh(&world, &client, &tokens, "openid read").await;
    assert_eq!(answer.json()["scope"], "openid read");
}

/// Clients send what they sent at the sign-in, or what they were told.
#[tokio::test]
async fn the_scopes_of_the_sign_in_may_be_named_as_they_were() {
    let world = world().await;
    let client = world.register("x").await;
    for asked in [
        "openid read write mcp:unknown",
        "read openid",
        "mcp:unknown",
    ] {
        let mut tokens = signed_in(&world, &client, asked).await;
        let granted = text(&tokens, "scope");
        assert!(!granted.contains("unknown"), "{granted}");
        for again in [asked, &granted, asked] {
            let answer = refresh(&world, &client, &tokens, again).await;
            assert_eq!(answer.status, StatusCode::OK, "{again}: {}", answer.body);
            tokens = answer.json();
            assert_eq!(tokens["scope"], *granted);
        }
        let answer = refresh(&world, &client, &tokens, "openid mcp:other").await;
        assert_eq!(answer.error(), "invalid_scope");
    }
}

#[tokio::test]
async fn a_provider_that_spells_scopes_its_own_way_is_no_reason_to_refuse() {
    let world = World::with(|settings| {
        let api = ["api://app/mcp.access", "api://app/mcp.write"];
        settings.default_scopes = vec!["openid".to_owned()];
        settings.default_scopes.extend(api.map(str::to_owned));
    })
    .await;
    world.idp.set(Mood::ShortScope);
    let client = world.register("x").await;
    let asked = "openid api://app/mcp.access";
    let tokens = signed_in(&world, &client, asked).await;
    assert_eq!(tokens["scope"], "openid mcp.access");
    let full = refresh(&world, &client, &tokens, asked).await.json();
    assert_eq!(full["scope"], "openid mcp.access");
    let narrow = refresh(&world, &client, &full, "api://app/mcp.access").await;
    let narrow = narrow.json();
    assert_eq!(narrow["scope"], "mcp.access");
    let all = ["openid", "mcp.access", "mcp.write", "access"];
    assert_eq!(allowed(&world, &narrow, &all).await, ["mcp.access"]);
    // The provider names none: the client's spelling stays, the token has the short one.
    world.idp.set(Mood::Good);
    let tokens = signed_in(&world, &client, asked).await;
    let narrow = refresh(&world, &client, &tokens, "api://app/mcp.access").await;
    let narrow = narrow.json();
    assert_eq!(narrow["scope"], "api://app/mcp.access");
    assert_eq!(
        allowed(&world, &narrow, &all).await,
        ["mcp.access", "access"][..1]
    );
}

#[tokio::test]
async fn a_relayed_token_is_not_narrowed_in_silence() {
    let world = World::with(|settings| settings.token_mode = crate::TokenMode::Relay).await;
    let client = world.register("x").await;
    let tokens = world.tokens(&client).await;
    let narrow = refresh(&world, &client, &tokens, "openid").await;
    assert_eq!(narrow.error(), "invalid_scope");
    assert_eq!(world.idp.refreshes(), 0);
    let full = refresh(&world, &client, &tokens, "openid profile").await;
    assert_eq!(full.status, StatusCode::OK, "{}", full.body);
}

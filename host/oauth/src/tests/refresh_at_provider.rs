//! Refresh as the identity provider sees it: the request to it, and each of its answers.

use axum::http::{StatusCode, header};

use super::*;

#[tokio::test]
async fn a_provider_that_is_down_does_not_cost_the_refresh_token() {
    let world = World::new().await;
    let client = world.register("x").await;
    let refresh = text(&world.tokens(&client).await, "refresh_token");
    world.idp.set(Mood::Down);
    let answer = world.refresh(&client, &refresh).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    world.idp.set(Mood::Good);
    assert_eq!(
        world.refresh(&client, &refresh).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_provider_that_says_no_ends_the_family() {
    let world = World::new().await;
    let client = world.register("x").await;
    let tokens = world.tokens(&client).await;
    world.idp.set(Mood::Refusing);
    let refresh = text(&tokens, "refresh_token");
    assert_eq!(
        world.refresh(&client, &refresh).await.error(),
        "invalid_grant"
    );
    assert!(world.open(&text(&tokens, "access_token")).await.is_none());
}

/// Providers say in several words that the person must sign in again.
#[tokio::test]
async fn a_provider_that_wants_the_person_ends_the_family() {
    let words = [
        "interaction_required",
        "login_required",
        "consent_required",
        "account_selection_required",
        "invalid_token",
        "invalid_grant",
        "Invalid_Grant",
        "mfa_required",
        "user_authentication_required",
        "access_denied",
        "expired_token",
        "token_revoked",
        "invalid_refresh_token",
    ];
    let moods = words.map(Mood::RefusingRefresh).into_iter();
    for mood in moods.chain([Mood::RefusingPolitely("bad_refresh_token")]) {
        let world = World::new().await;
        let client = world.register("x").await;
        let tokens = world.tokens(&client).await;
        world.idp.set(mood);
        let refresh = text(&tokens, "refresh_token");
        let answer = world.refresh(&client, &refresh).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{mood:?}");
        assert_eq!(answer.error(), "invalid_grant", "{mood:?}");
        world.idp.set(Mood::Good);
        let again = world.refresh(&client, &refresh).await;
        assert_eq!(again.error(), "invalid_grant", "{mood:?}");
        assert!(world.open(&text(&tokens, "access_token")).await.is_none());
    }
}

#[tokio::test]
async fn other_errors_of_the_provider_do_not_cost_the_sign_in() {
    let codes = [
        "invalid_client",
        "unauthorized_client",
        "invalid_request",
        "client_authentication_required",
        "client_secret_expired",
        "certificate_expired",
        "server_error",
        "unheard_of",
    ];
    for mood in codes
        .map(Mood::RefusingRefresh)
        .into_iter()
        .chain([Mood::RefusingPolitely("slow_down"), Mood::Html])
    {
        let world = World::new().await;
        let client = world.register("x").await;
        let refresh = text(&world.tokens(&client).await, "refresh_token");
        world.idp.set(mood);
        let answer = world.refresh(&client, &refresh).await;
        assert!(answer.status.is_server_error(), "{mood:?}");
        world.idp.set(Mood::Good);
        let again = world.refresh(&client, &refresh).await;
        assert_eq!(again.status, StatusCode::OK, "{mood:?}");
    }
}

/// Some providers say with HTTP 400 or 200 that they cannot answer now.
#[tokio::test]
async fn an_error_of_the_provider_itself_is_told_as_one_that_passes() {
    for mood in ["temporarily_unavailable", "server_error"]
        .into_iter()
        .flat_map(|code| [Mood::RefusingRefresh(code), Mood::RefusingPolitely(code)])
    {
        let world = World::new().await;
        let client = world.register("x").await;
        let refresh = text(&world.tokens(&client).await, "refresh_token");
        world.idp.set(mood);
        let answer = world.refresh(&client, &refresh).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{mood:?}");
        assert_eq!(answer.error(), "temporarily_unavailable", "{mood:?}");
        assert!(answer.headers.contains_key(header::RETRY_AFTER));
        world.idp.set(Mood::Good);
        let again = world.refresh(&client, &refresh).await;
        assert_eq!(again.status, StatusCode::OK, "{mood:?}");
    }
    let world = World::new().await;
    let client = world.register("x").await;
    world.idp.set(Mood::Quoting("server_error"));
    let back = world.sign_in(&client, &mut Jar::default()).await;
    assert_eq!(back.param("error").unwrap(), "temporarily_unavailable");
}

#[tokio::test]
async fn a_refresh_without_the_id_token_that_is_needed_means_sign_in_again() {
    let world = World::with(|settings| settings.upstream.token = UpstreamToken::IdToken).await;
    world.idp.set(Mood::IdToken);
    let client = world.register("x").await;
    let refresh = text(&world.tokens(&client).await, "refresh_token");
    world.idp.set(Mood::NoIdToken);
    assert_eq!(
        world.refresh(&client, &refresh).await.error(),
        "invalid_grant"
    );
}

/// Entra: AADSTS90009.
#[tokio::test]
async fn a_refresh_asks_the_provider_for_the_scopes_of_the_sign_in() {
    let default = |scopes: &'static str| {
        World::with(move |settings| {
            settings.default_scopes = scopes.split(' ').map(str::to_owned).collect();
        })
    };
    for (offered, wanted) in [
        ("openid profile email", "openid profile"),
        (
            "openid profile offline_access api://app/mcp.access",
            "openid profile offline_access",
        ),
    ] {
        let world = default(offered).await;
        let client = world.register("x").await;
        let refresh = text(&world.tokens(&client).await, "refresh_token");
        world.idp.set(Mood::ScopeAtRefresh(wanted));
        let answer = world.refresh(&client, &refresh).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        // Also the one after that.
        let refresh = text(&answer.json(), "refresh_token");
        let answer = world.refresh(&client, &refresh).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_granted_scope_is_spelled_as_it_was_asked_for() {
    let world = World::with(|settings| {
        let api = "api://app/mcp.access".to_owned();
        settings.default_scopes = vec!["openid".to_owned(), api];
    })
    .await;
    world.idp.set(Mood::ShortScope);
    let client = world.register("x").await;
    let refresh = text(&world.tokens(&client).await, "refresh_token");
    world
        .idp
        .set(Mood::ScopeAtRefresh("openid api://app/mcp.access"));
    let answer = world.refresh(&client, &refresh).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn a_configured_scope_of_token_requests_stands_alone() {
    let world = World::with(|settings| {
        let scope = ("scope".to_owned(), "api://app/.default".to_owned());
        settings.upstream.token_params.push(scope);
    })
    .await;
    let client = world.register("x").await;
    let refresh = text(&world.tokens(&client).await, "refresh_token");
    assert_eq!(
        world.refresh(&client, &refresh).await.status,
        StatusCode::OK
    );
    let (_, form) = world.idp.requests().pop().unwrap();
    assert_eq!(form["scope"], "api://app/.default");
}

#[tokio::test]
async fn a_provider_that_refuses_the_scopes_is_asked_without() {
    let world = World::new().await;
    let client = world.register("x").await;
    let refresh = text(&world.tokens(&client).await, "refresh_token");
    world.idp.set(Mood::RefusingRefresh("invalid_scope"));
    let answer = world.refresh(&client, &refresh).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    let asked = world.idp.requests();
    let [.., with, without] = &asked[..] else {
        panic!("two requests")
    };
    assert_eq!(with.1["scope"], "openid profile");
    assert!(!without.1.contains_key("scope"));
}

#[tokio::test]
async fn without_a_refresh_token_of_the_provider_there_is_none_of_ours() {
    let world = World::new().await;
    world.idp.set(Mood::NoRefresh);
    let client = world.register("x").await;
    let tokens = world.tokens(&client).await;
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
}

#[tokio::test]
async fn a_provider_that_does_not_rotate_is_asked_with_the_same_token_again() {
    let world = World::new().await;
    let client = world.register("x").await;
    let first = text(&world.tokens(&client).await, "refresh_token");
    world.idp.set(Mood::NoRefresh);
    let answer = world.refresh(&client, &first).await.json();
    let second = text(&answer, "refresh_token");
    assert_ne!(first, second);
    world.refresh(&client, &second).await;
    let asked = world.idp.requests();
    let [.., before, last] = &asked[..] else {
        panic!("two refreshes")
    };
    assert_eq!(before.1["refresh_token"], last.1["refresh_token"]);
}

/// OpenID Connect Core section 12.2: a refresh is for the person who signed in.
#[tokio::test]
async fn a_refresh_that_gives_the_tokens_of_another_person_ends_the_sign_in() {
    // The person stands in the access token, or in the ID token beside an opaque one.
    for mood in [Mood::Groups(1), Mood::IdToken] {
        let world = World::new().await;
        world.idp.set(mood);
        let client = world.register("x").await;
        let mut tokens = world.tokens(&client).await;
        // Also where a refresh between them told nothing of the person.
        for between in [mood, Mood::Good] {
            world.idp.set(between);
            let refresh = text(&tokens, "refresh_token");
            let fresh = world.refresh(&client, &refresh).await;
            assert_eq!(fresh.status, StatusCode::OK, "{}", fresh.body);
            tokens = fresh.json();
        }
        world.idp.set(Mood::OtherPerson);
        let refresh = text(&tokens, "refresh_token");
        for _ in 0..2 {
            let answer = world.refresh(&client, &refresh).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
            assert_eq!(answer.error(), "invalid_grant");
        }
        assert!(world.open(&text(&tokens, "access_token")).await.is_none());
    }
}

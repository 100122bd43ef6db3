//! Signing in with clients as they are: parallel refreshes, habits in requests, and what people
//! and operators are told.

use integration_tests::{mcp::http_client, until};
use serde_json::{Value, json};

use crate::{
    oauth_world::{App, Browser, REDIRECT, Visit, start, start_with, text},
    world::World,
};

async fn document(url: String) -> Value {
    let answer = http_client().get(url).send().await.unwrap();
    answer.json().await.unwrap()
}

async fn signed_in(world: &World) -> (App, Value) {
    let app = App::register(world, REDIRECT).await;
    let back = Browser::default()
        .sign_in(&app.authorize_url(REDIRECT), "editor")
        .await;
    let tokens = app.redeem(&back, REDIRECT).await;
    (app, tokens)
}

async fn served(world: &World, tokens: &Value) -> u16 {
    let access = text(tokens, "access_token");
    let mcp = world.server.mcp();
    let reply = mcp.call(Some(access), "search", json!({"query": "*"}));
    reply.await.unwrap().status
}

/// The consent page of a client that asks with `change`d parameters.
async fn consent(world: &World, change: &[(&str, &str)]) -> (u16, String) {
    let app = App::register(world, REDIRECT).await;
    let mut url = url::Url::parse(&app.authorize_url(REDIRECT)).unwrap();
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !change.iter().any(|(other, _)| other == name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(kept)
        .extend_pairs(change);
    match Browser::default().open(url.as_str()).await {
        Visit::Page { status, body, .. } => (status, body),
        Visit::Back(url) => panic!("sent back to {url}"),
    }
}

/// R0 gave R1, R1 gave R2, and a request with R0 was under way all the time.
#[tokio::test]
async fn a_late_refresh_does_not_end_the_sign_in() {
    let world = start().await;
    let (app, tokens) = signed_in(&world).await;
    let first = text(&tokens, "refresh_token");
    let (_, second) = app.refresh(first).await;
    let (_, third) = app.refresh(text(&second, "refresh_token")).await;
    let (status, late) = app.refresh(first).await;
    assert_eq!(status, 200, "{late}");
    for tokens in [&tokens, &second, &third, &late] {
        assert_eq!(served(&world, tokens).await, 200);
    }
    let (one, two) = tokio::join!(
        app.refresh(text(&third, "refresh_token")),
        app.refresh(text(&late, "refresh_token"))
    );
    for (status, fresh) in [one, two] {
        assert_eq!(status, 200, "{fresh}");
        assert_eq!(served(&world, &fresh).await, 200);
    }
}

/// RFC 6749 section 6: an app gives an agent a token that can do less, and keeps what it has.
#[tokio::test]
async fn a_token_refreshed_for_less_does_less() {
    let world = start_with(|builder| builder.env("TOOL_SCOPES", "search=email")).await;
    let (app, tokens) = signed_in(&world).await;
    assert_eq!(served(&world, &tokens).await, 200);
    let refresh = async |tokens: &Value, scope: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", text(tokens, "refresh_token")),
            ("scope", scope),
        ];
        app.token(&form).await
    };
    let (status, more) = refresh(&tokens, "openid profile email admin").await;
    assert_eq!((status, text(&more, "error")), (400, "invalid_scope"));
    let (status, less) = refresh(&tokens, "openid profile").await;
    assert_eq!((status, text(&less, "scope")), (200, "openid profile"));
    assert_eq!(served(&world, &less).await, 403);
    assert_eq!(served(&world, &tokens).await, 200);
    let (status, all) = refresh(&less, "openid profile email").await;
    assert_eq!((status, text(&all, "scope")), (200, "openid profile email"));
    assert_eq!(served(&world, &all).await, 200);
}

#[tokio::test]
async fn requests_may_name_the_server_and_scopes_as_clients_do() {
    let world =
        start_with(|builder| builder.env("OAUTH_DEFAULT_SCOPE", "openid profile offline_access"))
            .await;
    let origin = world.server.url("/");
    let bare = origin.trim_end_matches('/').to_owned();
    for change in [
        [("resource", &*origin), ("scope", "openid read write")],
        [("resource", &*bare), ("scope", "mcp:read")],
    ] {
        let (status, body) = consent(&world, &change).await;
        assert_eq!(status, 200, "{change:?}: {body}");
    }
    // Refresh tokens are between client and authorization server.
    let offline = |document: &Value| {
        let scopes = document["scopes_supported"].as_array().unwrap();
        scopes.contains(&json!("offline_access"))
    };
    let at = |path: &str| document(world.server.url(&format!("/.well-known/{path}")));
    assert!(offline(&at("oauth-authorization-server").await));
    assert!(!offline(&at("oauth-protected-resource/mcp").await));
    let refused = world.server.mcp().call(None, "search", json!({})).await;
    let refused = refused.unwrap();
    assert!(
        !refused
            .header("www-authenticate")
            .contains("offline_access")
    );
}

#[tokio::test]
async fn one_redirect_uri_that_is_refused_is_left_out_and_logged_with_the_setting() {
    let world = start().await;
    let asked = json!({ "redirect_uris": [REDIRECT, "acme-ide://mcp/callback"] });
    let request = http_client().post(world.server.url("/oauth/register"));
    let answer = request.json(&asked).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let registered: Value = answer.json().await.unwrap();
    assert_eq!(registered["redirect_uris"], json!([REDIRECT]));
    let named = |line: &&str| line.contains("acme-ide") && line.contains("OAUTH_REDIRECT_SCHEMES");
    let lines = || world.server.output().lines().filter(named).count();
    until("the log names the setting", async || lines() > 0).await;
    assert_eq!(lines(), 1, "{}", world.server.output());
}

/// The consent is remembered for the app that opens the browser, not for a page that leads there.
#[tokio::test]
async fn a_remembered_consent_is_not_for_other_sites() {
    for (remember, site, asked) in [
        ("true", "none", false),
        ("true", "cross-site", true),
        ("false", "none", true),
    ] {
        let world = start_with(|builder| builder.env("OAUTH_REMEMBER_CONSENT", remember)).await;
        let app = App::register(&world, REDIRECT).await;
        let url = app.authorize_url(REDIRECT);
        let mut browser = Browser::default();
        browser.sign_in(&url, "editor").await;
        let visit = browser.open_from(site, url.parse().unwrap()).await;
        let page = matches!(visit, Visit::Page { status: 200, .. });
        assert_eq!(page, asked, "{remember} {site}");
    }
}

#[tokio::test]
async fn the_consent_page_says_what_the_tools_can_do() {
    for (on, tools, changes) in [
        ("false", "*", false),
        ("true", "*", true),
        ("true", "search,add_*", true),
        ("true", "search,get_*", false),
    ] {
        let world = start_with(|builder| {
            builder
                .env("TOOLS_IS_MUTATION_ENABLED", on)
                .env("TOOLS", tools)
        });
        let (_, body) = consent(&world.await, &[]).await;
        let promised = body.contains("Read and change in DataHub");
        assert_eq!(promised, changes, "{on} {tools}: {body}");
    }
}

/// Without a way out, clients that name themselves by a URL are told to register.
#[tokio::test]
async fn documents_of_clients_are_not_offered_while_none_can_be_fetched() {
    let world = start().await;
    let metadata = world.server.url("/.well-known/oauth-authorization-server");
    let offered = async || {
        let metadata = document(metadata.clone()).await;
        assert!(metadata["registration_endpoint"].is_string(), "{metadata}");
        metadata["client_id_metadata_document_supported"].clone()
    };
    assert_eq!(offered().await, true);
    for (host, words) in [
        ("desk.unreachable.invalid", "its log has the remedy"),
        ("other.unreachable.invalid", "it can register itself now"),
    ] {
        let id = format!("https://{host}/oauth/client.json");
        let (status, page) = consent(&world, &[("client_id", &id)]).await;
        assert_eq!(status, 400);
        assert!(page.contains(words), "{page}");
        assert!(!page.contains("who make the app"), "{page}");
    }
    assert_eq!(offered().await, false);
    let output = world.server.output();
    for word in ["desk.unreachable.invalid", "OAUTH_CLIENT_METADATA=false"] {
        assert!(output.contains(word), "no {word} in {output}");
    }
    let said = "are not offered until one can";
    assert_eq!(output.matches(said).count(), 1, "{output}");
    // Who registers signs in.
    let (_, tokens) = signed_in(&world).await;
    assert_eq!(served(&world, &tokens).await, 200);
}

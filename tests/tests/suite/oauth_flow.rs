//! Signing in, from the first 401 to the tool's answer, over real HTTP to the real binary.

use integration_tests::{canary::traces, mcp::http_client};
use sandbox::idp::{Client, PUBLIC_CLIENT};
use serde_json::{Value, json};

use crate::{
    oauth_world::{
        App, Browser, KEY, REDIRECT, Visit, admit, hidden, param, start, start_with, text,
        with_proxy,
    },
    world::{World, settings},
};

const SEARCH: &str = "search";

async fn call(world: &World, token: &str) -> integration_tests::Reply {
    world
        .server
        .mcp()
        .call(Some(token), SEARCH, json!({"query": "*"}))
        .await
        .unwrap()
}

async fn document(url: String) -> Value {
    http_client()
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_client_that_knows_only_our_url_gets_to_a_tool() {
    let world = start().await;
    // 401, then the documents that it leads to.
    let refused = world
        .server
        .mcp()
        .call(None, SEARCH, json!({}))
        .await
        .unwrap();
    assert_eq!(refused.status, 401);
    let challenge = refused.header("www-authenticate");
    let metadata = challenge.split("resource_metadata=\"").nth(1).unwrap();
    let resource = document(metadata.split('"').next().unwrap().to_owned()).await;
    assert_eq!(resource["resource"], world.server.url("/mcp"));
    let issuer = resource["authorization_servers"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let server = document(format!("{issuer}/.well-known/oauth-authorization-server")).await;
    assert_eq!(text(&server, "issuer"), issuer);
    assert_eq!(
        server["registration_endpoint"],
        world.server.url("/oauth/register")
    );

    let app = App::register(&world, REDIRECT).await;
    let mut browser = Browser::default();
    let back = browser
        .sign_in(&app.authorize_url(REDIRECT), "editor")
        .await;
    let tokens = app.redeem(&back, REDIRECT).await;
    let access = text(&tokens, "access_token");
    let reply = call(&world, access).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    // DataHub saw the provider's token, and never the client's (S-16).
    let asked: Vec<String> = world
        .datahub
        .seen()
        .iter()
        .filter_map(|seen| {
            seen.headers
                .get("authorization")?
                .to_str()
                .map(str::to_owned)
                .ok()
        })
        .collect();
    assert!(!asked.is_empty());
    assert!(
        asked.iter().all(|bearer| bearer.starts_with("Bearer eyJ")),
        "{}",
        asked.len()
    );

    // The second visit: the same browser, no questions, another client asks again.
    let again = browser.open(&app.authorize_url(REDIRECT)).await.back();
    assert!(param(&again, "code").is_some());
    let other = App::register(&world, REDIRECT).await;
    let Visit::Page { status, body, .. } = browser.open(&other.authorize_url(REDIRECT)).await
    else {
        panic!("a new client was not asked for");
    };
    assert_eq!(status, 200);
    hidden(&body, "request");

    // Refresh, twice with the same token, as two tabs would.
    let refresh = text(&tokens, "refresh_token");
    let (one, two) = tokio::join!(app.refresh(refresh), app.refresh(refresh));
    for (status, fresh) in [one, two] {
        assert_eq!(status, 200, "{fresh}");
        assert_eq!(call(&world, text(&fresh, "access_token")).await.status, 200);
    }
    // A refresh token is no bearer token.
    assert_eq!(call(&world, refresh).await.status, 401);

    // And signing out ends it all.
    let form = [("token", access), ("client_id", &*app.id)];
    assert_eq!(app.post("/oauth/revoke", &form).await.0, 200);
    let reply = call(&world, access).await;
    assert_eq!(reply.status, 401);
    assert!(reply.header("www-authenticate").contains("invalid_token"));
}

#[tokio::test]
async fn tokens_outlive_a_restart_and_are_worth_nothing_under_another_key() {
    let mut world = start().await;
    let address = world.server.address();
    let app = App::register(&world, REDIRECT).await;
    let back = Browser::default()
        .sign_in(&app.authorize_url(REDIRECT), "viewer")
        .await;
    let tokens = app.redeem(&back, REDIRECT).await;
    let restart = |keys: &str| {
        with_proxy(settings(&world.idp, &world.datahub))
            .env("OAUTH_TOKEN_KEYS", keys)
            // The public URL is part of every envelope; the port is free to differ.
            .env("OAUTH_RESOURCE_URL", format!("http://{address}/mcp"))
            .env("ALLOWED_HOSTS", "127.0.0.1")
            .start()
            .unwrap()
    };
    let new_key = "00".repeat(31) + "07";
    for (keys, status) in [(format!("{new_key},{KEY}"), 200), (new_key, 401)] {
        world.server = restart(&keys);
        let reply = call(&world, text(&tokens, "access_token")).await;
        assert_eq!(reply.status, status, "{}", reply.text);
    }
}

#[tokio::test]
async fn a_provider_that_is_down_at_the_start_stops_nothing() {
    let idp_down = async |world: &World| world.idp.go_down().await;
    let world = start().await;
    idp_down(&world).await;
    let mut world = world;
    world.server = with_proxy(settings(&world.idp, &world.datahub))
        .start()
        .unwrap();
    let app = App::register(&world, REDIRECT).await;
    let mut browser = Browser::default();
    let Visit::Page { url, body, .. } = browser.open(&app.authorize_url(REDIRECT)).await else {
        panic!("no consent page");
    };
    let form = [
        ("request", &*hidden(&body, "request")),
        ("decision", "approve"),
    ];
    let Visit::Page { status, body, .. } = browser.submit(&url, &form).await else {
        panic!("sent to a provider that is down");
    };
    assert_eq!(status, 503, "{body}");
    world.idp.come_back().await.unwrap();
    admit(&world);
    // Discovery is tried again a few seconds after it failed.
    let again = async {
        loop {
            match browser.submit(&url, &form).await {
                Visit::Page { status: 503, .. } => {
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                }
                Visit::Page { body, .. } => {
                    assert!(body.contains("name=\"password\""), "{body}");
                    return browser.sign_in(&app.authorize_url(REDIRECT), "admin").await;
                }
                Visit::Back(back) => return back,
            }
        }
    };
    let limit = std::time::Duration::from_secs(60);
    let back = tokio::time::timeout(limit, again)
        .await
        .expect("the provider is asked again");
    assert!(param(&back, "code").is_some());
}

#[tokio::test]
async fn the_victims_browser_does_not_finish_what_an_attacker_began() {
    let world = start().await;
    let app = App::register(&world, REDIRECT).await;
    let mut attacker = Browser::default();
    let Visit::Page { url, body, .. } = attacker.open(&app.authorize_url(REDIRECT)).await else {
        panic!("no consent page");
    };
    let form = [
        ("request", &*hidden(&body, "request")),
        ("decision", "approve"),
    ];
    let Visit::Page {
        url: at_provider, ..
    } = attacker.submit(&url, &form).await
    else {
        panic!("not at the provider");
    };
    // The attacker sends the provider's URL to the victim, who signs in there.
    let mut victim = Browser::default();
    let Visit::Page { url, body, .. } = victim.open(at_provider.as_str()).await else {
        panic!("not at the provider");
    };
    let csrf = hidden(&body, "csrf");
    let form = [
        ("csrf", &*csrf),
        ("username", "admin"),
        ("password", "admin-password"),
        ("action", "sign-in"),
    ];
    let Visit::Page { status, url, .. } = victim.submit(&url, &form).await else {
        panic!("the attacker's client got a code");
    };
    assert_eq!((status, url.path()), (400, "/oauth/callback"));
}

#[tokio::test]
async fn a_sign_in_whose_token_would_be_refused_says_so_at_once() {
    let world = start_with(|builder| builder.env("OIDC_AUDIENCE", "another-api")).await;
    let app = App::register(&world, REDIRECT).await;
    let back = Browser::default()
        .sign_in(&app.authorize_url(REDIRECT), "editor")
        .await;
    assert_eq!(param(&back, "error").as_deref(), Some("access_denied"));
    let said = param(&back, "error_description").unwrap();
    assert!(said.contains("signing in again does not help"), "{said}");
    let output = world.server.output();
    let warnings: Vec<&str> = output
        .lines()
        .filter(|line| line.contains("sign-in refused"))
        .collect();
    let [warning] = warnings[..] else {
        panic!("one line in {output}")
    };
    // The reason, what the token has, and the setting to compare it with.
    for word in ["WARN", "audience", world.idp.audience(), "OIDC_AUDIENCE"] {
        assert!(warning.contains(word), "{word} in {warning}");
    }
}

#[tokio::test]
async fn a_sign_in_at_trace_level_prints_no_secret() {
    let world = start_with(|builder| builder.env("LOG_LEVEL", "trace")).await;
    let app = App::register(&world, REDIRECT).await;
    let mut browser = Browser::default();
    let back = browser
        .sign_in(&app.authorize_url(REDIRECT), "editor")
        .await;
    let tokens = app.redeem(&back, REDIRECT).await;
    let access = text(&tokens, "access_token");
    // Not a tool: the stub's answers hold the token on purpose.
    let list = world
        .server
        .mcp()
        .rpc(Some(access), "tools/list", json!({}))
        .await
        .unwrap();
    assert_eq!(list.status, 200, "{}", list.text);
    let (_, fresh) = app.refresh(text(&tokens, "refresh_token")).await;
    let code = param(&back, "code").unwrap();
    app.redeem_again(&code).await;
    let output = world.server.output();
    for (name, secret) in [
        ("code", &*code),
        ("access token", access),
        ("refresh token", text(&tokens, "refresh_token")),
        ("fresh access token", text(&fresh, "access_token")),
        ("client id", &app.id),
        ("state", "app-state-0123456789"),
        ("key", KEY),
        ("a JWT", "eyJ"),
    ] {
        assert!(traces(&output, secret).is_empty(), "{name} was printed");
    }
}

#[tokio::test]
async fn sign_ins_at_two_servers_on_one_host_do_not_end_each_other() {
    let world = start().await;
    let second = with_proxy(settings(&world.idp, &world.datahub))
        .start()
        .unwrap();
    let callbacks = [
        world.server.url("/oauth/callback"),
        second.url("/oauth/callback"),
    ];
    let client = callbacks
        .into_iter()
        .fold(Client::public(PUBLIC_CLIENT), |client, callback| {
            client.redirect(callback)
        });
    world.idp.register(client);
    let apps = [
        App::register(&world, REDIRECT).await,
        App::register_at(&second, REDIRECT).await,
    ];

    // One browser, whose cookies know no ports.
    let mut browser = Browser::default();
    let mut asked = Vec::new();
    for app in &apps {
        asked.push(browser.open(&app.authorize_url(REDIRECT)).await);
    }
    for (app, visit) in apps.iter().zip(asked) {
        let back = browser.finish(visit, "editor").await;
        app.redeem(&back, REDIRECT).await;
    }
    // Both remember what was agreed to.
    for app in &apps {
        let back = browser.open(&app.authorize_url(REDIRECT)).await.back();
        app.redeem(&back, REDIRECT).await;
    }
}

//! What was revoked stays revoked: after a restart without Redis, and while Redis has not said what
//! was. `/ready` and the metrics say so.

use std::{fs, path::Path};

use integration_tests::{ServerBuilder, mcp::http_client};
use sandbox::idp::{Options, PUBLIC_CLIENT};
use serde_json::{Value, json};

use crate::{
    oauth_world::{App, Browser, KEY, REDIRECT, admit, start_with, text},
    world::{World, settings},
};

pub(crate) async fn sign_in(world: &World) -> (App, Value) {
    let app = App::register(world, REDIRECT).await;
    let url = app.authorize_url(REDIRECT);
    let back = Browser::default().sign_in(&url, "editor").await;
    let tokens = app.redeem(&back, REDIRECT).await;
    (app, tokens)
}

pub(crate) async fn status(world: &World, tokens: &Value) -> u16 {
    let mcp = world.server.mcp();
    let access = Some(text(tokens, "access_token"));
    let reply = mcp.call(access, "search", json!({"query": "*"})).await;
    reply.unwrap().status
}

/// The status of `/ready`, and the state of the store there.
async fn ready(world: &World) -> (u16, Value) {
    let request = world.server.mcp().http().get(world.server.url("/ready"));
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["parts"]["store"].clone())
}

/// Stops the server and starts another one in its place.
async fn restart(world: World, adapt: impl FnOnce(ServerBuilder) -> ServerBuilder) -> World {
    let World {
        idp,
        datahub,
        server,
    } = world;
    let port = server.address().port().to_string();
    server.stop().unwrap();
    let builder = settings(&idp, &datahub)
        .env("OIDC_CLIENT_ID", PUBLIC_CLIENT)
        .env("DATAHUB_MCP_PORT", port);
    let server = adapt(builder).start().unwrap();
    World {
        idp,
        datahub,
        server,
    }
}

pub(crate) fn with_state(builder: ServerBuilder, directory: &Path) -> ServerBuilder {
    builder
        .env("OIDC_CLIENT_ID", PUBLIC_CLIENT)
        .env("OAUTH_STATE_DIR", directory.display().to_string())
}

/// The kind of store that `/ready` names.
async fn kind(world: &World) -> String {
    let answer = http_client().get(world.server.url("/ready")).send().await;
    let body: Value = answer.unwrap().json().await.unwrap();
    body["kinds"]["store"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn ready_names_each_kind_of_store() {
    for (url, expected) in [
        (None, "memory"),
        (Some("redis+sentinel://127.0.0.1:1/main"), "redis-sentinel"),
        (Some("redis+cluster://127.0.0.1:1"), "redis-cluster"),
        (Some("redis://127.0.0.1:1"), "redis"),
    ] {
        let world = start_with(|builder| match url {
            Some(url) => builder.env("OAUTH_STORE_URL", url),
            None => builder,
        });
        assert_eq!(kind(&world.await).await, expected);
    }
    let without = World::start().await;
    let answer = http_client().get(without.server.url("/ready")).send().await;
    let body: Value = answer.unwrap().json().await.unwrap();
    assert_eq!(body["kinds"], Value::Null, "nobody signs in there");
}

#[tokio::test]
async fn a_restart_does_not_revive_what_was_revoked() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("state");
    let world = World::with(Options::default(), |builder| {
        with_state(builder, &directory)
    })
    .await;
    admit(&world);
    assert_eq!(ready(&world).await, (200, json!("in memory")));
    assert_eq!(kind(&world).await, "file");
    let (left, revoked) = sign_in(&world).await;
    let (_, kept) = sign_in(&world).await;
    let form = [
        ("token", text(&revoked, "access_token")),
        ("client_id", &*left.id),
    ];
    assert_eq!(left.post("/oauth/revoke", &form).await.0, 200);

    let world = restart(world, |builder| with_state(builder, &directory)).await;
    assert_eq!(status(&world, &kept).await, 200);
    assert_eq!(status(&world, &revoked).await, 401);
    let refresh = text(&revoked, "refresh_token");
    let (code, answer) = left.refresh(refresh).await;
    assert_eq!((code, text(&answer, "error")), (400, "invalid_grant"));

    // A list that cannot be read is not an empty list.
    fs::write(directory.join("oauth-ended-sign-ins"), "").unwrap();
    let World {
        idp,
        datahub,
        server,
    } = world;
    server.stop().unwrap();
    let refusal = with_state(settings(&idp, &datahub), &directory).refuse();
    refusal
        .unwrap()
        .assert_says(&["oauth-ended-sign-ins", "is damaged", "hint:"]);
}

#[tokio::test]
async fn a_server_without_a_place_for_the_list_says_so() {
    let world = start_with(|builder| builder).await;
    let output = world.server.output();
    assert!(output.contains("OAUTH_STATE_DIR"), "{output}");
    let home = tempfile::tempdir().unwrap();
    let home = home.path().display().to_string();
    let world = start_with(|builder| builder.env("HOME", home)).await;
    let output = world.server.output();
    assert!(!output.contains("OAUTH_STATE_DIR"), "{output}");
}

#[tokio::test]
async fn without_redis_no_token_of_ours_is_good_and_ready_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let world = start_with(|builder| builder).await;
    let (_, tokens) = sign_in(&world).await;
    assert_eq!(status(&world, &tokens).await, 200);
    let socket = directory.path().join("nobody.sock");
    let world = restart(world, |builder| {
        builder
            .env("OAUTH_TOKEN_KEYS", KEY)
            .env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0")
            .env("OAUTH_STORE_URL", format!("unix://{}", socket.display()))
    })
    .await;
    assert_eq!(status(&world, &tokens).await, 503);
    assert_eq!(ready(&world).await, (503, json!("unavailable")));
    assert_eq!(kind(&world).await, "redis");
    let metrics = world.server.metrics().await.unwrap();
    let info = "\ndatahub_mcp_store_info{kind=\"redis\"} 1\n";
    assert!(metrics.contains(info), "{metrics}");
    assert!(metrics.contains("\ndatahub_mcp_store_up 0\n"), "{metrics}");
    let failures = metrics
        .lines()
        .find_map(|line| line.strip_prefix("datahub_mcp_store_failures_total "));
    let failures: u64 = failures.unwrap().parse().unwrap();
    assert!(failures >= 1);
}

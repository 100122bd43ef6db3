//! What an operator does about a client, with the real command line beside real servers; and what a
//! client's revocation does at the provider, after restarts and at other replicas.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use integration_tests::{Mcp, Server, artifacts, until};
use sandbox::idp::{Endpoint, Options, PUBLIC_CLIENT};
use serde_json::{Value, json};

use crate::{
    oauth_world::{App, Browser, KEY, REDIRECT, Visit, admit, text, until_the_store_answers},
    world::{World, settings},
};

/// The settings that server and command line share.
type Shared = BTreeMap<&'static str, String>;

async fn clients(shared: &Shared, args: &[&str]) -> Output {
    let mut command = Command::new(artifacts().server());
    command.env_clear().envs(shared).arg("clients").args(args);
    command.stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

async fn listed(shared: &Shared) -> Vec<Value> {
    let output = clients(shared, &["list", "--json"]).await;
    let (text, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{errors}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{errors}"))
}

async fn status(mcp: &Mcp, tokens: &Value) -> u16 {
    let access = Some(text(tokens, "access_token"));
    let reply = mcp.call(access, "search", json!({"query": "*"})).await;
    reply.unwrap().status
}

async fn sign_in(world: &World) -> (App, Value) {
    let app = App::register(world, REDIRECT).await;
    let url = app.authorize_url(REDIRECT);
    let back = Browser::default().sign_in(&url, "editor").await;
    let tokens = app.redeem(&back, REDIRECT).await;
    (app, tokens)
}

/// A world whose server has these settings.
async fn world(shared: &Shared) -> World {
    let world = World::with(Options::default(), |builder| {
        let builder = builder.env("OIDC_CLIENT_ID", PUBLIC_CLIENT);
        shared
            .iter()
            .fold(builder, |builder, (name, value)| builder.env(name, value))
    })
    .await;
    admit(&world);
    world
}

/// Another server beside the one of `world`, with its public URL.
fn replica(world: &World, shared: &Shared) -> Server {
    let builder = settings(&world.idp, &world.datahub).env("OIDC_CLIENT_ID", PUBLIC_CLIENT);
    let builder = builder.env("PUBLIC_URL", world.server.url(""));
    let builder = shared
        .iter()
        .fold(builder, |builder, (name, value)| builder.env(name, value));
    builder.start().unwrap()
}

/// A Redis on a socket of its own; killed when dropped.
struct Redis {
    child: Child,
    directory: tempfile::TempDir,
}

impl Redis {
    async fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new("redis-server")
            .args([
                "--port",
                "0",
                "--save",
                "",
                "--appendonly",
                "no",
                "--unixsocket",
            ])
            .arg(directory.path().join("redis.sock"))
            .arg("--dir")
            .arg(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            test_support::skipped("redis-server");
            return None;
        };
        let redis = Self { child, directory };
        let socket = redis.socket();
        until("redis-server starts", async || {
            tokio::net::UnixStream::connect(&socket).await.is_ok()
        })
        .await;
        Some(redis)
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn an_operator_lists_blocks_and_unblocks(world: &World, shared: &Shared) {
    assert!(listed(shared).await.is_empty());
    let (app, tokens) = sign_in(world).await;
    let (_, others) = sign_in(world).await;
    let all = listed(shared).await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(
        (&all[0]["name"], &all[0]["kind"]),
        (&json!("Claude Code"), &json!("registered"))
    );
    let table = clients(shared, &["list"]).await;
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(
        table.starts_with("ID ") && table.contains("Claude Code"),
        "{table}"
    );

    let mcp = world.server.mcp();
    assert_eq!(status(&mcp, &tokens).await, 200);
    let blocked = clients(shared, &["block", &app.id]).await;
    assert!(blocked.status.success(), "{blocked:?}");
    let blocked = String::from_utf8(blocked.stdout).unwrap();
    let id = blocked.split(' ').next().unwrap().to_owned();
    until("its token is refused", async || {
        status(&mcp, &tokens).await == 401
    })
    .await;
    let (code, answer) = app.refresh(text(&tokens, "refresh_token")).await;
    assert_eq!((code, text(&answer, "error")), (400, "invalid_grant"));
    let Visit::Page {
        status: code, body, ..
    } = Browser::default().open(&app.authorize_url(REDIRECT)).await
    else {
        panic!("the person was sent on");
    };
    assert_eq!(code, 403);
    assert!(body.contains("blocked this app"), "{body}");
    assert_eq!(status(&mcp, &others).await, 200, "nobody else is touched");
    let all = listed(shared).await;
    let of_it = all.iter().find(|client| client["id"] == *id).unwrap();
    assert!(of_it["blocked_at"].is_u64(), "{of_it}");

    let ended = clients(shared, &["unblock", &id]).await;
    assert!(ended.status.success(), "{ended:?}");
    until("its token is good again", async || {
        status(&mcp, &tokens).await == 200
    })
    .await;
    assert_eq!(app.refresh(text(&tokens, "refresh_token")).await.0, 200);
}

#[tokio::test]
async fn clients_are_blocked_in_the_state_directory() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("state").display().to_string();
    let shared: Shared = [("OAUTH_STATE_DIR", directory)].into();
    let world = world(&shared).await;
    an_operator_lists_blocks_and_unblocks(&world, &shared).await;
}

#[tokio::test]
async fn clients_are_blocked_in_redis_for_all_replicas() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let mut shared: Shared = [
        ("OAUTH_TOKEN_KEYS", KEY.to_owned()),
        ("OAUTH_STORE_URL", redis.url()),
    ]
    .into();
    let world = world(&shared).await;
    until_the_store_answers(&world.server).await;
    // The command line needs the URL of the servers, which Redis's keys have in them.
    let refused = clients(&shared, &["list"]).await;
    assert_eq!(refused.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("PUBLIC_URL"));
    let other = replica(&world, &shared);
    until_the_store_answers(&other).await;
    shared.insert("PUBLIC_URL", world.server.url(""));
    an_operator_lists_blocks_and_unblocks(&world, &shared).await;

    let (app, tokens) = sign_in(&world).await;
    assert_eq!(status(&other.mcp(), &tokens).await, 200);
    clients(&shared, &["block", &app.id]).await;
    until("the other replica refuses it", async || {
        status(&other.mcp(), &tokens).await == 401
    })
    .await;
}

#[tokio::test]
async fn the_command_line_says_what_is_wrong() {
    let nowhere: Shared = [("OAUTH_TOKEN_KEYS", KEY.to_owned())].into();
    let refused = clients(&nowhere, &["list"]).await;
    assert_eq!(refused.status.code(), Some(64));
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert!(
        errors.contains("OAUTH_STATE_DIR") && errors.contains("OAUTH_STORE_URL"),
        "{errors}"
    );

    let root = tempfile::tempdir().unwrap();
    let shared: Shared = [("OAUTH_STATE_DIR", root.path().display().to_string())].into();
    assert!(listed(&shared).await.is_empty());
    let refused = clients(&shared, &["block", "no\tclient"]).await;
    assert_eq!(refused.status.code(), Some(64));
    std::fs::write(root.path().join("oauth-clients"), "x").unwrap();
    for args in [&["list"][..], &["block", "x"]] {
        let refused = clients(&shared, args).await;
        assert_eq!(refused.status.code(), Some(1), "{args:?}");
    }
    // The server does not start with it either: nobody would be blocked any more.
    let world = World::start().await;
    let builder = settings(&world.idp, &world.datahub)
        .env("OIDC_CLIENT_ID", PUBLIC_CLIENT)
        .env("OAUTH_STATE_DIR", root.path().display().to_string());
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(root.path().join("oauth-clients"), permissions).unwrap();
    builder
        .refuse()
        .unwrap()
        .assert_says(&["oauth-clients", "is damaged", "hint:"]);
}

/// RFC 7009: what is revoked by its access token ends at the provider, at every replica, and stays
/// ended when all of them start again.
#[tokio::test]
async fn a_revoked_access_token_has_ended_everywhere() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let shared: Shared = [
        ("OAUTH_TOKEN_KEYS", KEY.to_owned()),
        ("OAUTH_STORE_URL", redis.url()),
    ]
    .into();
    let world = world(&shared).await;
    let other = replica(&world, &shared);
    until_the_store_answers(&world.server).await;
    until_the_store_answers(&other).await;
    let (app, revoked) = sign_in(&world).await;
    let (_, kept) = sign_in(&world).await;
    assert_eq!(status(&other.mcp(), &revoked).await, 200);
    assert_eq!(world.idp.requests(Endpoint::Revocation), 0);
    let form = [
        ("token", text(&revoked, "access_token")),
        ("client_id", &*app.id),
    ];
    assert_eq!(app.post("/oauth/revoke", &form).await.0, 200);
    assert_eq!(status(&world.server.mcp(), &revoked).await, 401, "at once");
    until("the provider is told", async || {
        world.idp.requests(Endpoint::Revocation) > 0
    })
    .await;
    until("the other replica knows", async || {
        status(&other.mcp(), &revoked).await == 401
    })
    .await;
    let (code, answer) = app.refresh(text(&revoked, "refresh_token")).await;
    assert_eq!((code, text(&answer, "error")), (400, "invalid_grant"));

    other.stop().unwrap();
    let next = replica(&world, &shared);
    until("the next one knows", async || {
        status(&next.mcp(), &revoked).await == 401
    })
    .await;
    assert_eq!(status(&next.mcp(), &kept).await, 200);
}

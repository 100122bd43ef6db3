//! New plugin files under load, broken ones, and plugins in a process of their own that die.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use integration_tests::{Mcp, Server, ServerBuilder, StubDataHub, artifacts};
use rustix::process::Signal;
use serde_json::{Value, json};

/// A plugin directory of its own with `library` of the build in it.
fn plugin_dir(library: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    put(dir.path(), &fs::read(artifacts().plugin(library)).unwrap());
    dir
}

/// Puts a library in place as an operator should: written aside, then renamed.
fn put(dir: &Path, bytes: &[u8]) {
    let aside = dir.join("new");
    fs::write(&aside, bytes).unwrap();
    fs::set_permissions(&aside, fs::Permissions::from_mode(0o644)).unwrap();
    fs::rename(&aside, dir.join("libhostile.so")).unwrap();
}

fn server(dir: &Path, datahub: &StubDataHub, factory: &str, options: &Value) -> ServerBuilder {
    Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("TOKEN_VALIDATOR_PLUGIN_DIR", dir.display().to_string())
        .env("TOKEN_VALIDATOR_FACTORY", format!("hostile:{factory}"))
        .env("TOKEN_VALIDATOR_CONFIG", options.to_string())
}

async fn status(mcp: &Mcp, token: &str) -> u16 {
    mcp.rpc(Some(token), "tools/list", json!({}))
        .await
        .unwrap()
        .status
}

/// Waits until `done`; another process does it, so there is nothing to wait on but time.
async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let wait = async {
        while !done().await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let limit = std::time::Duration::from_secs(60);
    assert!(
        tokio::time::timeout(limit, wait).await.is_ok(),
        "not within a minute: {what}"
    );
}

#[tokio::test]
async fn new_files_are_taken_under_load_without_a_failed_request() {
    let datahub = StubDataHub::start().await.unwrap();
    let dir = plugin_dir("hostile");
    let server = Arc::new(
        server(dir.path(), &datahub, "good", &json!({"ttl_s": 0}))
            .start()
            .unwrap(),
    );
    let mcp = server.mcp();
    let load = tokio::spawn({
        let mcp = mcp.clone();
        async move {
            let mut statuses = std::collections::BTreeMap::new();
            for round in 0..150 {
                let calls = (0..8).map(|number| {
                    let (mcp, token) = (mcp.clone(), format!("good-{round}-{number}"));
                    async move { status(&mcp, &token).await }
                });
                for status in futures::future::join_all(calls).await {
                    *statuses.entry(status).or_insert(0) += 1;
                }
            }
            statuses
        }
    });
    let bytes = fs::read(artifacts().plugin("hostile")).unwrap();
    for number in 0..5_u8 {
        // Another file of the same meaning: what follows the last section is not looked at.
        put(dir.path(), &[bytes.as_slice(), &[number]].concat());
        let before = server.output().matches("validator reloaded").count();
        server.signal(Signal::HUP).unwrap();
        until("a reload", async || {
            server.output().matches("validator reloaded").count() > before
        })
        .await;
    }
    let statuses = load.await.unwrap();
    assert_eq!(
        statuses.keys().copied().collect::<Vec<_>>(),
        [200],
        "{statuses:?}\n{}",
        server.output()
    );
}

#[tokio::test]
async fn a_broken_new_file_leaves_the_old_one_serving() {
    let datahub = StubDataHub::start().await.unwrap();
    let dir = plugin_dir("hostile");
    let server = server(dir.path(), &datahub, "good", &json!({"ttl_s": 0}))
        .start()
        .unwrap();
    let mcp = server.mcp();
    assert_eq!(status(&mcp, "good-before").await, 200);
    let bytes = fs::read(artifacts().plugin("hostile")).unwrap();
    put(dir.path(), &bytes[..bytes.len() / 2]);
    let before = server.output().len();
    server.signal(Signal::HUP).unwrap();
    until("a word about the broken file", async || {
        server.output()[before..].contains("libhostile.so")
    })
    .await;
    assert_eq!(status(&mcp, "good-after").await, 200);
    assert_eq!(status(&mcp, "bad").await, 401);
}

#[tokio::test]
async fn a_plugin_that_dies_in_its_own_process_costs_its_requests_and_comes_back() {
    for how in ["abort", "segfault", "exit"] {
        let datahub = StubDataHub::start().await.unwrap();
        let dir = plugin_dir("hostile");
        let options = json!({"how": how, "trigger": "good-bad"});
        let server = server(dir.path(), &datahub, "dies", &options)
            .env("PLUGIN_ISOLATION", "process")
            .env("TOKEN_VALIDATOR_BREAKER_FAULTS", "1000")
            .start()
            .unwrap();
        let mcp = server.mcp();
        assert_eq!(status(&mcp, "good-before").await, 200, "{how}");
        assert_eq!(
            status(&mcp, "good-bad").await,
            503,
            "{how}\n{}",
            server.output()
        );
        let health = mcp.http().get(server.url("/health")).send().await.unwrap();
        assert_eq!(health.status(), 200, "{how}");
        // A token that was not asked about before: the new process answers.
        until("the plugin's process is back", async || {
            status(&mcp, "good-after").await == 200
        })
        .await;
    }
}

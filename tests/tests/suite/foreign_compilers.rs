//! Plugins of other compilers than the host's: they load, validate, and their panics become errors.
//!
//! `FOREIGN_PLUGIN_DIRS` names directories that hold `libhostile.so` (`tests/compilers/build` makes
//! and prints them). Unset, the test says that it is skipped.

use std::path::Path;

use integration_tests::{Server, StubDataHub};
use serde_json::{Value, json};

async fn status(directory: &Path, factory: &str, options: &Value, token: &str) -> (u16, String) {
    let datahub = StubDataHub::start().await.unwrap();
    let server = Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env(
            "TOKEN_VALIDATOR_PLUGIN_DIR",
            directory.display().to_string(),
        )
        .env("TOKEN_VALIDATOR_FACTORY", format!("hostile:{factory}"))
        .env("TOKEN_VALIDATOR_CONFIG", options.to_string())
        .start()
        .unwrap();
    let reply = server
        .mcp()
        .call(Some(token), "search", json!({"query": "*"}))
        .await
        .unwrap();
    (reply.status, server.output())
}

#[tokio::test]
async fn plugins_of_other_compilers_are_as_good_as_ours() {
    let Some(directories) = std::env::var_os("FOREIGN_PLUGIN_DIRS") else {
        test_support::skipped("FOREIGN_PLUGIN_DIRS");
        return;
    };
    let mut seen = 0;
    for directory in std::env::split_paths(&directories) {
        seen += 1;
        let name = directory.display();
        for fast in [true, false] {
            let options = json!({"fast": fast});
            let (good, output) = status(&directory, "good", &options, "good-person").await;
            assert_eq!(good, 200, "{name}, fast: {fast}\n{output}");
            let (bad, output) = status(&directory, "good", &options, "bad-person").await;
            assert_eq!(bad, 401, "{name}, fast: {fast}\n{output}");
        }
        for at in ["try_validate", "first_poll", "later_poll"] {
            let (panicked, output) =
                status(&directory, "panics", &json!({"at": at}), "good-person").await;
            assert_eq!(panicked, 503, "{name}, {at}\n{output}");
        }
    }
    assert!(seen > 0, "FOREIGN_PLUGIN_DIRS names no directory");
}

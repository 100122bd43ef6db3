//! Plugins over the C header: a library in C and one in Go.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use integration_tests::{PluginDir, StubDataHub, status, until, vendor};
use rustix::process::Signal;
use serde_json::json;

use crate::vendor_plugins::assert_serves;

/// Where the libraries are built.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn in_c() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| vendor::in_c(target()).unwrap())
}

#[tokio::test]
async fn a_library_in_c_serves_at_once_and_from_its_own_threads() {
    for (factory, good, bad) in [
        ("vendor_c:prefix", "c-ada", ["c-!", "other"]),
        ("vendor_c:slow", "slow-5-ada", ["slow-0-!", "other"]),
    ] {
        assert_serves(in_c(), factory, &json!({}), good, &bad).await;
    }
}

#[tokio::test]
async fn a_call_in_c_that_takes_too_long_is_cancelled_and_does_not_hold_up_the_stop() {
    assert_cancels(in_c(), "vendor_c:slow").await;
}

/// `None`, and a word about it, where there is no Go.
fn in_go() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| vendor::in_go(target()).unwrap());
    if library.is_none() {
        test_support::skipped("go");
    }
    library.as_deref()
}

#[tokio::test]
async fn a_library_in_go_serves_at_once_and_from_goroutines() {
    let Some(library) = in_go() else {
        return;
    };
    for (factory, good, bad) in [
        ("vendor_go:prefix", "go-ada", ["go-!", "other"]),
        ("vendor_go:slow", "slow-5-ada", ["slow-0-!", "other"]),
    ] {
        assert_serves(library, factory, &json!({}), good, &bad).await;
    }
}

#[tokio::test]
async fn a_call_in_go_that_takes_too_long_is_cancelled_and_does_not_hold_up_the_stop() {
    let Some(library) = in_go() else {
        return;
    };
    assert_cancels(library, "vendor_go:slow").await;
}

/// Two Go runtimes in one process are more than Go supports; a process of its own has one.
#[tokio::test]
async fn another_library_in_go_is_taken_in_a_process_of_its_own_only() {
    let Some(library) = in_go() else {
        return;
    };
    let datahub = StubDataHub::start().await.unwrap();
    for (mode, expected) in [
        ("in-process", "holds another library in Go already"),
        ("process", "validator reloaded"),
    ] {
        let plugins = PluginDir::with(library).unwrap();
        let server = plugins
            .server(&datahub, "vendor_go:slow", &json!({}))
            .env("PLUGIN_ISOLATION", mode)
            .start()
            .unwrap();
        let mcp = server.mcp();
        assert_eq!(status(&mcp, "slow-0-before").await, 200, "{mode}");
        plugins.put_version(1).unwrap();
        server.signal(Signal::HUP).unwrap();
        until(expected, async || server.output().contains(expected)).await;
        assert_eq!(status(&mcp, "slow-0-after").await, 200, "{mode}");
    }
}

/// Calls that take too long are cancelled, and the server ends as it should.
async fn assert_cancels(library: &Path, factory: &str) {
    let datahub = StubDataHub::start().await.unwrap();
    let server = PluginDir::with(library)
        .unwrap()
        .server(&datahub, factory, &json!({}))
        .env("TOKEN_VALIDATOR_TIMEOUT_MS", "200")
        .start()
        .unwrap();
    let mcp = server.mcp();
    for call in 0..4 {
        let token = format!("slow-60000-p{call}");
        assert_eq!(status(&mcp, &token).await, 503, "{}", server.output());
    }
    assert_eq!(status(&mcp, "slow-0-ada").await, 200, "{}", server.output());
    // The validator can only be destroyed once its calls came back, which cancelling makes them do.
    let (status, output) = server.stop().unwrap();
    assert!(status.success(), "{status:?}\n{output}");
}

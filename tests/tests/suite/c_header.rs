//! Plugins over the C header: a library in C and one in Go.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use integration_tests::{StubDataHub, artifacts::workspace_root};
use rustix::process::Signal;
use serde_json::json;

use crate::{
    plugin_files::{PluginDir, status, until},
    vendor_plugins::assert_serves,
};

/// The library in C, built as its Makefile does.
fn in_c() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let root = workspace_root();
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libvendor_c.so");
        let built = Command::new("cc")
            .args([
                "-std=c11",
                "-O2",
                "-fPIC",
                "-shared",
                "-fvisibility=hidden",
                "-pthread",
                "-I",
            ])
            .arg(root.join("plugin-api/include"))
            .arg(root.join("tests/vendor/c/vendor_c.c"))
            .arg("-o")
            .arg(&library)
            .status()
            .unwrap();
        assert!(built.success(), "the library in C does not build");
        library
    })
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

/// The library in Go, built as its first lines say; `None` where there is no Go.
fn in_go() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let library = target.join("go/libvendor_go.so");
        let built = Command::new("go")
            .args(["build", "-buildmode=c-shared", "-buildvcs=false", "-o"])
            .arg(&library)
            .current_dir(workspace_root().join("tests/vendor/go"))
            .env("GOCACHE", target.join("go-cache"))
            .env("GOFLAGS", "")
            .env("GOPROXY", "off")
            .env("CGO_ENABLED", "1")
            .status();
        match built {
            Ok(status) => {
                assert!(status.success(), "the library in Go does not build");
                Some(library)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => panic!("go: {error}"),
        }
    });
    library.as_deref()
}

#[tokio::test]
async fn a_library_in_go_serves_at_once_and_from_goroutines() {
    let Some(library) = in_go() else {
        eprintln!("skipped: there is no `go`");
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
        eprintln!("skipped: there is no `go`");
        return;
    };
    assert_cancels(library, "vendor_go:slow").await;
}

/// Two Go runtimes in one process are more than Go supports; a process of its own has one.
#[tokio::test]
async fn another_library_in_go_is_taken_in_a_process_of_its_own_only() {
    let Some(library) = in_go() else {
        eprintln!("skipped: there is no `go`");
        return;
    };
    let datahub = StubDataHub::start().await.unwrap();
    for (mode, expected) in [
        ("in-process", "holds another library in Go already"),
        ("process", "validator reloaded"),
    ] {
        let plugins = PluginDir::with(library);
        let server = plugins
            .server(&datahub, "vendor_go:slow", &json!({}))
            .env("PLUGIN_ISOLATION", mode)
            .start()
            .unwrap();
        let mcp = server.mcp();
        assert_eq!(status(&mcp, "slow-0-before").await, 200, "{mode}");
        plugins.put_version(1);
        server.signal(Signal::HUP).unwrap();
        until(expected, async || server.output().contains(expected)).await;
        assert_eq!(status(&mcp, "slow-0-after").await, 200, "{mode}");
    }
}

/// Calls that take too long are cancelled, and the server ends as it should.
async fn assert_cancels(library: &Path, factory: &str) {
    let datahub = StubDataHub::start().await.unwrap();
    let server = PluginDir::with(library)
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

//! Plugins that were not built with the host: a vendor's workspace with its own versions of
//! everything, a library in C, and the stored libraries of released rungs.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use integration_tests::{Server, StubDataHub, artifacts::workspace_root};
use serde_json::{Value, json};

/// A plugin directory as an operator makes it, with one library.
fn installed(library: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let file = dir.path().join(library.file_name().unwrap());
    fs::copy(library, &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    dir
}

/// The good token is served as it is, the bad one gets 401, and the log names the validator.
async fn assert_serves(library: &Path, factory: &str, options: &Value, good: &str, bad: &[&str]) {
    let dir = installed(library);
    let datahub = StubDataHub::start().await.unwrap();
    let server = Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env(
            "TOKEN_VALIDATOR_PLUGIN_DIR",
            dir.path().display().to_string(),
        )
        .env("TOKEN_VALIDATOR_FACTORY", factory)
        .env("TOKEN_VALIDATOR_CONFIG", options.to_string())
        .start()
        .unwrap();
    let mcp = server.mcp();
    let search = json!({"query": "*"});
    for token in bad {
        let reply = mcp
            .call(Some(token), "search", search.clone())
            .await
            .unwrap();
        assert_eq!(
            reply.status,
            401,
            "{factory}: {}\n{}",
            reply.text,
            server.output()
        );
    }
    let reply = mcp.call(Some(good), "search", search).await.unwrap();
    assert_eq!(
        reply.status,
        200,
        "{factory}: {}\n{}",
        reply.text,
        server.output()
    );
    let (status, output) = server.stop().unwrap();
    assert!(status.success(), "{factory}: {status:?}\n{output}");
    assert!(
        !output.contains(good),
        "{factory}: the token is in the log:\n{output}"
    );
}

/// The vendor's library, built in the vendor's workspace.
fn notary() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let manifest = workspace_root().join("tests/vendor/rust/Cargo.toml");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vendor");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--manifest-path"])
            .arg(manifest)
            .env("CARGO_TARGET_DIR", &target)
            .status()
            .unwrap();
        assert!(built.success(), "the vendor's workspace does not build");
        target.join("debug/libnotary.so")
    })
}

fn notarised(secret: &str, content: &Value) -> String {
    let content = BASE64.encode(content.to_string());
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, content.as_bytes());
    format!("notary1.{content}.{}", BASE64.encode(signature))
}

#[tokio::test]
async fn a_vendors_library_with_its_own_versions_of_everything_serves() {
    let secret = "a secret of thirty-two bytes or more";
    let good = notarised(secret, &json!({"sub": "ada", "exp": 4_102_444_800_u64}));
    let forged = notarised(
        "another secret of as many bytes as that",
        &json!({"sub": "ada", "exp": 4_102_444_800_u64}),
    );
    let expired = notarised(secret, &json!({"sub": "ada", "exp": 1}));
    let options = json!({"secret": secret});
    let bad = [forged.as_str(), &expired, "notary1.x", "opaque"];
    assert_serves(notary(), "notary", &options, &good, &bad).await;
}

#[tokio::test]
async fn a_vendors_option_comes_from_the_variable_that_it_names() {
    let secret = "a secret that comes from the environment";
    let good = notarised(secret, &json!({"sub": "ada", "exp": 4_102_444_800_u64}));
    let dir = installed(notary());
    let datahub = StubDataHub::start().await.unwrap();
    let builder = Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env(
            "TOKEN_VALIDATOR_PLUGIN_DIR",
            dir.path().display().to_string(),
        )
        .env("TOKEN_VALIDATOR_FACTORY", "notary");
    let refusal = builder
        .clone()
        .env("NOTARY_SECRET", "too-short")
        .refuse()
        .unwrap();
    assert!(
        refusal.text.contains("at least 32 bytes"),
        "{}",
        refusal.text
    );
    assert!(!refusal.text.contains("too-short"), "{}", refusal.text);
    let server = builder.env("NOTARY_SECRET", secret).start().unwrap();
    let reply = server
        .mcp()
        .call(Some(&good), "search", json!({"query": "*"}))
        .await
        .unwrap();
    assert_eq!(reply.status, 200, "{}\n{}", reply.text, server.output());
}

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[tokio::test]
async fn the_stored_library_of_rung_1_0_serves() {
    let library = workspace_root().join("tests/fixtures/plugins/librung_1_0.so");
    for fast in [true, false] {
        let options = json!({"fast": fast});
        let bad = ["fixture-!", "other"];
        assert_serves(&library, "rung_1_0", &options, "fixture-ada", &bad).await;
    }
}

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
    let dir = installed(in_c());
    let datahub = StubDataHub::start().await.unwrap();
    let server = Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env(
            "TOKEN_VALIDATOR_PLUGIN_DIR",
            dir.path().display().to_string(),
        )
        .env("TOKEN_VALIDATOR_FACTORY", "vendor_c:slow")
        .env("TOKEN_VALIDATOR_TIMEOUT_MS", "200")
        .start()
        .unwrap();
    let mcp = server.mcp();
    let search = json!({"query": "*"});
    for call in 0..4 {
        let token = format!("slow-90000-p{call}");
        let reply = mcp
            .call(Some(&token), "search", search.clone())
            .await
            .unwrap();
        assert_eq!(reply.status, 503, "{}\n{}", reply.text, server.output());
    }
    let reply = mcp
        .call(Some("slow-0-ada"), "search", search)
        .await
        .unwrap();
    assert_eq!(reply.status, 200, "{}\n{}", reply.text, server.output());
    // The validator can only be destroyed once its calls came back, which cancelling makes them do.
    let (status, output) = server.stop().unwrap();
    assert!(status.success(), "{status:?}\n{output}");
}

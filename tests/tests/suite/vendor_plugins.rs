//! Plugins that were not built with the host: a vendor's workspace with its own versions of
//! everything, and the stored libraries of released ABI versions.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use aws_lc_rs::hmac;
use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use integration_tests::{Server, StubDataHub, artifacts, artifacts::workspace_root};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The year 2100.
const FAR: u64 = 4_102_444_800;

/// A plugin directory as an operator makes it, with one library.
fn installed(library: &Path) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let file = dir.path().join(library.file_name().unwrap());
    fs::copy(library, &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    dir
}

/// A server with the one library of `dir`.
fn server(dir: &TempDir, datahub: &StubDataHub, factory: &str, options: &Value) -> Server {
    Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env(
            "TOKEN_VALIDATOR_PLUGIN_DIR",
            dir.path().display().to_string(),
        )
        .env("TOKEN_VALIDATOR_FACTORY", factory)
        .env("TOKEN_VALIDATOR_CONFIG", options.to_string())
        .start()
        .unwrap()
}

/// The good token is served as it is, the bad one gets 401, and the log names the validator.
pub(crate) async fn assert_serves(
    library: &Path,
    factory: &str,
    options: &Value,
    good: &str,
    bad: &[&str],
) {
    let dir = installed(library);
    let datahub = StubDataHub::start().await.unwrap();
    let server = server(&dir, &datahub, factory, options);
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

/// A command of cargo on the whole of the vendor's workspace. `build --tests` and `test` want the
/// same features, so what the first has built the second finds.
fn in_the_vendors_workspace(command: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([command, "--quiet", "--locked", "--workspace", "--lib"])
        .arg("--manifest-path")
        .arg(workspace_root().join("tests/vendor/rust/Cargo.toml"))
        .env("CARGO_TARGET_DIR", vendors_target())
        // A vendor's code is not linted by our rules.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        // Nobody steps through it.
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    cargo
}

fn vendors_target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("vendor")
}

/// A library of the vendor's, built in the vendor's workspace.
pub(crate) fn of_the_vendor(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let built = in_the_vendors_workspace("build").arg("--tests").status();
        let message = "the vendor's workspace does not build";
        assert!(built.unwrap().success(), "{message}");
    });
    vendors_target().join(format!("debug/lib{name}.so"))
}

fn notary() -> PathBuf {
    of_the_vendor("notary")
}

#[test]
fn the_vendors_own_tests_pass() {
    notary();
    let tests = in_the_vendors_workspace("test").output().unwrap();
    let said = String::from_utf8_lossy(&tests.stdout);
    let errors = String::from_utf8_lossy(&tests.stderr);
    assert!(tests.status.success(), "{said}{errors}");
    // One for each library.
    assert_eq!(said.matches("test result: ok. ").count(), 3, "{said}");
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
    let good = notarised(secret, &json!({"sub": "ada", "exp": FAR}));
    let forged = notarised(
        "another secret of as many bytes as that",
        &json!({"sub": "ada", "exp": FAR}),
    );
    let expired = notarised(secret, &json!({"sub": "ada", "exp": 1}));
    let options = json!({"secret": secret});
    let bad = [forged.as_str(), &expired, "notary1.x", "opaque"];
    assert_serves(&notary(), "notary", &options, &good, &bad).await;
}

#[tokio::test]
async fn a_vendors_option_comes_from_the_variable_that_it_names() {
    let secret = "a secret that comes from the environment";
    let good = notarised(secret, &json!({"sub": "ada", "exp": FAR}));
    let dir = installed(&notary());
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

#[tokio::test]
async fn the_example_of_jwts_by_a_key_in_a_file_serves() {
    let keys = workspace_root().join("tests/vendor/rust/pem_jwt/src");
    let private = fs::read(keys.join("test_private.pem")).unwrap();
    let sign = |issuer: &str, audience: &str, exp: u64| {
        let claims = json!({"iss": issuer, "aud": audience, "sub": "ada", "exp": exp});
        let key = EncodingKey::from_ec_pem(&private).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap()
    };
    let issuer = "https://issuer.example.com";
    let options = json!({
        "key_file": keys.join("test_public.pem"), "algorithm": "ES256",
        "issuer": issuer, "audience": "datahub",
    });
    let good = sign(issuer, "datahub", FAR);
    let (signed, _) = good.rsplit_once('.').unwrap();
    let bad = [
        sign(issuer, "another", FAR),
        sign("https://another.example.com", "datahub", FAR),
        sign(issuer, "datahub", 1),
        format!("{signed}.{}", BASE64.encode([7; 64])),
        "opaque".to_owned(),
    ];
    let bad: Vec<_> = bad.iter().map(String::as_str).collect();
    assert_serves(&of_the_vendor("pem_jwt"), "pem_jwt", &options, &good, &bad).await;
}

/// A company's token service, as the example wants it, and what ends it when dropped.
async fn token_service() -> (String, DropGuard) {
    async fn introspect(headers: HeaderMap, Json(question): Json<Value>) -> Response {
        if headers[AUTHORIZATION] != "Bearer of-the-host" {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let answer = match question["token"].as_str().unwrap_or_default() {
            "opaque-ada" => json!({
                "active": true, "user": "ada", "expires_at": FAR, "scopes": ["read"],
                "datahub_token": "of-ada-at-datahub",
            }),
            "opaque-nobody" => json!({"active": true}),
            "opaque-outage" => return StatusCode::BAD_GATEWAY.into_response(),
            _ => json!({"active": false}),
        };
        Json(answer).into_response()
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/introspect", listener.local_addr().unwrap());
    let app = Router::new().route("/introspect", post(introspect));
    let stop = CancellationToken::new();
    let serving = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(serving.into_future());
    (url, stop.drop_guard())
}

#[tokio::test]
async fn the_example_that_asks_a_token_service_serves() {
    let (url, _running) = token_service().await;
    let options = json!({"url": url, "service_secret": "of-the-host", "allow_http": true});
    let library = of_the_vendor("introspector");
    let bad = ["opaque-revoked", "other"];
    assert_serves(&library, "introspector", &options, "opaque-ada", &bad).await;

    // What the service does not say is no reason to refuse the person, nor to let anybody in.
    let refused = json!({"url": url, "service_secret": "of-another", "allow_http": true});
    for (options, token, says) in [
        (&options, "opaque-outage", "the token service said 502"),
        (&options, "opaque-nobody", "active, but nobody's"),
        (
            &refused,
            "opaque-ada",
            "the token service refuses this host",
        ),
    ] {
        let dir = installed(&library);
        let datahub = StubDataHub::start().await.unwrap();
        let server = server(&dir, &datahub, "introspector", options);
        let search = json!({"query": "*"});
        let mcp = server.mcp();
        let reply = mcp.call(Some(token), "search", search).await.unwrap();
        let (_, output) = server.stop().unwrap();
        assert_eq!(reply.status, 503, "{token}: {}\n{output}", reply.text);
        assert!(output.contains(says), "no `{says}` in:\n{output}");
        assert_eq!(datahub.requests(), 0, "{token} reached datahub");
    }
}

/// The library of each released version, as it was built then.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[tokio::test]
async fn the_stored_libraries_serve() {
    let stored = workspace_root().join("tests/fixtures/plugins");
    for library in ["rung_1_0", "rung_1_1"] {
        for fast in [true, false] {
            let options = json!({"fast": fast});
            let bad = ["fixture-!", "other"];
            let file = stored.join(format!("lib{library}.so"));
            assert_serves(&file, library, &options, "fixture-ada", &bad).await;
        }
    }
    let file = stored.join("libheader_v1.so");
    for (factory, good) in [
        ("header_v1:prefix", "c-ada"),
        ("header_v1:slow", "slow-5-ada"),
    ] {
        assert_serves(&file, factory, &json!({}), good, &["c-!", "other"]).await;
    }
}

/// Each stored library is shown with the version that its header states.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[test]
fn the_stored_libraries_state_their_versions() {
    let stored = workspace_root().join("tests/fixtures/plugins");
    for (library, version) in [
        ("librung_1_0.so", "1.0"),
        ("librung_1_1.so", "1.1"),
        ("libheader_v1.so", "C 1.0"),
    ] {
        // A checkout may be group-writable.
        let dir = installed(&stored.join(library));
        let output = Command::new(artifacts().server())
            .args(["plugins", "inspect", "--json"])
            .arg(dir.path().join(library))
            .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["api"], version, "{report}");
    }
}

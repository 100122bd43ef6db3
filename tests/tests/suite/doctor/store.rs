//! The store of the sign-in.

use std::{
    net::{Ipv4Addr, TcpListener},
    process::Stdio,
};

use axum::{http::StatusCode, response::IntoResponse};
use integration_tests::until;

use super::{World, examine, stub};
use crate::{oauth_store::TlsRedis, tls::TlsServer};

/// A Redis with a password, which forgets when memory is short; killed when dropped. `None`, and a word
/// about it, where Redis is not installed.
async fn forgetful_redis(directory: &std::path::Path) -> Option<(tokio::process::Child, String)> {
    let socket = directory.join("redis.sock").display().to_string();
    let child = tokio::process::Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--unixsocket", &socket])
        .args(["--requirepass", "hunter2", "--dir"])
        .arg(directory)
        .args(["--maxmemory-policy", "allkeys-lru"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let Ok(child) = child else {
        test_support::skipped("redis-server");
        return None;
    };
    let listens = async || std::os::unix::net::UnixStream::connect(&socket).is_ok();
    until("redis listens", listens).await;
    Some((child, socket))
}

#[tokio::test]
async fn a_store_that_is_down_and_a_port_that_is_taken_are_failures() {
    let world = World::start().await;
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut settings = world.settings();
    settings.insert(
        "OAUTH_STORE_URL",
        "redis://me:hunter2@127.0.0.1:1/0".to_owned(),
    );
    settings.insert("DATAHUB_MCP_PORT", port.to_string());
    let examined = examine(&settings).await;
    examined.assert_fails("store", "Redis cannot be reached", "`OAUTH_STORE_URL`");
    examined.assert_fails("port", "already taken", "`DATAHUB_MCP_PORT`");
    assert!(!examined.text.contains("hunter2"), "{}", examined.text);
}

#[tokio::test]
async fn a_redis_is_asked_for_its_password_and_what_it_forgets() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_redis, socket)) = forgetful_redis(directory.path()).await else {
        return;
    };
    let world = World::start().await;
    let mut settings = world.settings();
    settings.insert("OAUTH_STORE_URL", format!("unix://{socket}?pass=hunter2"));
    let examined = examine(&settings).await;
    assert_eq!(examined.status, 0, "{}", examined.text);
    let seen = examined.find("store", "ok")["seen"].to_string();
    assert!(seen.contains("answers and runs scripts"), "{seen}");
    let warning = examined.find("store:eviction", "warn").to_string();
    assert!(
        warning.contains("`allkeys-lru`") && warning.contains("noeviction"),
        "{warning}"
    );
    assert!(!examined.text.contains("hunter2"), "{}", examined.text);
    for wrong in ["", "?pass=swordfish"] {
        settings.insert("OAUTH_STORE_URL", format!("unix://{socket}{wrong}"));
        let examined = examine(&settings).await;
        examined.assert_fails("store", "refuses user or password", "`OAUTH_STORE_URL`");
        assert!(!examined.text.contains("swordfish"), "{}", examined.text);
    }
}

#[tokio::test]
async fn tls_with_redis_that_fails_says_why_as_other_connections_do() {
    let world = World::start().await;
    let mut settings = world.settings();
    let server = TlsServer::start("localhost", "{}");
    let old = TlsServer::expired("localhost");
    let plain = stub(|_| StatusCode::OK.into_response()).await;
    let plain = plain.strip_prefix("http://").unwrap();
    let (trusted, expired) = (server.certificate(), old.certificate());
    let at = |url: &str| url.strip_prefix("https://").unwrap().to_owned();
    let (good, other) = (at(&server.url("localhost")), at(&server.url("127.0.0.1")));
    let old = at(&old.url("localhost"));
    for (place, bundle, seen, fix) in [
        (
            &*good,
            None,
            "authority that is not trusted",
            "`OUTBOUND_CA_FILE`",
        ),
        (
            &*other,
            Some(&trusted),
            "for another name",
            "`OAUTH_STORE_URL`",
        ),
        (
            &*old,
            Some(&expired),
            "has expired",
            "renew the server's certificate",
        ),
        (
            plain,
            None,
            "does not speak TLS",
            "write `redis://` in `OAUTH_STORE_URL`",
        ),
    ] {
        match bundle {
            Some(bundle) => settings.insert("OUTBOUND_CA_FILE", bundle.display().to_string()),
            None => settings.remove("OUTBOUND_CA_FILE"),
        };
        for url in [
            format!("rediss://:hunter2@{place}/0"),
            format!("rediss+sentinel://:hunter2@{place}/main"),
            format!("rediss+cluster://:hunter2@{place}"),
        ] {
            settings.insert("OAUTH_STORE_URL", url.clone());
            let examined = examine(&settings).await;
            if url.starts_with("rediss:") {
                examined.assert_fails("store", seen, fix);
            } else {
                examined.assert_fails("store", seen, "");
            }
            assert!(!examined.text.contains("hunter2"), "{}", examined.text);
        }
    }
}

#[tokio::test]
async fn what_is_not_redis_or_wants_tls_is_told_apart() {
    let world = World::start().await;
    let mut settings = world.settings();
    let http = stub(|_| StatusCode::OK.into_response()).await;
    settings.insert("OAUTH_STORE_URL", http.replace("http://", "redis://"));
    let examined = examine(&settings).await;
    examined.assert_fails("store", "Redis", "`OAUTH_STORE_URL`");

    let Some(redis) = TlsRedis::start().await else {
        return;
    };
    settings.insert(
        "OAUTH_STORE_URL",
        redis.url().replace("rediss://", "redis://"),
    );
    let examined = examine(&settings).await;
    examined.assert_fails("store", "wants TLS", "`rediss://` for TLS");
    settings.insert("OAUTH_STORE_URL", redis.url());
    let bundle = redis.certificate().display().to_string();
    settings.insert("OUTBOUND_CA_FILE", bundle);
    let examined = examine(&settings).await;
    examined.find("store", "ok");
}

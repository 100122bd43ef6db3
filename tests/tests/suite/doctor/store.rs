//! The store of the sign-in.

use std::{
    fs::{self, Permissions},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Stdio,
};

use axum::{http::StatusCode, response::IntoResponse};
use integration_tests::{Server, until};

use super::{World, examine, stub};
use crate::{oauth_failover::free_port, oauth_store::TlsRedis, tls::TlsServer};

/// A Redis with a password, which forgets when memory is short; killed when dropped. `None`, and a word
/// about it, where Redis is not installed.
async fn forgetful_redis(directory: &Path) -> Option<(tokio::process::Child, String)> {
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

/// A place that the server would refuse at its start is refused by the doctor, which makes nothing.
#[tokio::test]
async fn a_state_directory_that_cannot_be_used_is_told_before_the_start() {
    let world = World::start().await;
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let directory = |name: &str, mode: u32| {
        fs::create_dir(at(name)).unwrap();
        fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
    };
    let file = |name: &str, mode: u32| {
        fs::write(at(name), "no key").unwrap();
        fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
    };
    file("file", 0o600);
    symlink("/nowhere/at/all", at("link")).unwrap();
    for name in ["key", "loose", "list", "dir"] {
        directory(name, 0o700);
    }
    directory("open", 0o777);
    file("key/oauth-token-key", 0o600);
    file("loose/oauth-token-key", 0o644);
    file("list/oauth-ended-sign-ins", 0o600);
    directory("dir/oauth-token-key", 0o700);
    let kernel = Path::new("/proc/datahub-mcp").to_owned();
    let before = entries(place.path());
    for (directory, check, seen) in [
        (kernel, "sealing-key", "key file /proc/"),
        (at("file/below"), "sealing-key", "is not a directory"),
        (at("file"), "sealing-key", "is not a directory"),
        (
            at("link"),
            "sealing-key",
            "a link to a place that does not exist",
        ),
        (at("key"), "sealing-key", "does not hold a key"),
        (at("loose"), "sealing-key", "has mode 0644"),
        (at("dir"), "sealing-key", "it is not a file"),
        (at("open"), "store", "has mode 0777"),
        (at("list"), "store", "is damaged"),
    ] {
        let mut settings = world.settings();
        settings.remove("OAUTH_TOKEN_KEYS");
        let directory = directory.display().to_string();
        settings.insert("OAUTH_STATE_DIR", directory);
        let examined = examine(&settings).await;
        assert_eq!(examined.status, 1, "{}", examined.text);
        examined.assert_fails(check, seen, "");
        let mut server = Server::builder();
        for (name, value) in settings {
            server = server.env(name, value);
        }
        let refused = tokio::task::spawn_blocking(|| server.refuse());
        refused.await.unwrap().unwrap();
    }
    assert_eq!(entries(place.path()), before, "nothing was made");

    let mut settings = world.settings();
    settings.remove("OAUTH_TOKEN_KEYS");
    for new in ["new", "new/below/it"] {
        settings.insert("OAUTH_STATE_DIR", at(new).display().to_string());
        let examined = examine(&settings).await;
        assert_eq!(examined.status, 0, "{}", examined.text);
        let seen = examined.find("sealing-key", "ok")["seen"].to_string();
        assert!(seen.contains("is made at the first start"), "{seen}");
    }
    assert_eq!(entries(place.path()), before, "nothing was made");
}

fn entries(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

/// Each kind of store says what can be wrong with that kind.
#[tokio::test]
async fn sentinels_and_clusters_that_cannot_be_used_are_told_apart() {
    let world = World::start().await;
    let mut settings = world.settings();
    let http = stub(|_| StatusCode::OK.into_response()).await;
    let http = http.strip_prefix("http://").unwrap();
    for (place, why) in [
        ("127.0.0.1:1,127.0.0.1:2", "does not take connections"),
        ("redis.invalid:6379", "name cannot be resolved"),
        (http, "does not speak Redis's protocol"),
    ] {
        for (url, which, fix) in [
            (
                format!("redis+cluster://:hunter2@{place}"),
                "the Redis Cluster cannot be used",
                "one of the nodes",
            ),
            (
                format!("redis+sentinel://:hunter2@{place}/mymaster"),
                "no master behind the Sentinels can be used",
                "the master's name",
            ),
        ] {
            settings.insert("OAUTH_STORE_URL", url);
            let examined = examine(&settings).await;
            examined.assert_fails("store", &format!("{which}: it"), fix);
            examined.assert_fails("store", why, "`OAUTH_STORE_URL`");
            assert!(!examined.text.contains("hunter2"), "{}", examined.text);
        }
    }
    settings.insert("OAUTH_STORE_URL", "redis://redis.invalid".to_owned());
    let examined = examine(&settings).await;
    examined.assert_fails("store", "name cannot be resolved", "`OAUTH_STORE_URL`");
}

#[tokio::test]
async fn a_single_redis_and_a_cluster_are_not_taken_for_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start().await;
    let mut settings = world.settings();
    for (is_cluster, scheme, status, seen, fix) in [
        (
            false,
            "redis+cluster",
            "fail",
            "a single Redis",
            "`redis://`",
        ),
        (
            true,
            "redis",
            "fail",
            "a node of a cluster",
            "`redis+cluster://`",
        ),
    ] {
        let port = free_port();
        let child = tokio::process::Command::new("redis-server")
            .args(["--port", &port.to_string(), "--save", ""])
            // Else the port plus 10,000, which may be none.
            .args(["--cluster-port", &free_port().to_string()])
            .args([
                "--cluster-enabled",
                if is_cluster { "yes" } else { "no" },
                "--dir",
            ])
            .arg(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let Ok(_child) = child else {
            test_support::skipped("redis-server");
            return;
        };
        let listens = async || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        until("redis listens", listens).await;
        settings.insert("OAUTH_STORE_URL", format!("{scheme}://127.0.0.1:{port}"));
        let examined = examine(&settings).await;
        let check = examined.find("store", status).to_string();
        assert!(check.contains(seen) && check.contains(fix), "{check}");
    }
}

//! The sign-in proxy's store in a Redis that speaks TLS, as managed ones do.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::json;

use crate::oauth_world::{App, Browser, REDIRECT, Visit, hidden, start_with, text};

/// A Redis on loopback with a certificate of its own; killed when dropped.
struct TlsRedis {
    child: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl TlsRedis {
    /// `None` where Redis is not installed.
    async fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        fs::write(path("cert.pem"), made.cert.pem()).unwrap();
        fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", "0", "--save", ""])
            .args(["--tls-auth-clients", "no", "--tls-port"])
            .arg(port.to_string())
            .arg("--tls-cert-file")
            .arg(path("cert.pem"))
            .arg("--tls-key-file")
            .arg(path("key.pem"))
            .arg("--dir")
            .arg(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = child.ok()?;
        let redis = Self {
            child,
            port,
            directory,
        };
        let ready = tokio::time::timeout(Duration::from_secs(30), async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        ready.await.expect("redis-server starts");
        Some(redis)
    }

    fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}/0", self.port)
    }

    /// Its certificate, for those who trust it.
    fn certificate(&self) -> PathBuf {
        self.directory.path().join("cert.pem")
    }
}

impl Drop for TlsRedis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn people_sign_in_with_the_store_in_a_redis_behind_tls() {
    let Some(redis) = TlsRedis::start().await else {
        eprintln!("skipped: redis-server is not installed");
        return;
    };
    let world = start_with(|builder| {
        builder
            .env("OAUTH_STORE_URL", redis.url())
            .env("SSL_CERT_FILE", redis.certificate().display().to_string())
    })
    .await;
    let app = App::register(&world, REDIRECT).await;
    let back = Browser::default()
        .sign_in(&app.authorize_url(REDIRECT), "editor")
        .await;
    let tokens = app.redeem(&back, REDIRECT).await;
    let mcp = world.server.mcp();
    let access = Some(text(&tokens, "access_token"));
    let reply = mcp.call(access, "search", json!({"query": "*"})).await;
    assert_eq!(reply.unwrap().status, 200);
}

#[tokio::test]
async fn a_redis_whose_certificate_nobody_vouches_for_is_not_spoken_to() {
    let Some(redis) = TlsRedis::start().await else {
        eprintln!("skipped: redis-server is not installed");
        return;
    };
    let world = start_with(|builder| builder.env("OAUTH_STORE_URL", redis.url())).await;
    let app = App::register(&world, REDIRECT).await;
    let mut browser = Browser::default();
    let Visit::Page { url, body, .. } = browser.open(&app.authorize_url(REDIRECT)).await else {
        panic!("somebody was signed in");
    };
    // The store is first needed when the person agrees.
    let form = [
        ("request", &*hidden(&body, "request")),
        ("decision", "approve"),
    ];
    let Visit::Page { status, .. } = browser.submit(&url, &form).await else {
        panic!("somebody was sent on");
    };
    assert_eq!(status, 503, "{}", world.server.output());
}

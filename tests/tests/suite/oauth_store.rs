//! The sign-in proxy's store in a Redis that speaks TLS, as managed ones do.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};

use crate::oauth_world::{
    App, Browser, REDIRECT, Visit, start_with, text, until_the_store_answers,
};

/// Redis takes no port 0, and the free one that it is told may be taken before it listens there.
const ATTEMPTS: usize = 10;

/// A Redis on loopback with a certificate of its own; killed when dropped.
pub(crate) struct TlsRedis {
    _child: Child,
    /// Kept open, so that Redis can go on to write.
    _log: BufReader<ChildStdout>,
    port: u16,
    directory: tempfile::TempDir,
}

impl TlsRedis {
    /// `None`, and a word about it, where Redis is not installed.
    pub(crate) async fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        fs::write(path("cert.pem"), made.cert.pem()).unwrap();
        fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let mut child = Self::spawn(directory.path(), port)?;
            let mut log = BufReader::new(child.stdout.take().unwrap());
            let listens = tokio::time::timeout(Duration::from_secs(30), async {
                let from = said.len();
                while log.read_line(&mut said).await.unwrap() > 0 {
                    if said[from..].contains("Ready to accept connections") {
                        return true;
                    }
                }
                false
            });
            if listens.await.expect("redis-server starts or ends") {
                return Some(Self {
                    _child: child,
                    _log: log,
                    port,
                    directory,
                });
            }
        }
        panic!("redis-server found no port in {ATTEMPTS} attempts:\n{said}");
    }

    fn spawn(directory: &Path, port: u16) -> Option<Child> {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", "0", "--save", ""])
            .args(["--tls-auth-clients", "no", "--tls-port"])
            .arg(port.to_string())
            .arg("--tls-cert-file")
            .arg(directory.join("cert.pem"))
            .arg("--tls-key-file")
            .arg(directory.join("key.pem"))
            .arg("--dir")
            .arg(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        if child.is_err() {
            test_support::skipped("redis-server");
        }
        child.ok()
    }

    pub(crate) fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}/0", self.port)
    }

    /// Its certificate, for those who trust it.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("cert.pem")
    }
}

#[tokio::test]
async fn people_sign_in_with_the_store_in_a_redis_behind_tls() {
    let Some(redis) = TlsRedis::start().await else {
        return;
    };
    let world = start_with(|builder| {
        builder.env("OAUTH_STORE_URL", redis.url()).env(
            "OUTBOUND_CA_FILE",
            redis.certificate().display().to_string(),
        )
    })
    .await;
    until_the_store_answers(&world.server).await;
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
        return;
    };
    let world = start_with(|builder| builder.env("OAUTH_STORE_URL", redis.url())).await;
    let app = App::register(&world, REDIRECT).await;
    // The store is first asked if the client is blocked, before the person sees a page to agree on.
    let visit = Browser::default().open(&app.authorize_url(REDIRECT)).await;
    let Visit::Page { status, .. } = visit else {
        panic!("somebody was sent on");
    };
    assert_eq!(status, 503, "{}", world.server.output());
}

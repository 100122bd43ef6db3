//! The Redis of the tests.

use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use foundation::clock::Clock;
use secrecy::{ExposeSecret, SecretString};

use super::CAPACITY;
use crate::store::RedisStore;

/// A Redis of our own on a socket in a directory of our own; killed when dropped.
pub(crate) struct Redis {
    child: Child,
    directory: tempfile::TempDir,
}

impl Redis {
    /// `None`, with a message, if Redis is not installed.
    pub(crate) async fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new("redis-server")
            .args([
                "--port",
                "0",
                "--save",
                "",
                "--appendonly",
                "no",
                "--unixsocket",
            ])
            .arg(directory.path().join("redis.sock"))
            .arg("--dir")
            .arg(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            test_support::skipped("redis-server");
            return None;
        };
        let redis = Self { child, directory };
        let ready = tokio::time::timeout(Duration::from_secs(30), async {
            while tokio::net::UnixStream::connect(redis.directory.path().join("redis.sock"))
                .await
                .is_err()
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        ready.await.expect("redis-server starts");
        Some(redis)
    }

    /// Runs a command.
    pub(super) async fn run(&self, words: &[&str]) {
        let url = self.url();
        let client = redis::Client::open(url.expose_secret()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let (name, args) = words.split_first().unwrap();
        let ran: redis::RedisResult<()> = redis::cmd(name)
            .arg(args)
            .query_async(&mut connection)
            .await;
        ran.unwrap();
    }

    /// Loses all data.
    pub(super) async fn flush(&self) {
        self.run(&["FLUSHALL"]).await;
    }

    pub(crate) fn url(&self) -> SecretString {
        let socket = self.directory.path().join("redis.sock");
        SecretString::from(format!("redis+unix://{}", socket.display()))
    }

    /// A store that knows what has ended, as that of a replica that is ready.
    pub(crate) async fn ready_store(&self, clock: &Clock) -> Arc<RedisStore> {
        let store = self.store(clock);
        store.refresh_ended().await.unwrap();
        store
    }

    pub(in crate::store) fn store(&self, clock: &Clock) -> Arc<RedisStore> {
        RedisStore::new(
            &self.url(),
            "test",
            clock.clone(),
            CAPACITY,
            |_| {},
            &outbound::Authorities::default(),
        )
        .unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

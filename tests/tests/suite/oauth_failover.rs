//! The sign-in proxy's store behind Sentinels and in a cluster: people sign in and refresh, and do so
//! again after the server that held the store has died.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
};

use crate::{
    oauth_world::{App, Browser, REDIRECT, start_with, text, until_the_store_answers},
    world::World,
};

/// Redis takes no port 0, and the free one that it is told may be taken before it listens there.
const ATTEMPTS: usize = 10;
/// The time for what Redis does by itself: start, replicate, elect another master.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest that one answer may take while the store is away.
const IN_TIME: Duration = Duration::from_secs(15);
const PASSWORD: &str = "only-for-this/test@";
const ENCODED: &str = "only-for-this%2Ftest%40";

/// A Redis or Sentinel on loopback; killed when dropped.
struct Node {
    child: Child,
    port: u16,
}

impl Node {
    /// `None`, and a word about it, where Redis is not installed. `args` get the port.
    async fn start(directory: &Path, args: impl Fn(u16) -> Vec<String>) -> Option<Self> {
        for _ in 0..ATTEMPTS {
            let port = free_port();
            let spawned = Command::new("redis-server")
                .args(args(port))
                .current_dir(directory)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn();
            let Ok(mut child) = spawned else {
                test_support::skipped("redis-server");
                return None;
            };
            let until = Instant::now() + PATIENCE;
            while child.try_wait().unwrap().is_none() {
                if TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                    .await
                    .is_ok()
                {
                    return Some(Self { child, port });
                }
                assert!(Instant::now() < until, "redis-server does not listen");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        panic!("redis-server found no port in {ATTEMPTS} attempts");
    }

    /// The answer to a command, as it comes.
    async fn ask(&self, command: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .await
            .unwrap();
        let text = format!("AUTH {PASSWORD}\r\n{command}\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        // It answers, then it sees the end.
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        // The first line answers the login, which some of these servers do not want.
        answer.split_once("\r\n").unwrap().1.to_owned()
    }

    /// Waits until the answer to `command` contains `wanted`.
    async fn until(&self, command: &str, wanted: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(command).await;
            if answer.contains(wanted) {
                return;
            }
            assert!(
                Instant::now() < until,
                "{command}: no {wanted:?} in {answer}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A port whose bus port in a cluster, 10,000 above it, exists and is free as well.
pub(crate) fn free_port() -> u16 {
    loop {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        if port
            .checked_add(10_000)
            .is_some_and(|bus| TcpListener::bind((Ipv4Addr::LOCALHOST, bus)).is_ok())
        {
            return port;
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

async fn redis(directory: &Path, more: &str) -> Option<Node> {
    Node::start(directory, |port| {
        words(&format!(
            "--bind 127.0.0.1 --port {port} --save  --appendonly no --dbfilename {port}.rdb \
             --requirepass {PASSWORD} --masterauth {PASSWORD} --repl-diskless-sync-delay 0 {more}"
        ))
    })
    .await
}

/// A sentinel that declares a master dead soon, and needs no other to agree.
async fn sentinel(directory: &Path, master: u16, more: &str) -> Option<Node> {
    Node::start(directory, |port| {
        let file = directory.join(format!("sentinel-{port}.conf"));
        let settings = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 {master} 1\n\
             sentinel auth-pass mymaster {PASSWORD}\n\
             sentinel down-after-milliseconds mymaster 500\n\
             sentinel failover-timeout mymaster 3000\n{more}\n"
        );
        std::fs::write(&file, settings).unwrap();
        vec![file.display().to_string(), "--sentinel".to_owned()]
    })
    .await
}

/// Somebody who signed in.
struct Person {
    app: App,
    access: String,
    refresh: String,
}

async fn sign_in(world: &World) -> Person {
    let app = App::register(world, REDIRECT).await;
    let back = Browser::default()
        .sign_in(&app.authorize_url(REDIRECT), "editor")
        .await;
    let tokens = app.redeem(&back, REDIRECT).await;
    Person {
        app,
        access: text(&tokens, "access_token").to_owned(),
        refresh: text(&tokens, "refresh_token").to_owned(),
    }
}

impl Person {
    /// Refreshes, and waits for a store that is away: until then it is 503 in time, and nothing
    /// else.
    async fn refresh(&mut self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let asked = Instant::now();
            let (status, tokens) = self.app.refresh(&self.refresh).await;
            assert!(
                asked.elapsed() < IN_TIME,
                "{status} after {:?}",
                asked.elapsed()
            );
            if status == 200 {
                self.access = text(&tokens, "access_token").to_owned();
                self.refresh = text(&tokens, "refresh_token").to_owned();
                return;
            }
            assert_eq!(status, 503, "{tokens}");
            assert!(Instant::now() < until, "the store does not come back");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn status(&self, world: &World) -> u16 {
        let mcp = world.server.mcp();
        let reply = mcp.call(Some(&self.access), "search", json!({"query": "*"}));
        reply.await.unwrap().status
    }
}

/// The end of a server.
#[derive(Clone, Copy)]
enum End {
    /// Its connections are closed.
    Killed,
    /// Its connections stay open and nobody answers, as when its machine is gone.
    Silent,
}

/// Signs in and out, loses `dies`, and goes on.
async fn survives(store: &str, mut dies: Node, end: End) {
    let world = start_with(|builder| builder.env("OAUTH_STORE_URL", store)).await;
    until_the_store_answers(&world.server).await;
    let mut person = sign_in(&world).await;
    person.refresh().await;
    assert_eq!(person.status(&world).await, 200);
    let left = sign_in(&world).await;
    let revoked = [("token", &*left.refresh), ("client_id", &*left.app.id)];
    assert_eq!(left.app.post("/oauth/revoke", &revoked).await.0, 200);
    assert_eq!(left.status(&world).await, 401);

    match end {
        End::Killed => dies.child.kill().await.unwrap(),
        End::Silent => {
            let id = dies.child.id().and_then(|id| i32::try_from(id).ok());
            let id = id.and_then(Pid::from_raw).unwrap();
            kill_process(id, Signal::STOP).unwrap();
        }
    }
    person.refresh().await;
    assert_eq!(person.status(&world).await, 200);
    assert_eq!(
        left.status(&world).await,
        401,
        "ended, whoever is the master"
    );
    let mut other = sign_in(&world).await;
    other.refresh().await;
    assert_eq!(other.status(&world).await, 200);
    assert!(!world.server.output().contains("only-for-this"));
}

#[tokio::test]
async fn people_stay_signed_in_when_sentinels_elect_another_master() {
    through_sentinels(End::Killed, "").await;
}

#[tokio::test]
async fn people_stay_signed_in_when_the_master_goes_silent() {
    // These Sentinels want a login, too.
    through_sentinels(End::Silent, &format!("requirepass {PASSWORD}")).await;
}

async fn through_sentinels(end: End, more: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let Some(master) = redis(path, "--appendonly no").await else {
        return;
    };
    let follows = format!("--replicaof 127.0.0.1 {}", master.port);
    let replica = redis(path, &follows).await.unwrap();
    replica
        .until("INFO replication", "master_link_status:up")
        .await;
    let sentinel = sentinel(path, master.port, more).await.unwrap();
    sentinel
        .until("SENTINEL REPLICAS mymaster", &replica.port.to_string())
        .await;
    // The first one named is not there.
    let store = format!(
        "redis+sentinel://:{ENCODED}@127.0.0.1:1,127.0.0.1:{}/mymaster/0",
        sentinel.port
    );
    survives(&store, master, end).await;
}

#[tokio::test]
async fn people_stay_signed_in_when_a_cluster_loses_the_node_of_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let mut nodes = Vec::new();
    for number in 0..4 {
        let own = format!(
            "--cluster-enabled yes --cluster-config-file {number}.conf --cluster-node-timeout 2000"
        );
        let Some(node) = redis(directory.path(), &own).await else {
            return;
        };
        nodes.push(node);
    }
    let slot = nodes[0].ask("CLUSTER KEYSLOT {datahub-mcp}").await;
    let slot: usize = slot.lines().next().unwrap()[1..].parse().unwrap();
    let bounds = [0, 5_461, 10_923, 16_384];
    for (number, node) in nodes[..3].iter().enumerate() {
        let slots: Vec<_> = (bounds[number]..bounds[number + 1])
            .map(|slot| slot.to_string())
            .collect();
        node.ask(&format!("CLUSTER ADDSLOTS {}", slots.join(" ")))
            .await;
        node.ask(&format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1))
            .await;
    }
    // Introduced again until all know each other: a greeting may be lost.
    for node in &nodes {
        let until = Instant::now() + PATIENCE;
        while node
            .ask("CLUSTER NODES")
            .await
            .matches(" connected")
            .count()
            < 4
        {
            for other in &nodes {
                node.ask(&format!("CLUSTER MEET 127.0.0.1 {}", other.port))
                    .await;
            }
            assert!(Instant::now() < until, "the nodes do not meet");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        node.until("CLUSTER INFO", "cluster_state:ok").await;
    }
    let owner = (0..3).find(|number| slot < bounds[number + 1]).unwrap();
    let id = nodes[owner].ask("CLUSTER MYID").await;
    let id = id.lines().nth(1).unwrap().to_owned();
    nodes[3]
        .until(&format!("CLUSTER REPLICATE {id}"), "+OK")
        .await;
    nodes[3]
        .until("INFO replication", "master_link_status:up")
        .await;
    // The node that is named sends callers on to the one that has the slot.
    let named = nodes[(owner + 1) % 3].port;
    let store = format!("redis+cluster://:{ENCODED}@127.0.0.1:{named}");
    let dies = nodes.swap_remove(owner);
    survives(&store, dies, End::Killed).await;
}

//! Ten plugins of one chain inside the server (`PLUGIN_ISOLATION=in-process`) that all turn bad, each in
//! another way: nobody else notices, and the server ends when it is told to.

use std::{
    fs,
    time::{Duration, Instant},
};

use integration_tests::{Mcp, PluginDir, Server, StubDataHub, artifacts, faulty, status, until};
use rustix::process::Signal;
use serde_json::{Map, Value, json};

/// How each of them hangs, and where.
const WAYS: [(&str, &str); 10] = [
    ("block", "try_validate"),
    ("spin", "try_validate"),
    ("deadlock", "try_validate"),
    ("block", "validate"),
    ("spin", "validate"),
    ("deadlock", "validate"),
    ("wait", "validate"),
    ("block", "health"),
    ("spin", "health"),
    ("deadlock", "health"),
];
/// The time for which one spins: not longer than the test, which is not alone on its machine.
const SPINS_MS: u64 = 20_000;
/// Requests to `/health` while all of them hang, and the time that hardly any may take. It takes some
/// milliseconds on a machine with nothing else to do; a server that waits for a plugin takes for ever.
const REQUESTS: usize = 300;
const LONG: Duration = Duration::from_secs(2);

/// The directory with ten different libraries, and the options for them.
fn ten() -> (PluginDir, String, Value) {
    let library = artifacts().plugin("hostile");
    let plugins = PluginDir::with(&library).unwrap();
    let (mut chain, mut options) = (Vec::new(), Map::new());
    for (number, (how, at)) in WAYS.iter().enumerate() {
        let bytes = [plugins.bytes(), format!("number {number}").as_bytes()].concat();
        fs::write(plugins.path().join(format!("libh{number}.so")), bytes).unwrap();
        let name = format!("h{number}:hangs");
        let mut own = json!({
            "how": how, "at": at, "of": format!("good-{number}-"), "trigger": format!("good-{number}-bad"),
        });
        if *how == "spin" {
            own["for_ms"] = SPINS_MS.into();
        }
        options.insert(name.clone(), own);
        chain.push(name);
    }
    (plugins, chain.join(","), Value::Object(options))
}

/// Times of requests to `/health`, in order.
async fn health_times(server: &Server) -> Vec<Duration> {
    let (mcp, url) = (server.mcp(), server.url("/health"));
    let mut times = Vec::new();
    for _ in 0..REQUESTS {
        let started = Instant::now();
        let health = mcp.http().get(&url).send().await.unwrap();
        assert_eq!(health.status(), 200);
        times.push(started.elapsed());
    }
    times.sort();
    times
}

/// Tokens with which a validator turns bad, several at once: it has more threads than one.
async fn turns_bad(mcp: &Mcp, number: usize, round: usize) -> Vec<u16> {
    let calls = (0..3).map(|call| {
        let (mcp, token) = (mcp.clone(), format!("good-{number}-bad-{round}-{call}"));
        async move { status(&mcp, &token).await }
    });
    futures::future::join_all(calls).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_plugins_that_turn_bad_at_once_stall_nobody_else() {
    let datahub = StubDataHub::start().await.unwrap();
    let (plugins, chain, options) = ten();
    let server = plugins
        .server(&datahub, &chain, &options)
        .env("PLUGIN_ISOLATION", "in-process")
        .env("TOKEN_VALIDATOR_TIMEOUT_MS", "1500")
        .env("TOKEN_VALIDATOR_START_TIMEOUT_SECS", "10")
        .env("TOKEN_VALIDATOR_SHUTDOWN_TIMEOUT_SECS", "1")
        .env("TOKEN_VALIDATOR_BREAKER_FAULTS", "1000")
        .start()
        .unwrap();
    let mcp = server.mcp();
    // Any number of good answers before.
    for number in 0..WAYS.len() {
        for call in 0..8 {
            let token = format!("good-{number}-{call}");
            assert_eq!(status(&mcp, &token).await, 200, "{token}");
        }
    }
    // From the last one on, since whoever comes first in the chain is asked first.
    for number in (0..WAYS.len()).rev() {
        let expected = match WAYS[number].1 {
            "health" => 200,
            _ => 503,
        };
        assert_eq!(turns_bad(&mcp, number, 0).await, [expected; 3], "{number}");
    }
    let ready = {
        let (mcp, url) = (server.mcp(), server.url("/ready"));
        tokio::spawn(async move { mcp.http().get(url).send().await.unwrap().status() })
    };
    let more = {
        let mcp = mcp.clone();
        tokio::spawn(async move {
            for round in 1..4 {
                let all = (0..WAYS.len()).map(|number| turns_bad(&mcp, number, round));
                let all = futures::future::join_all(all).await.concat();
                assert!(all.iter().all(|status| *status == 503), "{all:?}");
            }
        })
    };
    let times = health_times(&server).await;
    let at = |part: usize| times[times.len() * part / 100];
    println!("/health: p50 {:?}, p99 {:?}", at(50), at(99));
    assert!(at(99) < LONG, "{:?}", at(99));
    // Whoever is known is served.
    assert_eq!(status(&mcp, "good-0-1").await, 200);

    // A new library whose initialiser hangs is tried elsewhere, and changes nothing.
    let target = tempfile::tempdir().unwrap();
    let hanging = faulty(target.path(), "for (;;) pause()").unwrap();
    let (new, file) = (plugins.path().join("new"), plugins.path().join("libh0.so"));
    fs::copy(hanging, &new).unwrap();
    fs::rename(new, file).unwrap();
    server.signal(Signal::HUP).unwrap();
    until("the new library is refused", async || {
        assert_eq!(status(&mcp, "good-0-1").await, 200);
        server.output().contains("reload failed")
    })
    .await;
    assert_eq!(ready.await.unwrap(), 503);
    more.await.unwrap();

    let stopped = Instant::now();
    let (ended, output) = server.stop().unwrap();
    println!("SIGTERM: {:?}", stopped.elapsed());
    assert!(ended.success(), "{ended:?}\n{output}");
}

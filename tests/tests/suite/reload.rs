//! New plugin files under load, many of them, broken ones, and what the old copies cost.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use integration_tests::{
    Mcp, PluginDir, Server, StubDataHub, artifacts, artifacts::workspace_root, faulty, status,
    until,
};
use rustix::process::Signal;
use serde_json::json;

/// Requests without a pause from so many callers, each with a token of its own.
struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    callers: Vec<tokio::task::JoinHandle<BTreeMap<u16, usize>>>,
}

impl Load {
    fn start(mcp: &Mcp, callers: usize, prefix: &'static str) -> Self {
        let (stop, served) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let callers = (0..callers)
            .map(|caller| {
                let (mcp, stop, served) = (mcp.clone(), Arc::clone(&stop), Arc::clone(&served));
                tokio::spawn(async move {
                    let mut statuses = BTreeMap::new();
                    for number in 0.. {
                        let token = format!("{prefix}{caller}-{number}");
                        *statuses.entry(status(&mcp, &token).await).or_insert(0) += 1;
                        served.fetch_add(1, Ordering::Relaxed);
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    statuses
                })
            })
            .collect();
        Self {
            stop,
            served,
            callers,
        }
    }

    fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }

    /// How often each status came.
    async fn stop(self) -> BTreeMap<u16, usize> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::new();
        for caller in self.callers {
            for (status, count) in caller.await.unwrap() {
                *all.entry(status).or_insert(0) += count;
            }
        }
        all
    }
}

/// What a process holds, as the kernel says.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// Memory that is no file's, in KiB: heaps, stacks, and what a library has written to.
    memory_kib: usize,
    threads: usize,
    files: usize,
    /// Copies of libraries that are mapped.
    mappings: usize,
}

impl Held {
    fn by(server: &Server) -> Self {
        let process = format!("/proc/{}", server.pid());
        let status = fs::read_to_string(format!("{process}/status")).unwrap();
        let memory = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))
            .and_then(|line| line.trim().strip_suffix(" kB"))
            .unwrap();
        let entries = |dir: &str| fs::read_dir(format!("{process}/{dir}")).unwrap().count();
        let maps = fs::read_to_string(format!("{process}/maps")).unwrap();
        let copies: BTreeSet<&str> = maps
            .lines()
            .filter(|line| line.contains("memfd:token-validator"))
            .filter_map(|line| line.split_whitespace().nth(4))
            .collect();
        Self {
            memory_kib: memory.parse().unwrap(),
            threads: entries("task"),
            files: entries("fd"),
            mappings: copies.len(),
        }
    }
}

/// The value of a metric without labels, or with these.
async fn metric(server: &Server, name: &str) -> usize {
    let metrics = server.metrics().await.unwrap();
    metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        .unwrap_or(0)
}

const TAKEN: &str = "datahub_mcp_plugin_reloads_total{outcome=\"taken\"}";
const REFUSED: &str = "datahub_mcp_plugin_reloads_total{outcome=\"refused\"}";
const RETURNED: &str = "datahub_mcp_plugin_reloads_total{outcome=\"returned\"}";
const MAPPINGS: &str = "datahub_mcp_plugin_mappings";

/// Puts another file in place, asks for a reload and waits until it is done.
async fn reload(server: &Server, plugins: &PluginDir, number: u32) {
    plugins.put_version(number).unwrap();
    let before = metric(server, TAKEN).await;
    server.signal(Signal::HUP).unwrap();
    until("a reload", async || metric(server, TAKEN).await > before).await;
}

/// A hundred new files under load. The library is small where there is one, so that a hundred copies are too.
#[tokio::test]
async fn a_hundred_new_files_are_taken_under_load_without_a_failed_request() {
    const RELOADS: u32 = 100;
    const BETWEEN: usize = 20;

    let datahub = StubDataHub::start().await.unwrap();
    let stored = workspace_root().join("tests/fixtures/plugins/librung_1_0.so");
    let (library, factory, prefix) = if cfg!(all(
        target_os = "linux",
        target_arch = "x86_64",
        target_env = "gnu"
    )) {
        (stored, "rung_1_0:fixture", "fixture-")
    } else {
        (artifacts().plugin("hostile"), "hostile:good", "good-")
    };
    let plugins = PluginDir::with(&library).unwrap();
    let server = plugins
        .server(&datahub, factory, &json!({}))
        .env("PLUGIN_ISOLATION", "in-process")
        .env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0")
        .env("ACCESS_LOG_PERCENT", "0")
        .start()
        .unwrap();
    let load = Load::start(&server.mcp(), 8, prefix);
    let mut early = None;
    for number in 1..=RELOADS {
        let served = load.served();
        reload(&server, &plugins, number).await;
        until("requests after the reload", async || {
            load.served() >= served + BETWEEN
        })
        .await;
        if number == RELOADS / 5 {
            early = Some(Held::by(&server));
        }
    }
    let served = load.served();
    let statuses = load.stop().await;
    assert!(served >= BETWEEN * RELOADS as usize, "{served}");
    assert_eq!(
        statuses.keys().copied().collect::<Vec<_>>(),
        [200],
        "{statuses:?}\n{}",
        server.output()
    );

    // Each copy is mapped and counted; nothing else is left of the old ones.
    let (early, late) = (early.unwrap(), Held::by(&server));
    let copies = RELOADS as usize + 1;
    assert_eq!(late.mappings, copies);
    assert_eq!(metric(&server, MAPPINGS).await, copies);
    assert_eq!(metric(&server, TAKEN).await, RELOADS as usize);
    assert_eq!(metric(&server, REFUSED).await, 0);
    let named = format!("\"mappings\":{copies},");
    assert!(server.output().contains(&named), "{}", server.output());
    // Its relocated pages, and a little of the host's own for each: less than the library itself.
    let (grown, more) = (
        late.memory_kib.saturating_sub(early.memory_kib),
        late.mappings - early.mappings,
    );
    let explained = more * plugins.bytes().len() / 1024 / 2;
    assert!(grown < explained, "{grown} KiB, {early:?}, {late:?}");
}

/// A library with a runtime of its own: a replaced copy keeps its place in memory, the file that this
/// is and two of tokio's statics (its pipe for signals), but no thread and no more files.
#[tokio::test]
async fn a_replaced_copy_keeps_no_thread() {
    const PER_COPY: usize = 3;
    // Of our client, at most.
    const CONNECTIONS: usize = 2;

    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&artifacts().plugin("hostile")).unwrap();
    let server = plugins
        .server(&datahub, "hostile:good", &json!({"ttl_s": 0}))
        .env("PLUGIN_ISOLATION", "in-process")
        .env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0")
        .start()
        .unwrap();
    let mcp = server.mcp();
    reload(&server, &plugins, 0).await;
    assert_eq!(status(&mcp, "good-before").await, 200);
    let before = Held::by(&server);
    for number in 1..=6 {
        reload(&server, &plugins, number).await;
        assert_eq!(status(&mcp, &format!("good-{number}")).await, 200);
    }
    assert_eq!(Held::by(&server).mappings, before.mappings + 6);
    // The old ones end a moment after the reload.
    until(
        "the threads and files of the old copies are gone",
        async || {
            let now = Held::by(&server);
            now.threads <= before.threads && now.files <= before.files + 6 * PER_COPY + CONNECTIONS
        },
    )
    .await;
}

/// In a process of its own: nothing is mapped here, and the process of the old file ends.
#[tokio::test]
async fn a_replaced_process_leaves_nothing_behind() {
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&artifacts().plugin("hostile")).unwrap();
    let server = plugins
        .server(&datahub, "hostile:good", &json!({"ttl_s": 0}))
        .env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0")
        .start()
        .unwrap();
    let mcp = server.mcp();
    assert_eq!(status(&mcp, "good-before").await, 200);
    let before = Held::by(&server);
    for number in 1..=5 {
        reload(&server, &plugins, number).await;
        assert_eq!(status(&mcp, &format!("good-{number}")).await, 200);
    }
    assert_eq!(Held::by(&server).mappings, 0);
    assert_eq!(metric(&server, MAPPINGS).await, 0);
    until("the old processes are gone", async || {
        let now = Held::by(&server);
        // A connection of our client or two may have come.
        server.children().len() == 1
            && now.threads <= before.threads
            && now.files <= before.files + 2
    })
    .await;
}

#[tokio::test]
async fn the_copies_are_bounded_and_the_same_file_is_no_new_one() {
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&artifacts().plugin("hostile")).unwrap();
    let server = plugins
        .server(&datahub, "hostile:good", &json!({}))
        .env("PLUGIN_ISOLATION", "in-process")
        .env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0")
        .env("TOKEN_VALIDATOR_MAX_MAPPINGS", "2")
        .start()
        .unwrap();
    let mcp = server.mcp();
    // Back and forth between two files: two copies, however often.
    for number in [1, 2, 1, 2] {
        if number == 2 {
            plugins.put(plugins.bytes()).unwrap();
            let before = metric(&server, TAKEN).await;
            server.signal(Signal::HUP).unwrap();
            until("the first file again", async || {
                metric(&server, TAKEN).await > before
            })
            .await;
        } else {
            reload(&server, &plugins, number).await;
        }
        assert_eq!(metric(&server, MAPPINGS).await, 2);
    }
    plugins.put_version(3).unwrap();
    server.signal(Signal::HUP).unwrap();
    until("a refusal", async || metric(&server, REFUSED).await == 1).await;
    // Counted first, then written down.
    until("what to do", async || {
        let output = server.output();
        output.contains("TOKEN_VALIDATOR_MAX_MAPPINGS") && output.contains("restart the server")
    })
    .await;
    assert_eq!(metric(&server, MAPPINGS).await, 2);
    assert_eq!(Held::by(&server).mappings, 2);
    assert_eq!(status(&mcp, "good-after").await, 200);
}

#[tokio::test]
async fn a_broken_new_file_leaves_the_old_one_serving() {
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&artifacts().plugin("hostile")).unwrap();
    let server = plugins
        .server(&datahub, "hostile:good", &json!({"ttl_s": 0}))
        .start()
        .unwrap();
    let mcp = server.mcp();
    assert_eq!(status(&mcp, "good-before").await, 200);
    plugins
        .put(&plugins.bytes()[..plugins.bytes().len() / 2])
        .unwrap();
    let before = server.output().len();
    server.signal(Signal::HUP).unwrap();
    until("a word about the broken file", async || {
        server.output()[before..].contains("libhostile.so")
    })
    .await;
    assert_eq!(status(&mcp, "good-after").await, 200);
    assert_eq!(status(&mcp, "bad").await, 401);
}

/// New validators that come up and then only fail are taken back.
#[tokio::test]
async fn new_validators_that_only_fail_are_taken_back() {
    let target = tempfile::tempdir().unwrap();
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&faulty(target.path(), "").unwrap()).unwrap();
    let failing = fs::read(faulty(target.path(), "only_fails = 1").unwrap()).unwrap();
    for mode in ["process", "in-process"] {
        plugins.put(plugins.bytes()).unwrap();
        let server = plugins
            .server(&datahub, "faulty", &json!({}))
            .env("PLUGIN_ISOLATION", mode)
            .env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0")
            .start()
            .unwrap();
        let mcp = server.mcp();
        assert_eq!(status(&mcp, "good-before").await, 200);
        plugins.put(&failing).unwrap();
        server.signal(Signal::HUP).unwrap();
        until("a reload", async || metric(&server, TAKEN).await == 1).await;
        let mut failed = 0;
        for number in 0..10 {
            match status(&mcp, &format!("good-{number}")).await {
                503 => failed += 1,
                200 => break,
                other => panic!("{mode}: {other}"),
            }
        }
        assert_eq!(failed, 3, "{mode}");
        assert_eq!(metric(&server, RETURNED).await, 1, "{mode}");
        let output = server.output();
        assert!(output.contains("those before serve again"), "{output}");
        // They have proved themselves, and a mended file is taken.
        plugins.put_version(1).unwrap();
        server.signal(Signal::HUP).unwrap();
        until("a reload", async || metric(&server, TAKEN).await == 2).await;
        assert_eq!(status(&mcp, "good-after").await, 200, "{mode}");
        assert_eq!(status(&mcp, "bad").await, 401, "{mode}");
    }
}

/// Failures that are no fault of the new validators, such as of what they depend on, take nothing back.
#[tokio::test]
async fn new_validators_that_decide_stay() {
    let target = tempfile::tempdir().unwrap();
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&faulty(target.path(), "").unwrap()).unwrap();
    let server = plugins
        .server(&datahub, "faulty", &json!({}))
        .env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0")
        .start()
        .unwrap();
    let mcp = server.mcp();
    assert_eq!(status(&mcp, "good-before").await, 200);
    plugins.put_version(1).unwrap();
    server.signal(Signal::HUP).unwrap();
    until("a reload", async || metric(&server, TAKEN).await == 1).await;
    assert_eq!(status(&mcp, "bad").await, 401);
    for number in 0..4 {
        let _ = status(&mcp, &format!("crashes-{number}")).await;
    }
    assert_eq!(metric(&server, RETURNED).await, 0);
}

/// No signal: the file alone is enough where the operator asked for that.
#[tokio::test]
async fn a_watched_directory_needs_no_signal() {
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&artifacts().plugin("hostile")).unwrap();
    let server = plugins
        .server(&datahub, "hostile:good", &json!({"ttl_s": 0}))
        .env("WATCH_PLUGINS", "true")
        .env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0")
        .start()
        .unwrap();
    let mcp = server.mcp();
    assert_eq!(status(&mcp, "good-before").await, 200);
    plugins.put_version(1).unwrap();
    until("a reload", async || metric(&server, TAKEN).await == 1).await;
    assert_eq!(status(&mcp, "good-after").await, 200);
    // What is half a library is not taken, and the newer one stays.
    plugins
        .put(&plugins.bytes()[..plugins.bytes().len() / 2])
        .unwrap();
    until("a refusal", async || metric(&server, REFUSED).await == 1).await;
    assert_eq!(status(&mcp, "good-still").await, 200);
}

//! `PLUGIN_RELOAD_SHADOW`: before a reload is taken, new validators are asked beside those that serve.

use integration_tests::{PluginDir, Server, StubDataHub, artifacts, faulty, status, until};
use rustix::process::Signal;
use serde_json::json;

const TAKEN: &str = "datahub_mcp_plugin_reloads_total{outcome=\"taken\"}";
const REFUSED: &str = "datahub_mcp_plugin_reloads_total{outcome=\"refused\"}";
const SAME: &str = "datahub_mcp_plugin_shadow_total{outcome=\"same\"}";
const DIFFERENT: &str = "datahub_mcp_plugin_shadow_total{outcome=\"different\"}";

async fn metric(server: &Server, name: &str) -> usize {
    let metrics = server.metrics().await.unwrap();
    let value = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
    metrics.lines().find_map(value).unwrap_or(0)
}

/// A server that compares `tokens`, and a directory with its library.
async fn serving(
    datahub: &StubDataHub,
    plugins: &PluginDir,
    factory: &str,
    tokens: &str,
) -> Server {
    let server = plugins
        .server(datahub, factory, &json!({}))
        .env("PLUGIN_RELOAD_SHADOW", tokens)
        .env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0")
        .start()
        .unwrap();
    assert_eq!(status(&server.mcp(), "good-before").await, 200);
    server
}

/// Puts `new` in the place of the library, and waits until it is compared.
async fn compare(server: &Server, plugins: &PluginDir, new: &[u8]) {
    plugins.put(new).unwrap();
    server.signal(Signal::HUP).unwrap();
    until("it is compared", async || {
        server
            .output()
            .contains("are compared with those that serve")
    })
    .await;
}

#[tokio::test]
async fn new_validators_that_decide_alike_are_taken_after_so_many_tokens() {
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&artifacts().plugin("hostile")).unwrap();
    let server = serving(&datahub, &plugins, "hostile:good", "4").await;
    let mcp = server.mcp();
    compare(&server, &plugins, &[plugins.bytes(), b"another"].concat()).await;
    // Whoever is known is no new token.
    for _ in 0..8 {
        assert_eq!(status(&mcp, "good-before").await, 200);
    }
    assert_eq!(metric(&server, SAME).await, 0);
    for (number, token, expected) in [
        (1, "good-1", 200),
        (2, "rejected-1", 401),
        (3, "good-2", 200),
    ] {
        assert_eq!(status(&mcp, token).await, expected);
        until("it is compared", async || {
            metric(&server, SAME).await == number
        })
        .await;
        assert_eq!(metric(&server, TAKEN).await, 0);
    }
    // No decision, so there is nothing to compare.
    assert_eq!(status(&mcp, "unavailable-1").await, 503);
    assert_eq!(status(&mcp, "good-3").await, 200);
    until("it is taken", async || metric(&server, TAKEN).await == 1).await;
    assert_eq!(metric(&server, SAME).await, 4);
    assert_eq!(status(&mcp, "good-after").await, 200);
    assert_eq!(metric(&server, SAME).await, 4);
    until("the old process is gone", async || {
        server.children().len() == 1
    })
    .await;
}

#[tokio::test]
async fn new_validators_that_decide_otherwise_are_not_taken() {
    let target = tempfile::tempdir().unwrap();
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&faulty(target.path(), "").unwrap()).unwrap();
    let build = |at_load: &str| std::fs::read(faulty(target.path(), at_load).unwrap()).unwrap();
    for (at_load, said) in [
        (
            "renames = 1",
            "another person, where those that serve say one person",
        ),
        (
            "only_fails = 1",
            "no decision, where those that serve say accepted",
        ),
    ] {
        plugins.put(plugins.bytes()).unwrap();
        let server = serving(&datahub, &plugins, "faulty", "20").await;
        let mcp = server.mcp();
        compare(&server, &plugins, &build(at_load)).await;
        assert_eq!(status(&mcp, "good-person1").await, 200);
        until("a difference", async || metric(&server, REFUSED).await == 1).await;
        assert_eq!(metric(&server, DIFFERENT).await, 1, "{at_load}");
        assert_eq!(metric(&server, TAKEN).await, 0, "{at_load}");
        until("a line", async || {
            server.output().contains("reload not taken")
        })
        .await;
        // Those before serve on, and the new process is gone.
        assert_eq!(status(&mcp, "good-after").await, 200, "{at_load}");
        until("the new process is gone", async || {
            server.children().len() == 1
        })
        .await;
        let output = server.output();
        let line = output
            .lines()
            .find(|line| line.contains("reload not taken"))
            .unwrap();
        assert!(line.contains(said) && line.contains("WARN"), "{line}");
        assert!(
            !line.contains("person1") && !line.contains("good-"),
            "{line}"
        );
    }
}

/// The person's answer does not wait for the new validators.
#[tokio::test]
async fn nobody_waits_for_the_answer_of_new_validators() {
    let target = tempfile::tempdir().unwrap();
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&faulty(target.path(), "").unwrap()).unwrap();
    let hanging = std::fs::read(faulty(target.path(), "hangs = 1").unwrap()).unwrap();
    let server = serving(&datahub, &plugins, "faulty", "3").await;
    let mcp = server.mcp();
    compare(&server, &plugins, &hanging).await;
    for number in 0..4 {
        assert_eq!(status(&mcp, &format!("good-{number}")).await, 200);
    }
    // The new ones still have their deadline of ten seconds.
    assert_eq!(metric(&server, DIFFERENT).await, 0);
    until("a difference", async || metric(&server, REFUSED).await == 1).await;
    assert_eq!(status(&mcp, "good-after").await, 200);
}

//! What `/metrics` tells, and under which names.

use std::net::TcpStream;

use integration_tests::until;
use serde_json::json;

use crate::shop_world::ShopWorld;

/// A scrape is a connection, too, but to another listener.
#[tokio::test]
async fn the_gauge_of_connections_leaves_out_those_of_scrapers() {
    let world = ShopWorld::with(
        |_| {},
        |server| server.env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0"),
    )
    .await;
    let open = async |expected: &str| {
        until(expected, async || {
            let metrics = world.server.metrics().await.unwrap();
            metrics.lines().any(|line| line == expected)
        })
        .await;
    };
    let client = TcpStream::connect(world.server.address()).unwrap();
    open("datahub_mcp_connections 1").await;
    drop(client);
    open("datahub_mcp_connections 0").await;
}

#[tokio::test]
async fn every_metric_has_the_servers_prefix_and_tools_are_counted() {
    let world = ShopWorld::with(
        |_| {},
        |server| server.env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0"),
    )
    .await;
    world.ok("search", json!({"query": "orders"})).await;
    world.error("get_entities", json!({"urns": "orders"})).await;
    let reply = world.call("editor", "serch", json!({})).await;
    assert_eq!(reply.json["error"]["code"], -32602, "{}", reply.text);
    let message = "Unknown tool: serch; did you mean search?";
    assert_eq!(reply.json["error"]["message"], message);

    let metrics = world.server.metrics().await.unwrap();
    let samples = || {
        metrics
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
    };
    for sample in samples() {
        assert!(sample.starts_with("datahub_mcp_"), "{sample}");
    }
    for expected in [
        r#"datahub_mcp_tool_calls_total{tool="search",outcome="ok"} 1"#,
        r#"datahub_mcp_tool_calls_total{tool="get_entities",outcome="error"} 1"#,
        r#"datahub_mcp_tool_calls_total{tool="unknown",outcome="error"} 1"#,
    ] {
        assert!(
            samples().any(|sample| sample == expected),
            "{expected} is not in\n{metrics}"
        );
    }
    assert!(
        metrics.contains("datahub_mcp_datahub_requests_total{outcome=\"ok\"}"),
        "{metrics}"
    );
    assert!(
        metrics.contains("datahub_mcp_datahub_request_duration_seconds_count"),
        "{metrics}"
    );
}

/// O-05: the labels come from small fixed sets, so nobody makes series.
#[tokio::test]
async fn whatever_is_asked_by_whomever_makes_no_series() {
    let world = ShopWorld::with(
        |_| {},
        |server| server.env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0"),
    )
    .await;
    let mcp = world.server.mcp();
    for number in 0..100 {
        let url = world
            .server
            .url(&format!("/zebra-{number}/path?q=zebra-{number}"));
        mcp.http().get(url).send().await.unwrap();
        let method = format!("zebra/{number}");
        mcp.rpc(Some(&format!("zebra-{number}")), &method, json!({}))
            .await
            .unwrap();
        let tool = format!("zebra_{number}");
        world.call("viewer", &tool, json!({})).await;
    }
    let metrics = world.server.metrics().await.unwrap();
    assert!(!metrics.contains("zebra"), "{metrics}");
    let series = metrics.lines().filter(|line| !line.starts_with('#'));
    let series = series.count();
    assert!(series < 500, "{series} series:\n{metrics}");
}

//! Makes the real server reload a hundred times while requests are sent at a fixed rate, without
//! waiting for the answers to earlier ones.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use integration_tests::{PluginDir, Server, StubDataHub, artifacts, say};
use rustix::process::Signal;
use serde_json::json;
use tokio::{task::JoinSet, time::MissedTickBehavior};

const PER_SECOND: u32 = 1_000;
const RELOADS: u32 = 100;
/// The time from one reload to the next.
const EVERY: Duration = Duration::from_millis(100);

pub(super) fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let datahub = StubDataHub::start().await?;
    let plugins = PluginDir::with(&artifacts().plugin("hostile"))?;
    let server = plugins
        .server(&datahub, "hostile:good", &json!({"ttl_s": 0}))
        .env("DATAHUB_MCP_METRICS_ADDRESS", "127.0.0.1:0")
        .env("ACCESS_LOG_PERCENT", "0")
        .start()?;
    for reloads in [0, RELOADS] {
        let load = tokio::spawn(requests(server.mcp(), reloads));
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 0..RELOADS {
            tick.tick().await;
            if number < reloads {
                plugins.put_version(number)?;
                server.signal(Signal::HUP)?;
            }
        }
        let (statuses, mut latencies) = load.await??;
        latencies.sort();
        let at = |share: usize| {
            let place = latencies.len().saturating_sub(1) * share / 1000;
            latencies.get(place).copied().unwrap_or_default()
        };
        say(&format!(
            "{reloads} reloads asked for: {statuses:?}, p50 {:?}, p99 {:?}, p99.9 {:?}, longest {:?}",
            at(500),
            at(990),
            at(999),
            at(1000)
        ));
        ensure!(
            statuses.keys().all(|status| *status == 200),
            "not all were served; without reloads that means that the machine is too slow or too busy"
        );
    }
    let metrics = server.metrics().await?;
    for line in metrics
        .lines()
        .filter(|line| line.starts_with("datahub_mcp_plugin_"))
    {
        say(line);
    }
    report_memory(&server)
}

/// The number of answers by status (0: no answer), and the time from when each request was due to
/// its answer.
async fn requests(
    mcp: integration_tests::Mcp,
    run: u32,
) -> anyhow::Result<(BTreeMap<u16, u32>, Vec<Duration>)> {
    let total = PER_SECOND * RELOADS / 10;
    let begin = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut asked = JoinSet::new();
    for number in 0..total {
        tick.tick().await;
        let due = begin + Duration::from_secs(1) * number / PER_SECOND;
        let mcp = mcp.clone();
        asked.spawn(async move {
            let token = format!("good-{run}-{number}");
            let reply = mcp.rpc(Some(&token), "tools/list", json!({})).await;
            (reply.map_or(0, |reply| reply.status), due.elapsed())
        });
    }
    let (mut statuses, mut latencies) = (BTreeMap::new(), Vec::new());
    while let Some(answer) = asked.join_next().await {
        let (status, latency) = answer?;
        *statuses.entry(status).or_insert(0) += 1;
        latencies.push(latency);
    }
    Ok((statuses, latencies))
}

fn report_memory(server: &Server) -> anyhow::Result<()> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()))?;
    for name in ["RssAnon", "RssShmem", "Threads"] {
        say(status
            .lines()
            .find(|line| line.starts_with(name))
            .context("a field of status")?);
    }
    Ok(())
}

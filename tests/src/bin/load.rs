//! Load test on loopback, run by hand:
//! `cargo run --release -p integration-tests --bin load [SECONDS]`.
//!
//! Needs `wrk`. Prints, for each scenario, requests per second, latency and the server's CPU time
//! per request, and the same for bare axum measured in the same run: a fixed answer, and a hop to
//! the stub of DataHub. Machines are noisy, so only the ratios are meaningful.

use std::{io::Write as _, process::Command};

use anyhow::{Context, bail};
use integration_tests::{Bare, Server, StubDataHub, Vitals, artifacts, say, serve_if_asked};
use serde_json::{Value, json};

const CONNECTIONS: u32 = 64;
const DEFAULT_SECONDS: u64 = 10;

fn main() -> anyhow::Result<()> {
    if serve_if_asked()? {
        return Ok(());
    }
    let seconds = std::env::args()
        .nth(1)
        .map_or(Ok(DEFAULT_SECONDS), |text| text.parse())
        .context("SECONDS")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    // The stub answers on this process's runtime while wrk runs.
    let stub = runtime.block_on(StubDataHub::start())?;
    artifacts();

    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    let search = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "search", "arguments": {"query": "orders"}}});
    let token = Some("good-load");
    let bare = Bare::fixed()?;
    let name = "bare axum, fixed JSON";
    let fixed = measure(name, &bare.url(), token, &list, bare.pid(), seconds)?;
    drop(bare);
    let bare = Bare::hop(&stub.url())?;
    let name = "bare axum, one hop to the stub of DataHub";
    let hop = measure(name, &bare.url(), token, &search, bare.pid(), seconds)?;
    drop(bare);

    let server = Server::builder()
        .env("DATAHUB_GMS_URL", stub.url())
        .env("TOKEN_VALIDATOR_FACTORY", "hostile:good")
        .env(
            "TOKEN_VALIDATOR_PLUGIN_DIR",
            artifacts().dir().display().to_string(),
        )
        .env("ACCESS_LOG_PERCENT", "1")
        .start()?;
    let url = server.url("/mcp");
    let pid = server.pid();
    let listed = measure("tools/list, cached token", &url, token, &list, pid, seconds)?;
    listed.beside("fixed JSON", &fixed);
    let name = "search, cached token, stub of DataHub";
    let found = measure(name, &url, token, &search, pid, seconds)?;
    found.beside("fixed JSON", &fixed);
    found.beside("one hop", &hop);
    Ok(())
}

struct Figures {
    per_second: f64,
    cpu_us: f64,
}

impl Figures {
    fn beside(&self, what: &str, bare: &Self) {
        say(&format!(
            "  ratio to bare axum, {what}: {:.2} of the requests/s, {:.1} times the CPU",
            self.per_second / bare.per_second,
            self.cpu_us / bare.cpu_us
        ));
    }
}

fn measure(
    name: &str,
    url: &str,
    token: Option<&str>,
    body: &Value,
    pid: u32,
    seconds: u64,
) -> anyhow::Result<Figures> {
    let mut script = tempfile::NamedTempFile::new()?;
    let authorization = token
        .map(|token| format!("wrk.headers[\"Authorization\"] = \"Bearer {token}\"\n"))
        .unwrap_or_default();
    write!(
        script,
        "wrk.method = \"POST\"\nwrk.body = [[{body}]]\nwrk.headers[\"Content-Type\"] = \"application/json\"\n\
         wrk.headers[\"Accept\"] = \"application/json, text/event-stream\"\n{authorization}\
         done = function(summary, latency, requests)\n\
         io.write(string.format(\"FIGURES %d %d %d %d %d\\n\", summary.requests, summary.duration,\n\
         summary.errors.status + summary.errors.read + summary.errors.timeout + summary.errors.connect,\n\
         latency:percentile(50), latency:percentile(99)))\nend\n"
    )?;
    let before = Vitals::of(pid)?.cpu;
    let output = Command::new("wrk")
        .args([
            "-t1",
            &format!("-c{CONNECTIONS}"),
            &format!("-d{seconds}s"),
            "-s",
        ])
        .arg(script.path())
        .arg(url)
        .output()
        .context("running wrk; on Debian: apt-get install wrk")?;
    let cpu = Vitals::of(pid)?.cpu - before;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("FIGURES "))
        .context("wrk's figures")?;
    let numbers: Vec<f64> = line
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let [requests, duration, errors, p50, p99] = numbers[..] else {
        bail!("wrk said {line}")
    };
    if requests < 1.0 || errors > 0.0 {
        bail!("{name}: {requests} requests, {errors} errors");
    }
    let per_second = requests / (duration / 1e6);
    let cpu_us = cpu.as_secs_f64() * 1e6 / requests;
    say(&format!(
        "{name}: {per_second:.0} requests/s, p50 {:.2} ms, p99 {:.2} ms, {cpu_us:.1} us CPU a request",
        p50 / 1e3,
        p99 / 1e3
    ));
    Ok(Figures { per_second, cpu_us })
}

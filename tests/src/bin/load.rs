//! Load test on loopback, run by hand:
//! `cargo run --release -p integration-tests --bin load [SECONDS]`.
//!
//! Needs `wrk`. Prints, for each scenario, requests per second, latency and the server's CPU time
//! per request, and the same for a bare axum handler measured in the same run. Machines are noisy,
//! so only the ratio is meaningful.

use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use integration_tests::{Server, StubDataHub, Vitals, artifacts, say};
use serde_json::{Value, json};

const CONNECTIONS: u32 = 64;
const DEFAULT_SECONDS: u64 = 10;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let first = args.next();
    if first.as_deref() == Some("--bare") {
        return bare();
    }
    let seconds = first
        .map_or(Ok(DEFAULT_SECONDS), |text| text.parse())
        .context("SECONDS")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    // The stub answers on this process's runtime while wrk runs.
    let stub = runtime.block_on(StubDataHub::start())?;
    artifacts();

    let bare = Bare::start()?;
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    let baseline = measure(
        "bare axum, fixed JSON",
        &bare.url,
        None,
        &list,
        bare.child.id(),
        seconds,
    )?;

    let server = Server::builder()
        .env("DATAHUB_GMS_URL", stub.url())
        .env("TOKEN_VALIDATOR_FACTORY", "hostile:good")
        .env(
            "TOKEN_VALIDATOR_PLUGIN_DIR",
            artifacts().dir().display().to_string(),
        )
        .env("ACCESS_LOG_PERCENT", "1")
        .start()?;
    let search = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "search", "arguments": {"query": "orders"}}});
    let url = server.url("/mcp");
    let token = Some("good-load");
    for (name, body) in [
        ("tools/list, cached token", &list),
        ("search, cached token, stub DataHub", &search),
    ] {
        let figures = measure(name, &url, token, body, server.pid(), seconds)?;
        say(&format!(
            "  ratio to bare axum: {:.2} of the requests/s, {:.1} times the CPU",
            figures.per_second / baseline.per_second,
            figures.cpu_us / baseline.cpu_us
        ));
    }
    Ok(())
}

struct Figures {
    per_second: f64,
    cpu_us: f64,
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

struct Bare {
    child: Child,
    url: String,
}

impl Bare {
    fn start() -> anyhow::Result<Self> {
        use std::io::BufRead as _;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--bare")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
        Ok(Self {
            child,
            url: line.trim().to_owned(),
        })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The baseline: axum with one route and a fixed JSON answer.
fn bare() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let app = axum::Router::new().route(
            "/mcp",
            axum::routing::post(|axum::Json(_): axum::Json<Value>| async {
                axum::Json(json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}))
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        say(&format!("http://{}/mcp", listener.local_addr()?));
        // Ends by itself if nothing stops it.
        let _ = tokio::time::timeout(Duration::from_secs(600), axum::serve(listener, app)).await;
        Ok(())
    })
}

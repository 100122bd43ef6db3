//! Measures the latency of each tool that reads, run by hand:
//! `cargo run --release -p integration-tests --bin latency [--calls N] [CATALOG...]`.
//!
//! Builds and starts the sandbox, with the shop's catalog or with these metadata files, and calls
//! each tool sequentially, with the entities of the catalog in turn. Prints a table of p50 and p99
//! and the answer's mean size, DataHub's own time included. Ends by itself.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use integration_tests::{Mcp, Reply, artifacts, say};
use serde_json::{Value, json};

const DEFAULT_CALLS: usize = 200;
const MAX_CALLS: usize = 10_000;
/// Calls before the measurement, which open connections, fill caches and map memory.
const WARM_UP: usize = 10;

fn main() -> anyhow::Result<()> {
    let mut calls = DEFAULT_CALLS;
    let mut catalog: Vec<PathBuf> = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--calls" => calls = args.next().context("--calls N")?.parse()?,
            path => catalog.push(path.into()),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(run(calls.clamp(1, MAX_CALLS), &catalog))
}

async fn run(calls: usize, catalog: &[PathBuf]) -> anyhow::Result<()> {
    let sandbox = Sandbox::start(catalog)?;
    let world = World::of(&sandbox.about).await?;
    say("| tool | p50 ms | p99 ms | bytes | calls |");
    say("| --- | ---: | ---: | ---: | ---: |");
    for (tool, about, arguments) in world.plan() {
        let measured = world.measure(tool, &arguments, calls).await?;
        say(&format!(
            "| `{tool}`{about} | {:.2} | {:.2} | {} | {calls} |",
            millis(measured.times[calls / 2]),
            millis(measured.times[calls * 99 / 100]),
            measured.bytes / calls,
        ));
    }
    Ok(())
}

struct Measured {
    /// The times of the calls, in ascending order.
    times: Vec<Duration>,
    bytes: usize,
}

/// The caller and the entities that the calls are about.
struct World {
    mcp: Mcp,
    token: String,
    datasets: Vec<String>,
    /// Pairs of a dataset and one of its columns.
    columns: Vec<(String, String)>,
    documents: Vec<String>,
}

impl World {
    async fn of(about: &Value) -> anyhow::Result<Self> {
        let text = |value: &Value| {
            value
                .as_str()
                .map(str::to_owned)
                .context("the sandbox's line")
        };
        let mut world = Self {
            mcp: Mcp::new(text(&about["mcp_url"])?),
            token: text(&about["people"]["editor"]["token"])?,
            datasets: Vec::new(),
            columns: Vec::new(),
            documents: Vec::new(),
        };
        world.datasets = world.urns("dataset").await?;
        world.documents = world.urns("document").await?;
        for urn in world.datasets.iter().take(20) {
            let reply = world
                .call("list_schema_fields", &json!({"urn": urn, "limit": 1}))
                .await?;
            if let Some(path) = reply.structured()["fields"][0]["fieldPath"].as_str() {
                world.columns.push((urn.clone(), path.to_owned()));
            }
        }
        if world.datasets.len() < 2 || world.columns.is_empty() {
            bail!("the catalog has no datasets with columns to ask about");
        }
        Ok(world)
    }

    async fn urns(&self, kind: &str) -> anyhow::Result<Vec<String>> {
        let arguments = json!({"filter": format!("type = {kind}"), "num_results": 50});
        let reply = self.call("search", &arguments).await?;
        let hits = reply.structured()["searchResults"].as_array().cloned();
        let urns = hits.unwrap_or_default();
        let urns = urns.iter().filter_map(|hit| hit["entity"]["urn"].as_str());
        Ok(urns.map(str::to_owned).collect())
    }

    /// Each read tool with a remark and its arguments, which are used in turn.
    fn plan(&self) -> Vec<(&'static str, &'static str, Vec<Value>)> {
        let each = |make: &dyn Fn(&str) -> Value| -> Vec<Value> {
            self.datasets.iter().map(|urn| make(urn)).collect()
        };
        let words = ["orders", "customer", "revenue", "daily", "*"];
        let asked = |make: &dyn Fn(&str) -> Value| words.iter().map(|word| make(word)).collect();
        let pairs = self.datasets.windows(2);
        let many: Vec<Value> = self
            .datasets
            .chunks(20)
            .filter(|chunk| chunk.len() == 20)
            .map(|chunk| json!({"urns": chunk}))
            .collect();
        let mut plan = vec![
            ("search", "", asked(&|word| json!({"query": word}))),
            (
                "search",
                ", filtered, 50 hits",
                asked(
                    &|word| json!({"query": word, "num_results": 50, "filter": "type = dataset AND NOT deprecated = true"}),
                ),
            ),
            ("get_entities", "", each(&|urn| json!({"urns": urn}))),
            ("list_schema_fields", "", each(&|urn| json!({"urn": urn}))),
            (
                "get_lineage",
                ", upstream",
                each(&|urn| json!({"urn": urn})),
            ),
            (
                "get_lineage",
                ", downstream, 3 hops",
                each(&|urn| json!({"urn": urn, "upstream": false, "max_hops": 3})),
            ),
            (
                "get_lineage",
                ", of a column",
                self.columns
                    .iter()
                    .map(|(urn, column)| json!({"urn": urn, "column": column}))
                    .collect(),
            ),
            (
                "get_lineage_paths_between",
                "",
                pairs
                    .map(|pair| json!({"source_urn": pair[0], "target_urn": pair[1]}))
                    .collect(),
            ),
            ("get_dataset_queries", "", each(&|urn| json!({"urn": urn}))),
            ("get_usage_statistics", "", each(&|urn| json!({"urn": urn}))),
            ("get_dataset_profile", "", each(&|urn| json!({"urn": urn}))),
            ("list_incidents", "", each(&|urn| json!({"urn": urn}))),
            (
                "get_dataset_assertions",
                "",
                each(&|urn| json!({"urn": urn})),
            ),
            (
                "get_aspect_history",
                "",
                each(&|urn| json!({"urns": urn, "aspect_names": "datasetProperties"})),
            ),
            (
                "search_documents",
                "",
                asked(&|word| json!({"query": word})),
            ),
            ("get_me", "", vec![json!({})]),
        ];
        if !many.is_empty() {
            plan.insert(3, ("get_entities", ", 20 urns", many));
        }
        if !self.documents.is_empty() {
            let grep = json!({"urns": self.documents, "pattern": "the"});
            plan.insert(plan.len() - 1, ("grep_documents", "", vec![grep]));
        }
        plan
    }

    async fn measure(
        &self,
        tool: &str,
        arguments: &[Value],
        calls: usize,
    ) -> anyhow::Result<Measured> {
        let mut measured = Measured {
            times: Vec::with_capacity(calls),
            bytes: 0,
        };
        for (number, arguments) in arguments.iter().cycle().take(WARM_UP + calls).enumerate() {
            let started = Instant::now();
            let reply = self.call(tool, arguments).await?;
            if number >= WARM_UP {
                measured.times.push(started.elapsed());
                measured.bytes += reply.text.len();
            }
        }
        measured.times.sort_unstable();
        Ok(measured)
    }

    async fn call(&self, tool: &str, arguments: &Value) -> anyhow::Result<Reply> {
        let reply = self
            .mcp
            .call(Some(&self.token), tool, arguments.clone())
            .await?;
        if reply.status != 200 || reply.is_tool_error() || !reply.structured().is_object() {
            bail!("{tool} {arguments}: {}", reply.text);
        }
        Ok(reply)
    }
}

/// The sandbox as a child process, which ends with this program.
struct Sandbox {
    child: Child,
    about: Value,
}

impl Sandbox {
    fn start(catalog: &[PathBuf]) -> anyhow::Result<Self> {
        let program = artifacts().sandbox();
        let mut command = Command::new(&program);
        command.args(["--json", "--port", "0"]);
        if !catalog.is_empty() {
            command.arg("--catalog").args(catalog);
        }
        let mut child = command
            .env("DATA_QUALITY_TOOLS_ENABLED", "true")
            .env("LOG_LEVEL", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut lines = BufReader::new(child.stdout.take().context("stdout")?);
        let mut line = String::new();
        lines.read_line(&mut line)?;
        let about = serde_json::from_str(&line).context("the sandbox did not start")?;
        Ok(Self { child, about })
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // The sandbox's own child processes end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

//! Measures the memory of each loaded library and the time of a reload.

use std::{fs, time::Instant};

use anyhow::Context;
use integration_tests::{PluginDir, artifacts, say, vendor};
use plugin_host::{SandboxMode, Settings, ValidatorSpec, Validators, tools};

use super::median;

const LIBRARIES: [&str; 7] = [
    "hostile",
    "static_tokens",
    "datahub_token",
    "datahub_exchange",
    "introspection",
    "token_exchange",
    "oidc",
];
const RELOADS: u32 = 40;

pub(super) fn run() -> anyhow::Result<()> {
    let target = artifacts().dir().join("vendor");
    say("memory of this process before and after a library is loaded and describes itself");
    say("library              file KiB    all KiB    of it written to");
    let mut libraries: Vec<_> = LIBRARIES
        .map(|name| artifacts().plugin(name))
        .into_iter()
        .collect();
    libraries.push(vendor::in_c(&target)?);
    libraries.extend(vendor::in_go(&target)?);
    for library in &libraries {
        let plugins = PluginDir::with(library)?;
        let name = library.file_name().context("a file")?;
        let before = Memory::now()?;
        tools::describe(&plugins.path().join(name), SandboxMode::Off)
            .map_err(anyhow::Error::msg)?;
        let after = Memory::now()?;
        say(&format!(
            "{:<20} {:>8} {:>10} {:>10}",
            name.to_string_lossy(),
            plugins.bytes().len() / 1024,
            after.all.saturating_sub(before.all),
            after.written.saturating_sub(before.written),
        ));
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(reload())
}

async fn reload() -> anyhow::Result<()> {
    let plugins = PluginDir::with(&artifacts().plugin("hostile"))?;
    let chain = ValidatorSpec::parse_chain("hostile:good")?;
    let settings = Settings::new(vec![plugins.path().to_path_buf()], chain);
    let validators = tokio::task::spawn_blocking(|| Validators::load(settings)).await??;
    say("\nreload of `hostile`, median");
    for changed in [false, true] {
        let before = Memory::now()?;
        let mut times = Vec::new();
        for number in 0..RELOADS {
            if changed {
                plugins.put_version(number)?;
            }
            let started = Instant::now();
            validators.reload().await?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let grown = Memory::now()?.all.saturating_sub(before.all) / u64::from(RELOADS);
        let what = if changed {
            "another file"
        } else {
            "the same file"
        };
        say(&format!(
            "{what:<20} {:>8.2} ms, {grown} KiB more for each",
            median(&mut times)
        ));
    }
    validators.shutdown().await;
    Ok(())
}

/// The resident memory of this process, in KiB.
struct Memory {
    all: u64,
    /// Pages that belong to no file, or are a modified copy of a file's page.
    written: u64,
}

impl Memory {
    fn now() -> anyhow::Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let field = |name: &str| -> anyhow::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            Ok(number.context("a field of status")?.parse()?)
        };
        Ok(Self {
            all: field("VmRSS:")?,
            written: field("RssAnon:")?,
        })
    }
}

//! Measures the memory of each loaded library and the time of a reload.

use std::time::Instant;

use anyhow::Context;
use integration_tests::{PluginDir, Vitals, artifacts, say, vendor};
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
        let before = Vitals::own()?;
        tools::describe(&plugins.path().join(name), SandboxMode::Off)
            .map_err(anyhow::Error::msg)?;
        let after = Vitals::own()?;
        say(&format!(
            "{:<20} {:>8} {:>10} {:>10}",
            name.to_string_lossy(),
            plugins.bytes().len() / 1024,
            after.resident_kib.saturating_sub(before.resident_kib),
            after.written_kib.saturating_sub(before.written_kib),
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
        let before = Vitals::own()?;
        let mut times = Vec::new();
        for number in 0..RELOADS {
            if changed {
                plugins.put_version(number)?;
            }
            let started = Instant::now();
            validators.reload().await?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let grown = Vitals::own()?
            .resident_kib
            .saturating_sub(before.resident_kib)
            / u64::from(RELOADS);
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

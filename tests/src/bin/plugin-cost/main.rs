//! Measures the cost of plugins, run by hand on a quiet machine:
//! `cargo run --release -p integration-tests --bin plugin-cost [reloads]`.
//!
//! Without an argument: a call for each way into a plugin, the memory of each library, the time of
//! a reload, all within this process. With `reloads`: the real server under a thousand requests per
//! second while it reloads a hundred times. Machines are noisy, so only the ratios within one run
//! are meaningful.

mod calls;
mod libraries;
mod reloads;

use std::process::ExitCode;

use anyhow::{Context, bail};
use datahub_mcp::{cli, config};

fn main() -> anyhow::Result<ExitCode> {
    // The host starts a validator's process from its own executable, which is this program.
    if plugin_host::is_validator_process(std::env::args_os()) {
        return Ok(plugin_host::run_isolated());
    }
    match std::env::args().nth(1).as_deref() {
        Some("plugins") => child(),
        Some("reloads") => reloads::run().map(|()| ExitCode::SUCCESS),
        Some(other) => bail!("`{other}` is not an argument; use `reloads`"),
        None => {
            libraries::run()?;
            calls::run().map(|()| ExitCode::SUCCESS)
        }
    }
}

fn child() -> anyhow::Result<ExitCode> {
    let environment = config::environment(std::env::vars_os());
    match cli::parse(std::env::args_os(), environment, false) {
        Ok(cli::Invocation {
            command: cli::Command::Plugins(command),
            ..
        }) => command
            .run_without_settings()
            .context("a command of a child"),
        Ok(_) => bail!("not a command of a child"),
        Err(status) => Ok(status),
    }
}

/// The median of `values`, which are sorted by this.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

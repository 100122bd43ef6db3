//! Attacks, load and long runs against the real server on loopback, run by hand on a quiet machine:
//! `cargo run --release -p integration-tests --bin reliability SCENARIO [NUMBER]`.
//!
//! | scenario | what happens | NUMBER |
//! | --- | --- | --- |
//! | `siege` | 2,000 sockets of one person and 2,000 of strangers against eight people | seconds of each part (20) |
//! | `crossed` | 200 people on shared connections, with cancelled calls, time-outs, evictions, reloads | requests (1,000,000) |
//! | `soak` | good, expired and made-up tokens, sign-ins, slow clients, clients that leave | minutes (30) |
//! | `idle` | connections that wait for the next request | connections (5,000) |
//! | `overload` | 1,000 connections that ask for three times as much as there are places | seconds (20) |
//! | `cold` | tokens that the server has never seen, beside `/health` | tokens (20,000) |
//! | `restarts` | killed under load, and started again | rounds (20) |
//! | `added` | the time that this server, and a bare hop, add to a call of DataHub | seconds of each part (30) |
//!
//! Each is bounded and ends by itself; with status 1 where a bound of its own is broken. Only ratios
//! within one run say something about another machine.

mod added;
mod cold;
mod crossed;
mod idle;
mod overload;
mod people;
mod restarts;
mod siege;
mod soak;
mod wire;
mod world;

use anyhow::{Context, bail};
use rustix::process::{Resource, getrlimit, setrlimit};

fn main() -> anyhow::Result<()> {
    if integration_tests::serve_if_asked()? {
        return Ok(());
    }
    let mut args = std::env::args().skip(1);
    let scenario = args.next().unwrap_or_default();
    let number = args.next().map(|text| text.parse::<u64>()).transpose();
    let number = number.context("NUMBER")?;
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match scenario.as_str() {
            "siege" => siege::run(number.unwrap_or(20)).await,
            "crossed" => crossed::run(number.unwrap_or(1_000_000)).await,
            "soak" => soak::run(number.unwrap_or(30)).await,
            "idle" => idle::run(number.unwrap_or(5_000)).await,
            "overload" => overload::run(number.unwrap_or(20)).await,
            "cold" => cold::run(number.unwrap_or(20_000)).await,
            "restarts" => restarts::run(number.unwrap_or(20)).await,
            "added" => added::run(number.unwrap_or(30)).await,
            _ => bail!(
                "name a scenario: siege, crossed, soak, idle, overload, cold, restarts, added"
            ),
        }
    })
}

/// Lets this process, and those that it starts, open as many files as they may.
fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that fails, a scenario with many sockets says so.
    let _ = setrlimit(Resource::Nofile, limit);
}

//! Measures one call for each way into a plugin, including everything that the host does around it.
//! The token is 1 KiB long and not cached; a plugin that returns claims returns ten.

use std::{path::Path, time::Instant};

use anyhow::{bail, ensure};
use foundation::identity::Verdict;
use integration_tests::{PluginDir, artifacts, say, vendor};
use plugin_host::{Isolation, SandboxMode, Settings, ValidatorSpec, Validators};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::median;

const TOKEN_BYTES: usize = 1024;
const ROUNDS: usize = 11;
const CALLS: usize = 2_000;

struct Way<'a> {
    name: &'a str,
    library: &'a Path,
    factory: &'a str,
    options: Value,
    prefix: &'a str,
    isolation: Isolation,
    sandbox: SandboxMode,
}

pub(super) fn run() -> anyhow::Result<()> {
    let target = artifacts().dir().join("vendor");
    let hostile = artifacts().plugin("hostile");
    let (in_c, in_go) = (vendor::in_c(&target)?, vendor::in_go(&target)?);
    let fast = json!({"fast": true, "claims": 10, "ttl_s": 0});
    let later = json!({"fast": false, "claims": 10, "ttl_s": 0});
    let way = |name, library, factory, options: &Value, prefix, isolation| Way {
        name,
        library,
        factory,
        options: options.clone(),
        prefix,
        isolation,
        sandbox: SandboxMode::Required,
    };
    let (here, apart) = (Isolation::InProcess, Isolation::Process);
    let none = json!({});
    let mut ways = vec![
        way(
            "Rust, try_validate",
            &*hostile,
            "hostile:good",
            &fast,
            "good-",
            here,
        ),
        way(
            "Rust, validate on its runtime",
            &hostile,
            "hostile:good",
            &later,
            "good-",
            here,
        ),
        way(
            "C, try_validate",
            &in_c,
            "vendor_c:prefix",
            &none,
            "c-",
            here,
        ),
        way(
            "C, validate on a new thread",
            &in_c,
            "vendor_c:slow",
            &none,
            "slow-0-",
            here,
        ),
    ];
    if let Some(in_go) = &in_go {
        ways.push(way(
            "Go, try_validate",
            in_go,
            "vendor_go:prefix",
            &none,
            "go-",
            here,
        ));
        ways.push(way(
            "Go, validate on a goroutine",
            in_go,
            "vendor_go:slow",
            &none,
            "slow-0-",
            here,
        ));
    }
    ways.push(way(
        "Rust, try_validate, own process",
        &hostile,
        "hostile:good",
        &fast,
        "good-",
        apart,
    ));
    ways.push(way(
        "Rust, validate, own process",
        &hostile,
        "hostile:good",
        &later,
        "good-",
        apart,
    ));
    // What the sandbox costs: the same again without it.
    for (name, options) in [
        ("Rust, try_validate, no sandbox", &fast),
        ("Rust, validate, no sandbox", &later),
    ] {
        let unconfined = way(name, &*hostile, "hostile:good", options, "good-", apart);
        ways.push(Way {
            sandbox: SandboxMode::Off,
            ..unconfined
        });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let mut first = None;
    say("\none call at a time, median of 11 rounds");
    for way in ways {
        let us = runtime.block_on(measure(&way))?;
        let first = *first.get_or_insert(us);
        say(&format!(
            "{:<34} {us:>8.2} us {:>7.2}",
            way.name,
            us / first
        ));
    }
    Ok(())
}

async fn measure(way: &Way<'_>) -> anyhow::Result<f64> {
    let plugins = PluginDir::with(way.library)?;
    let chain = ValidatorSpec::parse_chain(way.factory)?;
    let mut settings = Settings::new(vec![plugins.path().to_path_buf()], chain);
    settings.options.config = way.options.as_object().cloned().unwrap_or_default();
    settings.isolation = way.isolation;
    settings.sandbox = way.sandbox;
    let validators = tokio::task::spawn_blocking(|| Validators::load(settings)).await??;
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let tokens: Vec<_> = (0..CALLS)
            .map(|call| {
                let start = format!("{}{round}-{call}-", way.prefix);
                let rest = "x".repeat(TOKEN_BYTES - start.len());
                SecretString::from(start + &rest)
            })
            .collect();
        let started = Instant::now();
        for token in &tokens {
            match validators.validate(token, "0123456789abcdef").await {
                Verdict::Accepted(_) => {}
                other => bail!("{}: {other:?}", way.name),
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        rounds.push(started.elapsed().as_secs_f64() * 1e6 / CALLS as f64);
    }
    // The first round is a warm-up.
    rounds.remove(0);
    ensure!(!rounds.is_empty());
    validators.shutdown().await;
    Ok(median(&mut rounds))
}

//! All fuzz targets in one program, because linking takes longer than a target runs in the gate. The variable
//! `FUZZ_TARGET` names the one to run, `list` prints their names.
#![no_main]

use std::{env, process::exit, sync::OnceLock};

type Target = fn(&[u8]);

const TARGETS: &[(&str, Target)] = &[
    ("answer", datahub::fuzz::answer),
    ("authorize_query", oauth::fuzz::authorize_query),
    ("bearer", datahub_mcp::auth::fuzz::bearer_header),
    ("challenge", datahub_mcp::auth::fuzz::challenge),
    ("claims", validator_common::fuzz::claims),
    ("client_metadata", oauth::fuzz::client_metadata),
    ("elf", plugin_host::fuzz::elf),
    ("filter", mcp::fuzz::filter),
    ("forwarded", datahub_mcp::server::fuzz::forwarded),
    ("head", datahub_mcp::server::fuzz::head),
    ("jwks", validator_common::fuzz::jwks),
    ("jwt", validator_common::fuzz::jwt),
    ("message", datahub_mcp::server::fuzz::message),
    ("redirect_uri", oauth::fuzz::redirect_uri),
    ("sealed", oauth::fuzz::sealed),
];

static TARGET: OnceLock<Target> = OnceLock::new();

/// The target that `FUZZ_TARGET` names. Ends the process if it names none.
fn chosen() -> Target {
    let name = env::var("FUZZ_TARGET").unwrap_or_default();
    let names = || TARGETS.iter().map(|(name, _)| *name);
    if name == "list" {
        names().for_each(|name| println!("{name}"));
        exit(0);
    }
    match TARGETS.iter().find(|(known, _)| *known == name) {
        Some((_, target)) => *target,
        None => {
            eprintln!(
                "FUZZ_TARGET must be one of: {}",
                names().collect::<Vec<_>>().join(" ")
            );
            exit(64)
        }
    }
}

libfuzzer_sys::fuzz_target!(
    init: {
        let _ = TARGET.set(chosen());
    },
    |data: &[u8]| {
        if let Some(target) = TARGET.get() {
            target(data);
        }
    }
);

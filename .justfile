# Daily commands. `just` lists them; `just test reload` passes arguments on. https://github.com/casey/just
# Nothing depends on this file: the gate is `.ci/run`.

target := env("CARGO_TARGET_DIR", "target")

# List the commands.
[private]
default:
    @"{{ just_executable() }}" --justfile "{{ justfile() }}" --list --unsorted

# Check that everything compiles, tests included.
check:
    cargo check --workspace --all-targets

# All tests; a word selects those whose name holds it.
test *args:
    cargo test --workspace {{ args }}

# Everything but the black-box suite: unit, property and documentation tests of each crate.
unit *args:
    cargo test --workspace --exclude integration-tests {{ args }}

# The black-box suite; `just suite reload` runs one module.
suite *args:
    cargo test --package integration-tests --test suite {{ args }}

# An unoptimised sandbox: DataHub, identity provider and the real server, until Ctrl-C.
sandbox *args:
    cargo build
    "{{ target }}/debug/sandbox" {{ args }}

# Format all crates.
fmt:
    cargo fmt --all

# The lints as the gate runs them.
lint:
    cargo fmt --all -- --check
    cargo clippy --workspace --all-targets -- -D warnings

# The gate: everything that must hold before a change lands. Takes long; wants Node.js and Python.
gate:
    .ci/run

# Write the table of settings into README.md, between its markers.
reference:
    #!/usr/bin/env bash
    set -euo pipefail
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
    cargo run --quiet --package datahub-mcp -- config reference >"$work/table"
    awk -v table="$work/table" '
        /^<!-- end of settings -->$/ { skip = 0 }
        !skip { print }
        /^<!-- settings -->$/ { while ((getline line < table) > 0) print line; skip = 1 }
    ' README.md >"$work/readme"
    cat "$work/readme" >README.md

# Micro-benchmarks: token verification, and a call over the plugin boundary.
bench:
    cargo bench --package validator-common --features testing
    cargo bench --package datahub-mcp-plugin-api

# Load on the real server, by hand; needs `wrk`.
load *args:
    cargo run --release --package integration-tests --bin load -- {{ args }}

# The server, its plugins and the sandbox as people build them to run them.
release:
    cargo build --release

# The server and its plugins as they are shipped, in `target/dist`: slower to build, smaller and faster. Needs `make`.
dist:
    cargo build --profile dist --package datahub-mcp --package oidc --package datahub_token \
        --package datahub_exchange --package introspection --package token_exchange --package static_tokens \
        --features datahub-mcp/jemalloc

//! Test-only validators that misbehave in the ways in which a plugin can. Named in tests as
//! `hostile:FACTORY`; the options of each choose what it does, and describe that in their docs
//! (`datahub-mcp plugins inspect` prints them).
//!
//! | factory | what it does |
//! | --- | --- |
//! | `good` | behaves correctly; its options choose kinds of answers, delays, expiry, health |
//! | `options` | behaves correctly, and shows its options as they arrived |
//! | `panics` | panics in any of its methods |
//! | `hangs` | never answers: waits, blocks its thread, spins |
//! | `nonsense` | gives answers that a host must not accept |
//! | `floods` | floods the host with errors and log records |
//! | `blabs` | puts the token everywhere it must not be |
//! | `leaks` | leaks memory, file descriptors, threads |
//! | `dies` | ends the whole process |
//!
//! All but `options` accept `good-SUBJECT` as SUBJECT and misbehave only for tokens that start
//! with their option `trigger` (default: every token), so that a test sees that others are served.
//! Misbehaviour that the SDK does not allow (unknown kinds of failure, broken JSON) is in the
//! library `hostile_raw`.

mod behaviour;
mod blabs;
mod dies;
mod floods;
mod good;
mod hangs;
mod leaks;
mod nonsense;
mod options;
mod panics;

plugin_api::export_token_validators! {
    "good" => good::Good,
    "options" => options::Options,
    "panics" => panics::Panics,
    "hangs" => hangs::Hangs,
    "nonsense" => nonsense::Nonsense,
    "floods" => floods::Floods,
    "blabs" => blabs::Blabs,
    "leaks" => leaks::Leaks,
    "dies" => dies::Dies,
}

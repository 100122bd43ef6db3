//! Test-only validators that misbehave in every way a plugin can. Named in tests as
//! `hostile:FACTORY`; what each does is chosen by its options, which say so in their docs
//! (`datahub-mcp plugins inspect` prints them).
//!
//! | factory | what it does |
//! | --- | --- |
//! | `good` | behaves, as its options say: kinds of answers, delays, expiry, health |
//! | `options` | behaves, and shows how its options arrived |
//! | `panics` | panics in any of its methods |
//! | `hangs` | never answers: waits, blocks its thread, spins |
//! | `nonsense` | answers what no host may believe |
//! | `floods` | errors and log records without end |
//! | `blabs` | puts the token everywhere it must not be |
//! | `leaks` | memory, file descriptors, threads |
//! | `dies` | takes the whole process with it |
//!
//! All but `options` accept `good-SUBJECT` as SUBJECT and misbehave only for tokens that start
//! with their option `trigger` (default: every token), so that a test sees that others are served.
//! What no SDK lets through (unknown kinds of failure, broken JSON) is in the library
//! `hostile_raw`.

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

//! MCP: the view of DataHub that a model gets. Holds the server (both protocol eras, stateless),
//! the tools (one file each), the filter language, resources and prompts.
//!
//! Makes no access decisions: a request arrives with its [`Caller`](datahub::Caller), and
//! DataHub itself decides what that person may see and change. Never keeps a caller after the
//! request.
//!
//! Suggested reading order: [`McpServer`] (the protocol), `registry` (the tools that are enabled),
//! `tool` (the definition of a tool), `tools/search.rs` (an example).

#![forbid(unsafe_code)]

mod access;
mod allow_list;
mod answer_shape;
mod args;
mod budget;
mod clean;
mod context;
mod documents;
mod error;
mod fields;
mod filter;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod hidden;
mod images;
mod info;
mod negotiation;
mod not_offered;
mod outcome;
mod panics;
mod params;
mod prompts;
mod registry;
mod resources;
mod scopes;
mod server;
mod service;
mod settings;
mod skills;
pub mod stdio;
mod times;
mod tool;
mod tools;
mod untrusted;
mod urn;
mod views;
mod written;

#[cfg(test)]
mod tests;

pub use self::{
    allow_list::{AllowList, NotAName},
    info::card as server_card,
    registry::{SetupError, offers_writes},
    scopes::{ScopesError, ToolScopes},
    server::McpServer,
    service::{HttpSettings, McpHttpService, stateless_http},
    settings::Settings,
    skills::folder::check as check_skills_folder,
};

/// All GraphQL documents that the tools send, for checks against DataHub's schemas.
pub fn documents() -> impl Iterator<Item = &'static datahub::Document> {
    documents::all()
}

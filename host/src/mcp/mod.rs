//! MCP: what a model sees of DataHub. The server (both protocol eras, stateless), the tools one
//! file each, the filter language, resources and prompts.
//!
//! Decides nothing about who may come in: the [`Caller`](crate::auth::Caller) of a request is
//! already there, and DataHub itself decides what that person may see and change. Never holds on
//! to a caller after the request.
//!
//! Read it in this order: [`McpServer`] (the protocol), `registry` (which tools there are),
//! `tool` (what a tool is), `tools/search.rs` (one of them).

mod args;
mod budget;
mod clean;
mod context;
mod error;
mod filter;
mod prompts;
mod registry;
mod resources;
mod scopes;
mod server;
mod service;
mod settings;
pub mod stdio;
mod tool;
mod tools;
mod urn;
mod views;

#[cfg(test)]
mod tests;

pub use self::{
    scopes::{ScopesError, ToolScopes},
    server::{McpServer, SetupError},
    service::{HttpSettings, McpHttpService, stateless_http},
    settings::Settings,
};

/// Every GraphQL document that the tools send, for checks against DataHub's schemas.
pub fn documents() -> impl Iterator<Item = &'static crate::datahub::Document> {
    tools::documents::all()
}

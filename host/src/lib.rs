//! The MCP server that a company puts in front of DataHub.
//!
//! One request goes through these crates in this order, and no other way:
//! [`server`] (limits, Host and Origin) -> [`auth`] (bearer, unseal) -> [`plugin_host`] (is the token
//! good, and whose is it?) -> [`datahub`] (a client of that very person) -> [`mcp`] (tools).

#![forbid(unsafe_code)]

pub mod auth;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod server;

//! The MCP server that a company puts in front of DataHub.
//!
//! One request goes through these modules in this order, and no other way:
//! [`server`] (limits, Host and Origin) -> [`auth`] (bearer, unseal) -> [`plugins`] (checks the
//! token and identifies the person) -> [`datahub`] (a client for that person) -> [`mcp`] (tools).

pub mod auth;
pub mod breaker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod datahub;
pub mod identity;
pub mod mcp;
pub mod oauth;
pub mod plugins;
pub mod public_url;
pub mod server;
pub mod suggest;
pub mod telemetry;

//! The sandbox: the services that the server depends on, on loopback and in one process.
//!
//! An embedded DataHub and an embedded identity provider ([`idp`]), each a real HTTP server with
//! controls for tests. The binary of the same name starts both and the real `datahub-mcp` in front;
//! the integration tests use the pieces one by one.
//!
//! Nothing here is meant for a network: everything listens on 127.0.0.1, and the people's passwords
//! are in the source.

pub mod clock;
pub mod datahub;
pub mod idp;
pub mod people;
pub mod serve;
pub mod shop;

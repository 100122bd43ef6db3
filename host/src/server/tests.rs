//! The router in this process: stand-ins for the validators and the MCP service, everything between
//! them real.

mod admission;
mod connections;
mod edges;
mod limits;
mod support;

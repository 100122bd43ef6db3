//! The router in this process: stand-ins for the validators and the MCP service, everything between
//! them real.

mod admission;
mod connections;
mod edges;
mod landing;
mod limits;
mod support;

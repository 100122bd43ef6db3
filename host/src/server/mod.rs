//! The listening side: sockets, limits, routes, shutdown.
//!
//! Start with `routes`: the route table and the list of what every request passes. Then `accept`
//! (connections), `signin` (bearer to caller), `respond` (refusals to answers).
//!
//! Never builds a URL from a request, and trusts no `X-Forwarded-*` or `Forwarded` header.

mod accept;
mod cors;
mod edge;
mod head;
mod health;
mod host;
mod io;
mod limits;
mod listener;
mod message;
mod metadata;
mod origin;
mod respond;
mod routes;
mod run;
mod settings;
mod signin;
mod state;
#[cfg(test)]
mod tests;

pub use self::{
    health::{Part, Probe},
    host::HostPattern,
    listener::{BindError, bind},
    origin::Origin,
    routes::McpService,
    run::{Ended, Parts, Server, SetupError},
    settings::{Limits, Settings, Shutdown},
};

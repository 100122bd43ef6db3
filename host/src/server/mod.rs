//! The listening side: sockets, limits, routes, shutdown.
//!
//! Start with `routes`: the route table and the list of what every request passes. Then `accept`
//! (connections), `authenticate` (bearer to caller), `respond` (refusals to answers).
//!
//! Never builds a URL from a request. `X-Forwarded-For` and `Forwarded` count from trusted proxies
//! only, and for the client's address only (`forwarded`).

mod accept;
mod access;
mod admin;
mod allowed_hosts;
mod assemble;
mod authenticate;
mod body;
mod cors;
#[cfg(any(test, feature = "testing"))]
pub mod cost;
mod forwarded;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod head;
mod health;
mod io;
mod json_values;
mod landing;
mod limits;
mod listener;
mod message;
mod metadata;
mod middleware;
mod open_connections;
mod origin;
mod paths;
mod prefix;
mod probe;
mod proxy_protocol;
mod request_id;
mod respond;
mod routes;
mod run;
mod said;
mod seldom;
mod settings;
mod shares;
mod state;
mod supplies;
#[cfg(test)]
mod tests;
mod trusted_proxies;
mod unread;
mod until_sent;

pub use self::{
    allowed_hosts::HostPattern,
    assemble::Assembly,
    listener::{BindError, bind},
    origin::Origin,
    probe::{Part, PartState, Probe},
    run::{Ended, Parts, Server, SetupError},
    settings::{Limits, Settings, Shutdown},
    trusted_proxies::{NotProxies, ProxyNetwork, TrustedProxies},
};

//! Settings of the listening side: plain, validated values.

use std::{net::SocketAddr, time::Duration};

use super::{allowed_hosts::HostPattern, origin::Origin, trusted_proxies::TrustedProxies};

/// Limits on how much strangers may send, and how long they may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    pub max_connections: usize,
    /// Requests to `/mcp` under way at once; more are answered 503.
    pub max_concurrent_requests: usize,
    /// Bytes of a request's body.
    pub max_body_bytes: usize,
    /// Bytes of a request's head.
    pub max_header_bytes: usize,
    /// The longest time from the first byte of a head to its last.
    pub header_timeout: Duration,
    /// The longest time from the end of a head to the end of the body.
    pub body_timeout: Duration,
    /// The longest time between two requests on one connection.
    pub idle_timeout: Duration,
    /// The longest time in which the client reads nothing while an answer waits.
    pub write_timeout: Duration,
    /// The longest time from a request's head to its answer's head.
    pub request_timeout: Duration,
}

/// The times of a shutdown.
#[derive(Debug, Clone)]
pub struct Shutdown {
    /// The time that `/ready` answers 503 before the listener closes.
    pub delay: Duration,
    /// The longest time that requests under way may take after that.
    pub grace: Duration,
}

/// Settings of the listening side.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address to listen on; port 0 takes a free one.
    pub address: SocketAddr,
    /// The addresses to serve `/metrics`, `/health` and `/ready` on, apart from everything else.
    pub admin_addresses: Vec<SocketAddr>,
    /// The proxies that are believed about the addresses of clients.
    pub trusted_proxies: TrustedProxies,
    /// True if the connections of these proxies begin with a PROXY header.
    pub proxy_protocol: bool,
    /// The names that a `Host` header may hold besides the public URL's.
    pub allowed_hosts: Vec<HostPattern>,
    /// Origins that may use `/mcp`; `None` for those of this machine and the public URL's.
    pub allowed_origins: Option<Vec<Origin>>,
    /// Scopes named in challenges and metadata.
    pub scopes: Vec<String>,
    /// The identity provider, if clients sign in there rather than with our own proxy.
    pub identity_provider: Option<String>,
    /// Limits.
    pub limits: Limits,
    /// The times of a shutdown.
    pub shutdown: Shutdown,
}

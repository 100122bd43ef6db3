//! What the listening side needs to know. Plain, validated values.

use std::{net::SocketAddr, time::Duration};

use super::{allowed_hosts::HostPattern, origin::Origin};

/// How much strangers may send, and how long they may take.
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
    /// From the first byte of a head to its last.
    pub header_timeout: Duration,
    /// From the end of a head to the end of the body.
    pub body_timeout: Duration,
    /// Between two requests on one connection.
    pub idle_timeout: Duration,
    /// Without one byte taken by the client while an answer waits.
    pub write_timeout: Duration,
    /// From a request's head to its answer's head.
    pub request_timeout: Duration,
}

/// How the server ends.
#[derive(Debug, Clone)]
pub struct Shutdown {
    /// How long `/ready` says no before the listener closes.
    pub delay: Duration,
    /// How long requests under way may take after that.
    pub grace: Duration,
}

/// Settings of the listening side.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Where `/metrics` is served, if anywhere.
    pub metrics_address: Option<SocketAddr>,
    /// What a `Host` header may hold besides the public URL's.
    pub allowed_hosts: Vec<HostPattern>,
    /// Origins that may use `/mcp`; `None` for those of this machine and the public URL's.
    pub allowed_origins: Option<Vec<Origin>>,
    /// Scopes named in challenges and metadata.
    pub scopes: Vec<String>,
    /// The identity provider, where clients sign in there rather than with our own proxy.
    pub identity_provider: Option<String>,
    /// Limits.
    pub limits: Limits,
    /// How the server ends.
    pub shutdown: Shutdown,
}

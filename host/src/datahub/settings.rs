//! Where DataHub is and how long it may take.

use std::time::Duration;

use url::Url;

/// What [`DataHub::new`](super::DataHub::new) needs to know. Plain, validated values.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The metadata service (`http://gms:8080`) or the frontend in front of it
    /// (`https://datahub.example.com/api/gms`).
    pub gms_url: Url,
    /// How long a TCP and TLS handshake may take. Default 2 s.
    pub connect_timeout: Duration,
    /// How long a whole call may take, retries included. Default 30 s.
    pub call_timeout: Duration,
    /// The most bytes of one answer that are read. Default 32 MiB.
    pub max_response_bytes: usize,
    /// The most calls that may be on their way at once; more are refused. Default 512.
    pub max_in_flight: usize,
    /// Failures in a row after which DataHub counts as down. Default 5.
    pub breaker_failures: u32,
    /// How long DataHub is left alone after that; doubles up to eight times it. Default 1 s.
    pub breaker_pause: Duration,
    /// How long the answer of `/config` is good for. Default 60 s.
    pub version_ttl: Duration,
    /// Proxies and authorities of the whole server.
    pub network: outbound::Network,
}

impl Settings {
    /// The defaults for the DataHub at `gms_url`.
    pub fn at(gms_url: Url) -> Self {
        Self {
            gms_url,
            connect_timeout: Duration::from_secs(2),
            call_timeout: Duration::from_secs(30),
            max_response_bytes: 32 * 1024 * 1024,
            max_in_flight: 512,
            breaker_failures: 5,
            breaker_pause: Duration::from_secs(1),
            version_ttl: Duration::from_secs(60),
            network: outbound::Network::default(),
        }
    }
}

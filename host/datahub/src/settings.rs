//! The address of DataHub and the limits of calls to it.

use std::time::Duration;

use foundation::breaker::Policy;
use http::HeaderMap;
use url::Url;

/// DataHub counts as down if the calls of this many people fail, and of most who call. Fewer may ask
/// for what it cannot answer.
const LEAST_PEOPLE: usize = 3;
/// Each failed probe doubles the pause, up to this multiple of the first.
const LONGEST_PAUSE: u32 = 8;

/// The input of [`DataHub::new`](super::DataHub::new): plain, validated values.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The metadata service (`http://gms:8080`) or the frontend in front of it
    /// (`https://datahub.example.com/api/gms`).
    pub gms_url: Url,
    /// Time limit for the TCP and TLS handshake. Default 2 s.
    pub connect_timeout: Duration,
    /// Time limit for a whole call, retries included. Default 30 s.
    pub call_timeout: Duration,
    /// The largest answer that is accepted. Default 32 MiB.
    pub max_response_bytes: usize,
    /// The maximum number of concurrent calls, and of those one person gets no more than a share;
    /// further ones are refused. Default 512.
    pub max_in_flight: usize,
    /// Consecutive failures after which DataHub counts as down, or one person has to pause if it is
    /// only theirs. Default 5.
    pub breaker_failures: u32,
    /// The first pause in calls after that; doubles up to eight times it. Default 1 s.
    pub breaker_pause: Duration,
    /// The lifetime of a cached answer of `/config`. Default 60 s.
    pub version_ttl: Duration,
    /// Proxies and authorities of the whole server.
    pub network: outbound::Network,
    /// Headers added to every request, for a gateway in front of DataHub; their values are marked
    /// sensitive. They must not be headers that a request sets itself.
    pub headers: HeaderMap,
}

impl Settings {
    /// Failures in a row open the breaker, or those of most people.
    pub(crate) fn breaker_policy(&self) -> Policy {
        Policy {
            faults: usize::try_from(self.breaker_failures).unwrap_or(usize::MAX),
            window: None,
            pause: self.breaker_pause,
            longest_pause: self.breaker_pause * LONGEST_PAUSE,
            probe_retry: self.breaker_pause,
            people: LEAST_PEOPLE,
        }
    }

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
            headers: HeaderMap::new(),
        }
    }
}

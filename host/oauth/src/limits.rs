//! Rate limits of one address and one client at each endpoint.
//!
//! Memory is fixed: addresses and clients share a table of buckets under a hash that nobody
//! outside can predict, so a flood of addresses costs nothing.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    time::Duration,
};

use axum::{extract::FromRequestParts, http::request::Parts};
use foundation::client_address::ClientAddress;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use super::{LimitSettings, types::ClientKey};

/// Buckets that an endpoint's addresses or clients share.
const BUCKETS: u64 = 16_384;

/// The network of the client that a request came from, as the server's edge knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer(String);

impl Peer {
    pub(super) fn of(address: ClientAddress) -> Self {
        Self(address.network().to_string())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        // Without an address all share one bucket: strict rather than unlimited.
        Ok(parts
            .extensions
            .get::<ClientAddress>()
            .map_or_else(|| Self("unknown".to_owned()), |address| Self::of(*address)))
    }
}

/// The limit of requests is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany {
    /// The time until the next request is accepted.
    pub(super) retry_after: Duration,
}

/// The limits of one endpoint.
pub(super) struct Limits {
    addresses: DefaultKeyedRateLimiter<u64>,
    clients: DefaultKeyedRateLimiter<u64>,
    hash: RandomState,
    clock: DefaultClock,
}

impl Limits {
    pub(super) fn new(settings: &LimitSettings) -> Self {
        let quota = |per_minute: u32, burst: u32| {
            let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
            Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst))
        };
        Self {
            addresses: RateLimiter::keyed(quota(
                settings.address_per_minute,
                settings.address_burst,
            )),
            clients: RateLimiter::keyed(quota(settings.client_per_minute, settings.client_burst)),
            hash: RandomState::new(),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request of `peer`.
    pub(super) fn count_peer(&self, peer: &Peer) -> Result<(), TooMany> {
        self.count(&self.addresses, peer.as_str())
    }

    /// Counts a request of `client`, once that is known.
    pub(super) fn count_client(&self, client: &ClientKey) -> Result<(), TooMany> {
        self.count(&self.clients, client.as_str())
    }

    fn count(&self, limiter: &DefaultKeyedRateLimiter<u64>, key: &str) -> Result<(), TooMany> {
        let bucket = self.hash.hash_one(key) % BUCKETS;
        limiter.check_key(&bucket).map_err(|until| TooMany {
            retry_after: until.wait_time_from(self.clock.now()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_stopped_and_another_is_not() {
        let limits = Limits::new(&LimitSettings {
            address_burst: 3,
            address_per_minute: 1,
            client_burst: 2,
            client_per_minute: 1,
        });
        let peer = |text: &str| Peer::of(ClientAddress::new(text.parse().unwrap()));
        let noisy = peer("192.0.2.1");
        for _ in 0..3 {
            limits.count_peer(&noisy).unwrap();
        }
        let refused = limits.count_peer(&noisy).unwrap_err();
        assert!(refused.retry_after > Duration::from_secs(1), "{refused:?}");
        limits.count_peer(&peer("192.0.2.2")).unwrap();
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_addresses() {
        let limits = Limits::new(&LimitSettings::default());
        for address in 0..100_000_u32 {
            let address = ClientAddress::new(std::net::Ipv4Addr::from(address).into());
            let _ = limits.count_peer(&Peer::of(address));
        }
        assert!(limits.addresses.len() <= usize::try_from(BUCKETS).unwrap());
    }
}

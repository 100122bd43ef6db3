//! Rate limits of one address and one sign-in at each endpoint.
//!
//! An address pays for what strangers send and for what fails, never for a request that proves a
//! person: a company behind one address is many people. What a person repeats is counted against the
//! one sign-in that it proves, and never against a client's id, which everybody may name.
//!
//! Memory is fixed: addresses and sign-ins share a table of buckets under a hash that nobody
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

use super::{
    LimitSettings,
    error::{OAuthError, PageError},
    types::FamilyId,
};

/// Buckets that an endpoint's addresses or sign-ins share.
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

impl From<TooMany> for OAuthError {
    fn from(refused: TooMany) -> Self {
        Self::too_many(refused.retry_after)
    }
}

impl From<TooMany> for PageError {
    fn from(refused: TooMany) -> Self {
        Self::too_many(refused.retry_after)
    }
}

/// The limits of one endpoint.
pub(super) struct Limits {
    addresses: DefaultKeyedRateLimiter<u64>,
    sign_ins: DefaultKeyedRateLimiter<u64>,
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
            sign_ins: RateLimiter::keyed(quota(
                settings.sign_in_per_minute,
                settings.sign_in_burst,
            )),
            hash: RandomState::new(),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request that proves nobody against `peer`.
    pub(super) fn count_peer(&self, peer: &Peer) -> Result<(), TooMany> {
        self.count(&self.addresses, peer.as_str())
    }

    /// The answer to a request of `peer` that ended with `error`: counted, if the request was wrong.
    pub(super) fn failed(&self, peer: &Peer, error: OAuthError) -> OAuthError {
        if !error.is_wrong_request() {
            return error;
        }
        match self.count_peer(peer) {
            Ok(()) => error,
            Err(too_many) => too_many.into(),
        }
    }

    /// Counts a request against the sign-in that one of its tokens has proven.
    pub(super) fn count_sign_in(&self, family: &FamilyId) -> Result<(), TooMany> {
        self.count(&self.sign_ins, family.as_str())
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
            sign_in_burst: 2,
            sign_in_per_minute: 1,
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

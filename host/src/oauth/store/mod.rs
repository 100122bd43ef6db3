//! What may be used once: authorizations on their way, codes, refresh tokens; and which sign-ins
//! have ended.
//!
//! Knows its content as opaque text (sealed by the caller) under digests, so that a stolen store
//! opens nothing. Each operation is one atomic step, in one process or across replicas. An error
//! is never taken for permission.

mod memory;
mod redis;
#[cfg(test)]
pub(super) mod tests;

use std::time::Duration;

use futures::future::BoxFuture;

#[cfg(test)]
pub(super) use self::tests::{FailingStore, Redis};
pub(super) use self::{memory::MemoryStore, redis::RedisStore};
use super::types::{ClientKey, FamilyId, StoreKey};

/// Authorizations on their way that are kept at most; above it the oldest of whoever has most go.
pub(super) const MAX_TRANSACTIONS: usize = 10_000;
/// Codes that are kept at most. Each needs a person who signed in.
pub(super) const MAX_CODES: usize = 20_000;
/// Families that are kept at most.
pub(super) const MAX_FAMILIES: usize = 200_000;

/// The store cannot answer now: HTTP 503.
#[derive(Debug, thiserror::Error)]
#[error("the store is not available: {0}")]
pub(super) struct StoreError(pub(super) String);

/// Who put an authorization on its way, for fairness when there are too many.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    /// The peer's network: its address, or /64 for IPv6.
    pub(super) network: String,
    /// The client.
    pub(super) client: ClientKey,
}

/// What a code turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TakenCode {
    /// Its first use.
    Fresh(String),
    /// It was used before, for this family.
    Spent(FamilyId),
    /// Never issued, or long gone.
    Unknown,
}

/// What presenting a refresh token led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RefreshClaim {
    /// The caller is the one to ask upstream; it must call `answer` or `release`.
    Granted,
    /// Another one is asking upstream right now: ask again soon.
    InProgress,
    /// It was used a moment ago; this was the answer.
    Replayed(String),
    /// It was used before that, or the family has ended. It has ended now.
    Revoked,
}

type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// See the module. `now` comes from the caller's clock.
pub(super) trait Store: Send + Sync {
    /// Keeps an authorization until it is taken or `ttl` is over.
    fn put_transaction<'a>(
        &'a self,
        key: &'a StoreKey,
        value: String,
        owner: &'a Owner,
        ttl: Duration,
    ) -> Answer<'a, ()>;

    /// Takes an authorization: a second time there is none.
    fn take_transaction<'a>(&'a self, key: &'a StoreKey) -> Answer<'a, Option<String>>;

    /// Keeps what a code stands for.
    fn put_code<'a>(
        &'a self,
        key: &'a StoreKey,
        value: String,
        family: &'a FamilyId,
        ttl: Duration,
    ) -> Answer<'a, ()>;

    /// Uses a code. That it was used is remembered for `remember`.
    fn take_code<'a>(&'a self, key: &'a StoreKey, remember: Duration) -> Answer<'a, TakenCode>;

    /// Uses refresh token number `generation` of a family. A claim ends by itself after `lease`;
    /// what is known of the family is forgotten after `ttl`.
    fn claim_refresh<'a>(
        &'a self,
        family: &'a FamilyId,
        generation: u64,
        lease: Duration,
        ttl: Duration,
    ) -> Answer<'a, RefreshClaim>;

    /// Ends a claim with the answer, which is given again for `grace`.
    fn answer<'a>(
        &'a self,
        family: &'a FamilyId,
        generation: u64,
        value: String,
        grace: Duration,
    ) -> Answer<'a, ()>;

    /// Ends a claim without an answer: the refresh token stays good.
    fn release<'a>(&'a self, family: &'a FamilyId, generation: u64) -> Answer<'a, ()>;

    /// Ends a family: none of its tokens is good any more.
    fn end_family<'a>(&'a self, family: &'a FamilyId, ttl: Duration) -> Answer<'a, ()>;

    /// Whether a family has ended. Answers at once from memory; another replica's word gets here
    /// within [`redis::POLL_INTERVAL`].
    fn is_ended(&self, family: &FamilyId) -> bool;
}

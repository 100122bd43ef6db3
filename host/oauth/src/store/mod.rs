//! The store of what may be used once: pending authorizations, codes, refresh tokens; and of the
//! sign-ins that have ended.
//!
//! Its content is opaque text (sealed by the caller) under digests, so that a stolen store opens
//! nothing. Each operation is one atomic step, in one process or across replicas. An error never
//! counts as permission.

mod clients;
mod clients_file;
mod ended_file;
mod memory;
mod redis;
#[cfg(test)]
pub(super) mod tests;
mod used_file;

use std::time::Duration;

use futures::future::BoxFuture;

#[cfg(test)]
pub(super) use self::tests::{FailingStore, Redis};
pub use self::{
    clients::ListedClient,
    clients_file::ClientsFileError,
    ended_file::{EndedFileError, look_at_ended},
    redis::{StoreUrlError, check_store_url},
};
pub(super) use self::{
    clients::set_blocked,
    clients_file::ClientsFile,
    memory::MemoryStore,
    redis::{RedisStore, Trust, is_unknown_name, probe_key, reach, store_kind, trouble},
};
use super::types::{ClientKey, FamilyId, StoreKey};

/// The most pending authorizations that are kept; above it, the oldest of the owner with the most
/// are dropped.
pub(super) const MAX_TRANSACTIONS: usize = 10_000;
/// The most codes that are kept. Each needs a person who signed in.
pub(super) const MAX_CODES: usize = 20_000;
/// The most tokens that are kept because they are too large for a header; each is at most
/// 16 KiB and needs a person who signed in. Above it, the first to expire are dropped.
pub(super) const MAX_TOKENS: usize = 2_000;
/// The most refresh tokens of the provider that are kept for the end of their sign-ins; each is at
/// most 6 KB. Above it, the first to expire are dropped.
pub(super) const MAX_UPSTREAM: usize = 10_000;
/// The most families that are kept.
pub(super) const MAX_FAMILIES: usize = 200_000;
/// The most used refresh tokens of one family that are in their grace period. More than any client
/// refreshes in that time.
pub(super) const MAX_IN_GRACE: usize = 64;

/// The store cannot answer now: HTTP 503.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store is not available: {0}")]
pub(super) struct StoreError(pub(super) String);

/// The network and client that started an authorization, for fairness when there are too many.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    /// The peer's network: its address, or /64 for IPv6.
    pub(super) network: String,
    /// The client.
    pub(super) client: ClientKey,
}

/// The result of using a code.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TakenCode {
    /// Its first use.
    Fresh(String),
    /// It was used before, for this family.
    Spent(FamilyId),
    /// Never issued, or long gone.
    Unknown,
}

/// The result of presenting a refresh token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RefreshClaim {
    /// The caller asks upstream; it must call `answer` or `release`.
    Granted,
    /// Another request is asking upstream right now: try again soon.
    InProgress,
    /// It was used a moment ago. This is the newest answer of the family.
    Replayed {
        /// The number of the refresh token in the answer.
        generation: u64,
        /// The answer.
        value: String,
    },
    /// It was used before that, or the family has ended. It has ended now.
    Revoked,
}

/// What is known of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has not ended.
    Live,
    /// It has ended.
    Ended,
    /// The store has not said yet which families have ended: HTTP 503.
    Unknown,
}

/// The state of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreHealth {
    /// It is the memory of this process.
    InMemory,
    /// Redis answers.
    Answers,
    /// Redis does not answer, or has not yet.
    Unavailable,
}

/// The kind of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// The memory of this process alone.
    Memory,
    /// The memory, and a file of the sign-ins that have ended.
    File,
    /// One Redis.
    Redis,
    /// The Redis that Sentinels name.
    RedisSentinel,
    /// A cluster of Redis.
    RedisCluster,
}

impl StoreKind {
    /// Its name in `/ready` and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "file",
            Self::Redis => "redis",
            Self::RedisSentinel => "redis-sentinel",
            Self::RedisCluster => "redis-cluster",
        }
    }
}

type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// The operations of a store; see the module. Times come from this process's clock.
pub(super) trait Store: Send + Sync {
    /// Keeps an authorization until it is taken or `ttl` is over.
    fn put_transaction<'a>(
        &'a self,
        key: &'a StoreKey,
        value: String,
        owner: &'a Owner,
        ttl: Duration,
    ) -> StoreFuture<'a, ()>;

    /// Takes an authorization: a second call finds none.
    fn take_transaction<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<String>>;

    /// Keeps the grant that a code stands for.
    fn put_code<'a>(
        &'a self,
        key: &'a StoreKey,
        value: String,
        family: &'a FamilyId,
        ttl: Duration,
    ) -> StoreFuture<'a, ()>;

    /// Keeps a token that is too large for a header, until `ttl` is over.
    fn put_token<'a>(
        &'a self,
        key: &'a StoreKey,
        value: String,
        ttl: Duration,
    ) -> StoreFuture<'a, ()>;

    /// A token that was kept.
    fn get_token<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<String>>;

    /// Keeps the provider's refresh token of a family, in place of an older one.
    fn put_upstream<'a>(
        &'a self,
        family: &'a FamilyId,
        value: String,
        ttl: Duration,
    ) -> StoreFuture<'a, ()>;

    /// Takes it.
    fn take_upstream<'a>(&'a self, family: &'a FamilyId) -> StoreFuture<'a, Option<String>>;

    /// Uses a code. Its use is remembered for `remember`.
    fn take_code<'a>(&'a self, key: &'a StoreKey, remember: Duration)
    -> StoreFuture<'a, TakenCode>;

    /// Uses refresh token number `generation` of a family. A claim ends by itself after `lease`;
    /// what is known of the family is forgotten after `ttl`.
    fn claim_refresh<'a>(
        &'a self,
        family: &'a FamilyId,
        generation: u64,
        lease: Duration,
        ttl: Duration,
    ) -> StoreFuture<'a, RefreshClaim>;

    /// Ends a claim with the answer. For `grace`, this generation gets the newest answer of the
    /// family. False if the family has ended meanwhile: then the answer is for nobody.
    fn answer<'a>(
        &'a self,
        family: &'a FamilyId,
        generation: u64,
        value: String,
        grace: Duration,
    ) -> StoreFuture<'a, bool>;

    /// Ends a claim without an answer: the refresh token stays valid.
    fn release<'a>(&'a self, family: &'a FamilyId, generation: u64) -> StoreFuture<'a, ()>;

    /// Ends a family: none of its tokens is valid any more.
    fn end_family<'a>(&'a self, family: &'a FamilyId, ttl: Duration) -> StoreFuture<'a, ()>;

    /// Returns whether a family has ended. Answers at once from memory; an end at another replica
    /// is known here within [`redis::POLL_INTERVAL`].
    fn standing(&self, family: &FamilyId) -> Standing;

    /// Lists a client that a person has signed in with.
    fn note_client(&self, client: ListedClient) -> StoreFuture<'_, ()>;

    /// Returns whether the operator has blocked a client ([`Standing::Ended`]). Answers at once from
    /// memory; a new block is known here within [`redis::POLL_INTERVAL`].
    fn client_standing(&self, client: &ClientKey) -> Standing;

    /// Its kind.
    fn kind(&self) -> StoreKind;

    /// The state as it was last seen: asks nobody.
    fn health(&self) -> StoreHealth;
}

//! A cache of answers that need a request to another service, with single flight.
//!
//! Bounded by entries (the least recently used are evicted first). Concurrent requests for one key
//! are one request; if the caller that makes it goes away, the next one takes over. Failures are
//! shared by the callers that waited, and never cached. Keys are digests, never tokens.

use std::{
    collections::{HashMap, hash_map::RandomState},
    fmt,
    future::Future,
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use moka::{policy::EvictionPolicy, sync};
use parking_lot::Mutex;
use plugin_api::sdk::Failure;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::clock::Clock;

/// The SHA-256 of a token, which replaces the token wherever one must be stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of a token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

/// An answer and its time to live.
#[derive(Debug, Clone)]
pub struct Remember<V> {
    /// The answer.
    pub value: V,
    /// The time to live from now on; zero means that it is not cached.
    pub ttl: Duration,
}

type Flight<V> = Arc<OnceCell<Result<V, Failure>>>;

/// A bounded cache with single flight.
pub struct Cache<K, V> {
    clock: Clock,
    /// Values with the time, on the monotonic clock, at which they expire.
    entries: sync::Cache<K, (V, Duration), RandomState>,
    flights: Mutex<HashMap<K, Flight<V>>>,
}

impl<K, V> Cache<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A cache of at most about `capacity` entries.
    pub fn new(capacity: u64, clock: Clock) -> Self {
        let entries = sync::Cache::builder()
            .max_capacity(capacity)
            .eviction_policy(EvictionPolicy::lru())
            .build_with_hasher(RandomState::new());
        Self {
            clock,
            entries,
            flights: Mutex::default(),
        }
    }

    /// The cached value of `key`. Never waits.
    pub fn get(&self, key: &K) -> Option<V> {
        let (value, until) = self.entries.get(key)?;
        if self.clock.elapsed() < until {
            return Some(value);
        }
        self.entries.invalidate(key);
        None
    }

    /// The cached value of `key`, or the answer of `ask`, which runs once for all concurrent
    /// callers.
    ///
    /// # Errors
    /// The failure of `ask`, shared by all callers that waited for it.
    pub async fn get_or<F>(&self, key: &K, ask: impl FnOnce() -> F) -> Result<V, Failure>
    where
        F: Future<Output = Result<Remember<V>, Failure>>,
    {
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        let flight = Arc::clone(self.flights.lock().entry(key.clone()).or_default());
        let boarded = Boarded {
            cache: self,
            key,
            flight,
        };
        let answer = boarded.flight.get_or_init(async || {
            // The answer may have arrived between the look into the cache and joining the flight.
            if let Some(value) = self.get(key) {
                return Ok(value);
            }
            let Remember { value, ttl } = ask().await?;
            if !ttl.is_zero() {
                self.entries
                    .insert(key.clone(), (value.clone(), self.clock.elapsed() + ttl));
            }
            Ok(value)
        });
        answer.await.clone()
    }

    /// Caches an answer that was obtained in another way.
    pub fn put(&self, key: &K, answer: Remember<V>) {
        let Remember { value, ttl } = answer;
        if !ttl.is_zero() {
            self.entries
                .insert(key.clone(), (value, self.clock.elapsed() + ttl));
        }
    }

    /// Forgets `key`.
    pub fn forget(&self, key: &K) {
        self.entries.invalidate(key);
    }
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

/// One waiting caller. The first to leave after the answer, or the last to leave without one,
/// removes the flight from the map.
struct Boarded<'a, K: Eq + Hash, V> {
    cache: &'a Cache<K, V>,
    key: &'a K,
    flight: Flight<V>,
}

impl<K: Eq + Hash, V> Drop for Boarded<'_, K, V> {
    fn drop(&mut self) {
        let mut flights = self.cache.flights.lock();
        let own = flights
            .get(self.key)
            .is_some_and(|flight| Arc::ptr_eq(flight, &self.flight));
        // Two references: the map's and ours.
        if own && (self.flight.initialized() || Arc::strong_count(&self.flight) == 2) {
            flights.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use plugin_api::sdk::FailureKind;
    use tokio::sync::Notify;

    use super::*;

    fn keep(value: u32, seconds: u64) -> Result<Remember<u32>, Failure> {
        Ok(Remember {
            value,
            ttl: Duration::from_secs(seconds),
        })
    }

    #[tokio::test]
    async fn an_answer_is_used_until_its_time_is_over() {
        let clock = Clock::manual(0);
        let cache = Cache::new(10, clock.clone());
        assert_eq!(cache.get_or(&1, async || keep(7, 30)).await.unwrap(), 7);
        clock.advance(Duration::from_secs(29));
        assert_eq!(cache.get_or(&1, async || keep(8, 30)).await.unwrap(), 7);
        clock.advance(Duration::from_secs(1));
        assert_eq!(cache.get(&1), None);
        assert_eq!(cache.get_or(&1, async || keep(8, 0)).await.unwrap(), 8);
        assert_eq!(cache.get(&1), None, "zero is not at all");
        assert!(cache.flights.lock().is_empty());
    }

    #[tokio::test]
    async fn those_who_ask_together_share_one_question_and_its_failure() {
        let cache = Arc::new(Cache::<u8, u32>::new(10, Clock::manual(0)));
        let (asked, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let asks: Vec<_> = (0..100)
            .map(|_| {
                let (cache, asked, go) = (Arc::clone(&cache), Arc::clone(&asked), Arc::clone(&go));
                tokio::spawn(async move {
                    let ask = async || {
                        asked.fetch_add(1, Ordering::SeqCst);
                        go.notified().await;
                        Err(Failure::unavailable("down"))
                    };
                    cache.get_or(&1, ask).await.unwrap_err().kind()
                })
            })
            .collect();
        tokio::task::yield_now().await;
        go.notify_one();
        for ask in asks {
            assert_eq!(ask.await.unwrap(), FailureKind::Unavailable);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert!(cache.flights.lock().is_empty());
        assert_eq!(
            cache.get_or(&1, async || keep(3, 9)).await.unwrap(),
            3,
            "not remembered"
        );
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_hands_the_question_on() {
        let cache = Arc::new(Cache::<u8, u32>::new(10, Clock::manual(0)));
        let first = {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { cache.get_or(&1, std::future::pending).await })
        };
        tokio::task::yield_now().await;
        let second = {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { cache.get_or(&1, async || keep(5, 9)).await })
        };
        tokio::task::yield_now().await;
        first.abort();
        assert_eq!(second.await.unwrap().unwrap(), 5);
        assert!(cache.flights.lock().is_empty());
    }

    #[test]
    fn a_digest_shows_nothing() {
        assert_eq!(
            format!("{:?}", TokenDigest::of("secret")),
            "TokenDigest(..)"
        );
    }
}

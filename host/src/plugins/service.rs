//! [`Validators`]: what the rest of the host sees of the plugins.
//!
//! The way of a token: cache, single flight, chain. A reload swaps the chain under requests.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};

use super::{
    LoadError, Settings, Verdict, answer,
    cache::Verdicts,
    chain::{self, Chain, Outcome},
    flights::Flights,
    make::Maker,
    validator::{Check, Validator},
};
use crate::auth::{Lease, TokenDigest};

/// When to try again while too many wait for the same token.
const CROWDED_RETRY_AFTER: Duration = Duration::from_secs(1);
/// A check answers by its deadline; so much longer a request waits for one that cannot.
const GRACE: Duration = Duration::from_secs(1);
/// How long calls may go on after the server has stopped taking requests.
const LAST_CALLS: Duration = Duration::from_secs(1);
/// How long an answer about health is good: strangers may ask for it.
const HEALTH_TTL: Duration = Duration::from_secs(2);

/// The validators of this server. Cheap to clone; clones are the same validators.
#[derive(Debug, Clone)]
pub struct Validators {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) maker: Maker,
    pub(super) chain: ArcSwap<Chain>,
    pub(super) reloading: tokio::sync::Mutex<()>,
    verdicts: Verdicts,
    flights: Arc<Flights>,
    health: tokio::sync::Mutex<Option<(Duration, Health)>>,
    retiring: Mutex<tokio::task::JoinSet<()>>,
    hits: metrics::Counter,
    misses: metrics::Counter,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Validators")
            .field("chain", &self.chain.load().validators)
            .finish_non_exhaustive()
    }
}

/// How the validators are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// One for each validator, in the order of the chain.
    pub validators: Vec<ValidatorHealth>,
    /// How many copies of libraries are mapped into the process; none is ever unloaded.
    pub mappings: usize,
}

impl Health {
    /// Could every validator answer now?
    pub fn is_ready(&self) -> bool {
        self.validators
            .iter()
            .all(|validator| validator.problem.is_none())
    }
}

/// How one validator is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatorHealth {
    /// `library:factory`.
    pub name: String,
    /// What is wrong, for the log and for operators; `None`: it could answer now.
    pub problem: Option<String>,
    /// How many calls of it are under way.
    pub in_flight: usize,
    /// The checksum of the library that serves.
    pub sha256: super::Sha256Digest,
}

impl Validators {
    /// Loads what the settings name: finds, checks and opens the libraries and makes the
    /// validators. Blocks; needs no runtime.
    ///
    /// # Errors
    /// One line that says which validator cannot be loaded, why, and what to change.
    pub fn load(settings: Settings) -> Result<Self, LoadError> {
        let maker = Maker::new(settings);
        let chain = maker.chain()?;
        Ok(Self::with_chain(maker, chain))
    }

    pub(super) fn with_chain(maker: Maker, chain: Vec<Arc<Validator>>) -> Self {
        let Settings { limits, clock, .. } = &maker.settings;
        let lookups = |result: &'static str| metrics::counter!("datahub_mcp_validator_cache_total", "result" => result);
        let inner = Inner {
            verdicts: Verdicts::new(limits, clock.clone()),
            flights: Flights::new(limits.waiters_per_token),
            chain: ArcSwap::from_pointee(Chain::new(chain)),
            reloading: tokio::sync::Mutex::default(),
            health: tokio::sync::Mutex::default(),
            retiring: Mutex::default(),
            hits: lookups("hit"),
            misses: lookups("miss"),
            maker,
        };
        inner.report_mappings();
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Is `token` good, and whose is it? Answers within the deadline, whatever the plugins do.
    ///
    /// `request_id` is for the log of the host and of the plugins.
    pub async fn validate(&self, token: &SecretString, request_id: &str) -> Verdict {
        let text = token.expose_secret();
        if text.len() > answer::MAX_TOKEN_BYTES || !text.bytes().all(|b| b.is_ascii_graphic()) {
            // No such token can be in an Authorization header (RFC 6750 section 2.1).
            return Verdict::Rejected;
        }
        if text.is_empty() {
            return Verdict::Rejected;
        }
        let digest = TokenDigest::of(text);
        if let Some(verdict) = self.inner.verdicts.get(&digest) {
            self.inner.hits.increment(1);
            return verdict;
        }
        self.inner.misses.increment(1);
        self.check(digest, token, request_id).await
    }

    async fn check(&self, digest: TokenDigest, token: &SecretString, request_id: &str) -> Verdict {
        let deadline = self.inner.maker.settings.limits.deadline;
        let joined = self.inner.flights.join(digest, |id| {
            let inner = Arc::clone(&self.inner);
            let check = Check {
                token: Arc::new(token.clone()),
                digest,
                request_id: Arc::from(request_id),
                until: Instant::now() + deadline,
            };
            Box::pin(async move { inner.decide(check, id).await })
        });
        let Ok(waiter) = joined else {
            tracing::warn!(token = ?digest, request_id, "too many requests wait for one token");
            return Verdict::Unavailable {
                retry_after: CROWDED_RETRY_AFTER,
            };
        };
        match tokio::time::timeout(deadline + GRACE, waiter.verdict()).await {
            Ok(verdict) => verdict,
            Err(_) => {
                tracing::error!(token = ?digest, request_id, "a validator blocks the server's thread");
                Verdict::Unavailable {
                    retry_after: answer::RETRY_AFTER,
                }
            }
        }
    }

    /// Forgets what was decided of a token, because DataHub refused it: the next request with it
    /// is checked anew.
    pub fn evict(&self, digest: &TokenDigest) {
        self.inner
            .flights
            .forget(digest, || self.inner.verdicts.forget(digest));
    }

    /// Asks each validator whether it could answer now. The answer is kept for two seconds.
    pub async fn health(&self) -> Health {
        let clock = &self.inner.maker.settings.clock;
        let mut kept = self.inner.health.lock().await;
        if let Some((until, health)) = &*kept
            && clock.elapsed() < *until
        {
            return health.clone();
        }
        let chain = self.inner.chain.load_full();
        let asked = chain.validators.iter().map(|validator| async move {
            let health = validator.health().await;
            let problem = if validator.breaker_is_open() {
                Some("disabled for a while after panics or hangs".to_owned())
            } else {
                health.err().map(|failure| failure.to_string())
            };
            ValidatorHealth {
                name: validator.name().to_owned(),
                problem,
                in_flight: validator.in_flight(),
                sha256: validator.origin.sha256,
            }
        });
        let validators = futures::future::join_all(asked).await;
        let health = Health {
            validators,
            mappings: self.inner.maker.mappings(),
        };
        *kept = Some((clock.elapsed() + HEALTH_TTL, health.clone()));
        health
    }

    /// The names of the validators, in the order of the chain.
    pub fn names(&self) -> Vec<String> {
        self.inner
            .chain
            .load()
            .validators
            .iter()
            .map(|validator| validator.name().to_owned())
            .collect()
    }

    /// Lets the validators revoke and flush. Call it when no request is served any more; returns
    /// within the shut-down limit and a second.
    pub async fn shutdown(&self) {
        let limit = self.inner.maker.settings.limits.shutdown;
        let chain = self.inner.chain.swap(Arc::new(Chain::new(Vec::new())));
        let ends = chain.validators.iter();
        futures::future::join_all(ends.map(|one| one.retire(LAST_CALLS, limit))).await;
        let mut retiring = std::mem::take(&mut *self.inner.retiring.lock());
        let all = async { while retiring.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!("replaced validators hang at shutdown");
        }
    }
}

impl Inner {
    async fn decide(&self, check: Check, id: u64) -> Verdict {
        let chain = self.chain.load_full();
        if chain.validators.is_empty() {
            return Verdict::Unavailable {
                retry_after: answer::RETRY_AFTER,
            };
        }
        let mut outcome = chain::ask(&chain.validators, &check).await;
        // Nobody else holds the principal yet.
        if let Outcome::Accepted(principal, _) = &mut outcome
            && let Some(principal) = Arc::get_mut(principal)
        {
            principal.lease = Lease::of(&chain);
        }
        drop(chain);
        self.flights.land(&check.digest, id, || match &outcome {
            Outcome::Accepted(principal, ttl) => {
                self.verdicts.accepted(check.digest, principal, *ttl);
            }
            Outcome::Rejected => self.verdicts.rejected(check.digest),
            Outcome::NobodyS | Outcome::Unavailable(_) => {}
        });
        match outcome {
            Outcome::Accepted(principal, _) => Verdict::Accepted(principal),
            Outcome::Rejected | Outcome::NobodyS => Verdict::Rejected,
            Outcome::Unavailable(retry_after) => Verdict::Unavailable { retry_after },
        }
    }

    /// Puts `chain` in the place of what serves; nothing that the old one decided is remembered.
    pub(super) fn swap(&self, chain: Vec<Arc<Validator>>) -> Arc<Chain> {
        let old = self.chain.swap(Arc::new(Chain::new(chain)));
        self.flights.forget_all(|| self.verdicts.clear());
        self.report_mappings();
        old
    }

    /// Retires the validators of a chain that serves no new request, in the background: a check that
    /// holds it may have some of them still to ask, and a request that it let in may still need the
    /// token that it gave.
    pub(super) fn retire(&self, old: Arc<Chain>) {
        let limits = &self.maker.settings.limits;
        let mut retiring = self.retiring.lock();
        while retiring.try_join_next().is_some() {}
        let (released, validators) = (old.released(), old.validators.clone());
        drop(old);
        for validator in validators {
            let (released, limit) = (released.clone(), limits.shutdown);
            let until = Instant::now() + (limits.deadline + GRACE).max(limits.request);
            retiring.spawn(async move {
                // What hangs for so long has been answered for.
                let _ = tokio::time::timeout_at(until.into(), released.cancelled()).await;
                let left = until.saturating_duration_since(Instant::now());
                validator.retire(left, limit).await;
            });
        }
    }

    fn report_mappings(&self) {
        let mappings = u32::try_from(self.maker.mappings()).unwrap_or(u32::MAX);
        metrics::gauge!("datahub_mcp_plugin_mappings").set(mappings);
    }
}

#[cfg(test)]
mod tests;

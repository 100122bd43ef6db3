//! [`Validators`]: the interface of the plugins to the rest of the host.
//!
//! The path of a token: cache, single flight, chain. A reload swaps the chain while requests run.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use foundation::identity::{Lease, TokenCheck, TokenDigest, Verdict};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};

use super::{
    cache::Verdicts,
    chain::{self, Chain, Decided},
    loader::Loader,
    ruling::{self, Decision},
    shadow::Shadow,
    single_flight::SingleFlight,
    trial::{self, Judgement, Trial},
    validator::{Check, Validator},
};
use crate::{LoadError, Settings};

/// The `Retry-After` while too many requests wait for the same token.
const CROWDED_RETRY_AFTER: Duration = Duration::from_secs(1);
/// The time beyond its deadline that a request waits for a check that fails to keep it.
const GRACE: Duration = Duration::from_secs(1);
/// The time that calls may continue after the server has stopped taking requests.
const LAST_CALLS: Duration = Duration::from_secs(1);
/// The lifetime of a cached health result: unauthenticated clients may ask for it.
const HEALTH_TTL: Duration = Duration::from_secs(2);

/// The validators of this server. Cheap to clone; clones are the same validators.
#[derive(Debug, Clone)]
pub struct Validators {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) loader: Loader,
    pub(crate) chain: ArcSwap<Chain>,
    pub(crate) reloading: tokio::sync::Mutex<()>,
    trial: Trial,
    pub(super) shadow: Shadow,
    verdicts: Verdicts,
    flights: Arc<SingleFlight>,
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

/// The health of the validators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// One for each validator, in the order of the chain.
    pub validators: Vec<ValidatorHealth>,
    /// The number of library copies that are mapped into the process; none is ever unloaded.
    pub mappings: usize,
}

impl Health {
    /// True if every validator could answer now.
    pub fn is_ready(&self) -> bool {
        self.validators
            .iter()
            .all(|validator| validator.problem.is_none())
    }
}

/// The health of one validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatorHealth {
    /// `library:factory`.
    pub name: String,
    /// The problem, for the log and for operators; `None`: it could answer now.
    pub problem: Option<String>,
    /// The number of its calls in flight.
    pub in_flight: usize,
    /// The checksum of the library that serves.
    pub sha256: crate::Sha256Digest,
}

impl Validators {
    /// Loads the validators of the settings: finds, checks and opens the libraries and makes the
    /// validators. Blocks; needs no runtime.
    ///
    /// # Errors
    /// One line that names the validator that cannot be loaded, the reason, and what to change.
    pub fn load(settings: Settings) -> Result<Self, LoadError> {
        let loader = Loader::new(settings);
        let chain = loader.chain()?;
        Ok(Self::with_chain(loader, chain))
    }

    pub(crate) fn with_chain(loader: Loader, chain: Vec<Arc<Validator>>) -> Self {
        let Settings { limits, clock, .. } = &loader.settings;
        let lookups = |result: &'static str| metrics::counter!("datahub_mcp_validator_cache_total", "result" => result);
        let inner = Inner {
            verdicts: Verdicts::new(limits, clock.clone()),
            flights: SingleFlight::new(limits.waiters_per_token),
            chain: ArcSwap::from_pointee(Chain::new(chain)),
            reloading: tokio::sync::Mutex::default(),
            trial: Trial::default(),
            shadow: Shadow::default(),
            health: tokio::sync::Mutex::default(),
            retiring: Mutex::default(),
            hits: lookups("hit"),
            misses: lookups("miss"),
            loader,
        };
        inner.report_mappings();
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Checks `token` and identifies its person. Answers within the deadline, whatever the plugins
    /// do.
    ///
    /// `request_id` is for the log of the host and of the plugins.
    pub async fn validate(&self, token: &SecretString, request_id: &str) -> Verdict {
        let text = token.expose_secret();
        if text.len() > ruling::MAX_TOKEN_BYTES || !text.bytes().all(|b| b.is_ascii_graphic()) {
            // No such token can be in an Authorization header (RFC 6750 section 2.1).
            return Verdict::rejected("a token that no header can carry");
        }
        if text.is_empty() {
            return Verdict::rejected("an empty token");
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
        let deadline = self.inner.loader.settings.limits.deadline;
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
                    retry_after: ruling::RETRY_AFTER,
                }
            }
        }
    }

    /// Forgets the verdict on a token, because DataHub refused it: the next request with it is
    /// checked again.
    pub fn evict(&self, digest: &TokenDigest) {
        self.inner
            .flights
            .forget(digest, || self.inner.verdicts.forget(digest));
    }

    /// Asks each validator whether it could answer now. The answer is cached for two seconds.
    pub async fn health(&self) -> Health {
        let clock = &self.inner.loader.settings.clock;
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
            mappings: self.inner.loader.mappings(),
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

    /// Lets the validators revoke and flush. Call it when no more requests are served; returns
    /// within the shut-down limit plus one second.
    pub async fn shutdown(&self) {
        let limit = self.inner.loader.settings.limits.shutdown;
        self.inner.end_trial();
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

impl TokenCheck for Validators {
    fn check<'a>(&'a self, token: &'a SecretString, request_id: &'a str) -> BoxFuture<'a, Verdict> {
        Box::pin(self.validate(token, request_id))
    }

    fn evict(&self, token: &TokenDigest) {
        Self::evict(self, token);
    }
}

impl Inner {
    async fn decide(&self, check: Check, id: u64) -> Verdict {
        let chain = self.chain.load_full();
        if chain.validators.is_empty() {
            return Verdict::Unavailable {
                retry_after: ruling::RETRY_AFTER,
            };
        }
        let decided = chain::ask(&chain.validators, &check).await;
        self.judge(&chain, &decided);
        let time = self.loader.settings.limits.deadline;
        self.shadow.ask(&check, time, &decided);
        let Decided {
            decision, reason, ..
        } = decided;
        let (verdict, ttl) = match decision {
            Decision::Accepted(acceptance, ttl) => {
                (Verdict::accept(*acceptance, Lease::of(&chain)), ttl)
            }
            Decision::Rejected => (Verdict::rejected(reason), None),
            Decision::NotRecognized => {
                // Nothing else holds the principal yet.
                self.flights.finish(&check.digest, id, || ());
                return Verdict::rejected(reason);
            }
            Decision::Unavailable(retry_after) => (Verdict::Unavailable { retry_after }, None),
        };
        drop(chain);
        self.flights.finish(&check.digest, id, || match &verdict {
            Verdict::Accepted(principal) => {
                self.verdicts.accepted(check.digest, principal, ttl);
            }
            Verdict::Rejected { reason } => {
                self.verdicts.rejected(check.digest, Arc::clone(reason));
            }
            Verdict::Unavailable { .. } => {}
        });
        verdict
    }

    /// Replaces the serving chain with `chain`; verdicts of the old one are forgotten.
    pub(crate) fn put(&self, chain: Arc<Chain>) -> Arc<Chain> {
        let old = self.chain.swap(chain);
        self.flights.forget_all(|| self.verdicts.clear());
        self.report_mappings();
        old
    }

    /// Keeps `before`, which a reload has replaced, until the new validators have proved themselves.
    pub(super) fn begin_trial(self: &Arc<Self>, before: Arc<Chain>) {
        if let Some(retired) = self.trial.begin(before) {
            self.retire(retired);
            return;
        }
        let (inner, new) = (Arc::downgrade(self), Arc::downgrade(&self.chain.load()));
        tokio::spawn(async move {
            tokio::time::sleep(trial::LONGEST).await;
            if let Some(inner) = inner.upgrade()
                && let Some(new) = new.upgrade()
                && inner.serves(&new)
            {
                inner.end_trial();
            }
        });
    }

    fn end_trial(&self) {
        if let Some(before) = self.trial.end() {
            self.retire(before);
        }
    }

    fn serves(&self, chain: &Arc<Chain>) -> bool {
        Arc::ptr_eq(chain, &self.chain.load())
    }

    /// Puts the validators before a reload back if `chain`, which it brought, only fails.
    fn judge(&self, chain: &Arc<Chain>, decided: &Decided) {
        if chain.is_proven() {
            return;
        }
        let before = match self.trial.judge(chain, self.serves(chain), decided) {
            Judgement::None => return,
            Judgement::Passed(before) => return self.retire(before),
            Judgement::Failed(before) => before,
        };
        tracing::error!(
            new = chain.names(),
            serving = before.names(),
            reason = decided.reason,
            "the reloaded validators only failed: those before serve again; put the earlier files back, or \
             mended ones in their place"
        );
        metrics::counter!("datahub_mcp_plugin_reloads_total", "outcome" => "returned").increment(1);
        let new = self.put(before);
        self.retire(new);
    }

    /// Retires the validators of a chain that serves no new request, in the background: a check that
    /// holds it may have some of them still to ask, and a request that it let in may still need the
    /// token that it gave.
    pub(crate) fn retire(&self, old: Arc<Chain>) {
        let limits = &self.loader.settings.limits;
        let mut retiring = self.retiring.lock();
        while retiring.try_join_next().is_some() {}
        let (released, validators) = (old.released(), old.validators.clone());
        drop(old);
        for validator in validators {
            let (released, limit) = (released.clone(), limits.shutdown);
            let until = Instant::now() + (limits.deadline + GRACE).max(limits.request);
            retiring.spawn(async move {
                // A request that still hangs by then has already been answered.
                let _ = tokio::time::timeout_at(until.into(), released.cancelled()).await;
                let left = until.saturating_duration_since(Instant::now());
                validator.retire(left, limit).await;
            });
        }
    }

    fn report_mappings(&self) {
        let mappings = u32::try_from(self.loader.mappings()).unwrap_or(u32::MAX);
        metrics::gauge!("datahub_mcp_plugin_mappings").set(mappings);
    }
}

#[cfg(test)]
mod tests;

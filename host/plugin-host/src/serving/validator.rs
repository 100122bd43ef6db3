//! One loaded validator, and the safeguards around each call of it: deadline, limit of calls in
//! flight, breaker, checked answers.
//!
//! Whatever the plugin does, [`Validator::ask`] answers in time, and always with a ruling.

use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use foundation::{
    breaker::{Breaker, Change, Policy},
    clock::Clock,
    identity::{PersonDigest, TokenDigest},
};
use secrecy::SecretString;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    bulkhead::{Bulkhead, Running},
    ruling::{self, Context, Decision, Outcome, RETRY_AFTER, Ruling},
};
use crate::{
    Sha256Digest,
    boundary::{
        Answer, Failure, FailureKind, Instance, Question, Queue, plugin_log::RedactionGuard, redact,
    },
    settings::{BreakerSettings, Limits},
};

/// Time limit for a health check.
const HEALTH_LIMIT: Duration = Duration::from_secs(5);
/// The `Retry-After` while too many calls are in flight.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The origin of a loaded validator, for logs and reports.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The validator as the chain names it.
    pub(crate) name: String,
    /// The file that it came from.
    pub(crate) path: std::path::PathBuf,
    /// The checksum of the file.
    pub(crate) sha256: Sha256Digest,
    /// The version of the API.
    pub(crate) abi_version: String,
    /// The library's own version, as it reports it.
    pub(crate) version: String,
    /// The files whose replacement its process would not see.
    pub(crate) held_files: Vec<std::path::PathBuf>,
}

/// A loaded validator.
pub(crate) struct Validator {
    pub(crate) origin: Origin,
    /// Taken when this is dropped only.
    instance: Option<Arc<dyn Instance>>,
    bulkhead: Bulkhead,
    slots: Arc<Semaphore>,
    capacity: u32,
    breaker: Breaker,
    clock: Clock,
    calls: metrics::Histogram,
}

/// One token to be checked.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) token: Arc<SecretString>,
    pub(crate) digest: TokenDigest,
    pub(crate) request_id: Arc<str>,
    /// The deadline, for the chain as a whole.
    pub(crate) until: Instant,
}

impl Validator {
    /// Puts the host's safeguards around `instance`.
    pub(crate) fn new(
        origin: Origin,
        instance: Arc<dyn Instance>,
        limits: &Limits,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let capacity = u32::try_from(limits.in_flight)
            .unwrap_or(u32::MAX)
            .clamp(1, 1 << 20);
        Ok(Self {
            bulkhead: Bulkhead::start(&origin.name)?,
            instance: Some(instance),
            slots: Arc::new(Semaphore::new(capacity as usize)),
            capacity,
            breaker: Breaker::new(breaker_policy(&limits.breaker)),
            clock,
            calls: metrics::histogram!(
                "datahub_mcp_validator_call_seconds", "validator" => origin.name.clone()
            ),
            origin,
        })
    }

    /// The name in the chain.
    pub(crate) fn name(&self) -> &str {
        &self.origin.name
    }

    /// The number of calls in flight.
    pub(crate) fn in_flight(&self) -> usize {
        (self.capacity as usize).saturating_sub(self.slots.available_permits())
    }

    /// True if the breaker is open.
    pub(crate) fn breaker_is_open(&self) -> bool {
        self.breaker.is_open()
    }

    /// Asks the plugin. Always answers by `check.until`.
    pub(crate) async fn ask(&self, check: &Check) -> Ruling {
        let started = Instant::now();
        let ruling = self.guarded(check).await;
        self.calls.record(started.elapsed());
        metrics::counter!(
            "datahub_mcp_validator_calls_total",
            "validator" => self.origin.name.clone(), "outcome" => ruling.outcome.as_str()
        )
        .increment(1);
        self.log(check, &ruling, started.elapsed());
        ruling
    }

    async fn guarded(&self, check: &Check) -> Ruling {
        let pass = match self.breaker.admit(self.clock.elapsed(), None) {
            Ok(pass) => pass,
            Err(wait) => {
                let detail = "circuit breaker open after panics or hangs";
                let wait = wait.max(Duration::from_secs(1));
                return Ruling::unavailable(Outcome::BreakerOpen, wait, detail);
            }
        };
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return Ruling::unavailable(
                Outcome::Busy,
                BUSY_RETRY_AFTER,
                "too many calls are under way",
            );
        };
        let ruling = self.call(check, slot).await;
        let change = if ruling.outcome.is_fault() {
            pass.failed(self.clock.elapsed())
        } else {
            pass.succeeded(self.clock.elapsed())
        };
        match change {
            Change::None => {}
            Change::Opened => {
                tracing::error!(validator = %self.name(), "validator disabled for a while: breaker open");
            }
            Change::Closed => {
                tracing::info!(validator = %self.name(), "validator answers again: breaker closed");
            }
        }
        ruling
    }

    async fn call(&self, check: &Check, slot: OwnedSemaphorePermit) -> Ruling {
        let left = check.until.saturating_duration_since(Instant::now());
        let queue = Queue::default();
        queue.wait();
        let question = Question {
            token: Arc::clone(&check.token),
            request_id: Arc::clone(&check.request_id),
            deadline: left,
            queue: queue.clone(),
        };
        let unspoken = RedactionGuard::new(Arc::clone(&check.token));
        let running = self.run(move |instance| async move {
            // Held until the plugin has really finished the call, not until the host stops waiting.
            let _held = (slot, unspoken);
            question.queue.begin();
            match instance.try_validate(&question) {
                Some(answer) => answer,
                None => instance.validate(question).await,
            }
        });
        let Some(mut running) = running else {
            return Ruling::unavailable(
                Outcome::Failed(FailureKind::Internal),
                RETRY_AFTER,
                "the validator is shut down",
            );
        };
        match tokio::time::timeout(left, running.ended()).await {
            Ok(Ok(answer)) => self.rule(answer, check),
            Ok(Err(error)) if error.is_panic() => {
                // Its payload may be the plugin's own type, whose drop cannot be trusted.
                std::mem::forget(error.into_panic());
                let detail = "the plugin panicked outside of its own guards";
                Ruling::unavailable(Outcome::Failed(FailureKind::Panicked), RETRY_AFTER, detail)
            }
            Ok(Err(_)) => Ruling::unavailable(
                Outcome::Failed(FailureKind::Internal),
                RETRY_AFTER,
                "the call was cancelled",
            ),
            // It had less than half of the time.
            Err(_) if queue.waited() > left / 2 => Ruling::unavailable(
                Outcome::Busy,
                BUSY_RETRY_AFTER,
                "the threads of the validator were busy with other calls",
            ),
            Err(_) => Ruling::unavailable(
                Outcome::TimedOut,
                RETRY_AFTER,
                "no answer within the deadline",
            ),
        }
    }

    /// Runs a call of the plugin on its own threads; `None` once it is shut down.
    fn run<T, F>(&self, call: impl FnOnce(Arc<dyn Instance>) -> F) -> Option<Running<T>>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let instance = Arc::clone(self.instance.as_ref()?);
        self.bulkhead.spawn(call(instance))
    }

    fn rule(&self, answer: Answer, check: &Check) -> Ruling {
        let context = Context {
            validator: self.name(),
            digest: check.digest,
            now: self.clock.now(),
        };
        ruling::rule(answer, context)
    }

    fn log(&self, check: &Check, ruling: &Ruling, took: Duration) {
        let (outcome, detail) = (ruling.outcome.as_str(), &ruling.detail);
        let (validator, token, request_id) = (self.name(), check.digest, &check.request_id);
        let subject = match &ruling.decision {
            Decision::Accepted(acceptance, _) => Some(&acceptance.subject),
            _ => None,
        };
        if !ruling.extensions.is_empty() {
            let extensions = redact::for_log(&ruling.extensions);
            tracing::debug!(
                validator, ?token, %request_id, extensions,
                "the answer has extensions that this version does not know"
            );
        }
        if ruling.outcome.is_trouble() {
            tracing::warn!(
                validator, ?token, %request_id, outcome, detail, ms = took.as_millis(),
                "validator could not decide"
            );
        } else {
            tracing::debug!(
                validator, ?token, %request_id, outcome, detail,
                subject = subject.map(|name| tracing::field::display(PersonDigest::of(name))),
                us = took.as_micros(),
                "validator decided"
            );
        }
    }

    /// Asks the plugin whether it could answer now.
    pub(crate) async fn health(&self) -> Result<(), Failure> {
        let Some(mut running) = self.run(|instance| async move { instance.health().await }) else {
            return Err(Failure::new(FailureKind::Internal, "it is shut down"));
        };
        match tokio::time::timeout(HEALTH_LIMIT, running.ended()).await {
            Ok(Ok(health)) => health,
            Ok(Err(_)) => Err(Failure::new(
                FailureKind::Panicked,
                "its health check panicked",
            )),
            Err(_) => Err(Failure::new(
                FailureKind::Internal,
                "its health check hangs",
            )),
        }
    }

    /// Waits until no call is in flight, then lets the plugin revoke and flush; takes at most
    /// `calls` for the first and `shutdown` for the second.
    pub(crate) async fn retire(&self, calls: Duration, shutdown: Duration) {
        let idle = self.slots.acquire_many(self.capacity);
        let idle = tokio::time::timeout(calls, idle).await;
        if idle.is_err() {
            tracing::warn!(
                validator = %self.name(), in_flight = self.in_flight(),
                "validator is replaced while calls hang"
            );
        }
        let Some(mut running) = self.run(|instance| async move { instance.shutdown().await })
        else {
            return;
        };
        match tokio::time::timeout(shutdown, running.ended()).await {
            Ok(Ok(())) => tracing::debug!(validator = %self.name(), "validator shut down"),
            Ok(Err(_)) => {
                tracing::warn!(validator = %self.name(), "validator panicked at shutdown")
            }
            Err(_) => tracing::warn!(validator = %self.name(), "validator hangs at shutdown"),
        }
    }
}

impl Drop for Validator {
    fn drop(&mut self) {
        // Its end is code of the plugin, which must not run on a thread of the server.
        self.bulkhead.drop_there(self.instance.take());
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// The time after which to ask again while a probe of the breaker is under way.
const PROBE_RETRY: Duration = Duration::from_secs(1);

/// Faults within a window open it; each pause is as long as the first.
fn breaker_policy(settings: &BreakerSettings) -> Policy {
    Policy {
        faults: settings.faults,
        window: Some(settings.window),
        pause: settings.open_for,
        longest_pause: settings.open_for,
        probe_retry: PROBE_RETRY,
        people: usize::MAX,
    }
}

#[cfg(test)]
mod tests;

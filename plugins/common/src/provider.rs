//! The keys of one provider over time: fetched, refreshed before they expire, used while stale for
//! a bounded time, and fetched again for a token that no key fits, at most once per cooldown.
//!
//! One task per provider does all the fetching, so there is never more than one fetch under way,
//! and a caller that goes away cancels nothing for the others. Readers never wait for it while
//! there are keys. Good keys are only replaced by a set that was fetched and parsed completely.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use outbound::{DOCUMENT_LIFETIME, Lifetime};
use parking_lot::Mutex;
use plugin_api::sdk::Failure;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use url::Url;

use crate::{
    clock::Clock,
    discovery::{self, Metadata},
    doubt::Doubts,
    http::{self, Answer, Http},
    issuer::{Issuer, IssuerCheck},
    jwks::KeySet,
    jws::quoted,
};

/// The time limit for one fetch, discovery included.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for which a caller waits: a little longer than a fetch may take.
const WAIT_TIMEOUT: Duration = Duration::from_secs(12);
/// The first pause after a failed fetch; it doubles up to the cooldown.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The source of the keys and their lifetime.
#[derive(Debug, Clone)]
pub(crate) struct ProviderSettings {
    pub(crate) issuer: Issuer,
    /// The URL of the keys. If set, it is not taken from the discovery document.
    pub(crate) jwks_uri: Option<Url>,
    /// The minimum time between two fetches for tokens that no key fits.
    pub(crate) cooldown: Duration,
    pub(crate) lifetime: Lifetime,
    /// The time for which keys that could not be refreshed stay in use beyond their lifetime.
    pub(crate) max_stale: Duration,
}

/// The keys of one fetch.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) keys: KeySet,
    pub(crate) issuer: IssuerCheck,
    /// The time at which their fetch began, in seconds since 1970: keys that the provider published
    /// later may be missing.
    pub(crate) asked_at: i64,
    /// A number that increases with each snapshot of this provider.
    generation: u64,
    refresh_at: Duration,
    unusable_at: Duration,
}

/// The keys of one provider.
#[derive(Debug)]
pub(crate) struct Provider {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    settings: ProviderSettings,
    http: Http,
    clock: Clock,
    current: ArcSwapOption<Snapshot>,
    fetching: Mutex<Fetching>,
    wake: Notify,
    finished: watch::Sender<u64>,
}

/// The state of fetching.
#[derive(Debug, Default)]
struct Fetching {
    /// A caller waits for a fetch that has not begun.
    wanted: bool,
    /// A fetch is under way.
    running: bool,
    /// The time at which the last fetch began, in seconds since 1970.
    asked_at: i64,
    /// The number of fetches that have ended.
    ended: u64,
    /// Consecutive failures, the reason of the last, and the time of the next attempt.
    failures: u32,
    failure: String,
    retry_at: Duration,
    /// The time of the last request to fetch keys for a token that no key fitted.
    last_demand: Option<Duration>,
    doubts: Doubts,
}

impl Provider {
    /// Starts to maintain a provider's keys, on the current tokio runtime. The first fetch begins
    /// at once; a provider that is down is not an error.
    pub(crate) fn start(settings: ProviderSettings, http: Http, clock: Clock) -> Self {
        let shared = Arc::new(Shared {
            settings,
            http,
            clock,
            current: ArcSwapOption::empty(),
            fetching: Mutex::default(),
            wake: Notify::new(),
            finished: watch::Sender::new(0),
        });
        let task = tokio::spawn(keep_fresh(Arc::clone(&shared)));
        Self { shared, task }
    }

    /// The keys, if there are any that are still usable. Never waits.
    pub(crate) fn usable(&self) -> Option<Arc<Snapshot>> {
        let snapshot = self.shared.current.load_full()?;
        let now = self.shared.clock.elapsed();
        if now >= snapshot.refresh_at {
            self.shared.wake.notify_one();
        }
        (now < snapshot.unusable_at).then_some(snapshot)
    }

    /// The keys, fetched if there are none.
    ///
    /// # Errors
    /// [`Failure::unavailable`] if the provider cannot be reached or publishes invalid keys.
    pub(crate) async fn keys(&self) -> Result<Arc<Snapshot>, Failure> {
        if let Some(snapshot) = self.usable() {
            return Ok(snapshot);
        }
        let waiting = {
            let mut fetching = self.shared.fetching.lock();
            let now = self.shared.clock.elapsed();
            if !fetching.running && now < fetching.retry_at {
                return Err(unavailable(&fetching.failure, fetching.retry_at - now));
            }
            fetching.join()
        };
        self.wait(waiting).await;
        self.usable().ok_or_else(|| {
            let fetching = self.shared.fetching.lock();
            let now = self.shared.clock.elapsed();
            unavailable(&fetching.failure, fetching.retry_at.saturating_sub(now))
        })
    }

    /// Returns whether a token that no key of `seen` fitted may cause a fetch now, or benefit from
    /// one.
    pub(crate) fn may_refetch(&self, seen: &Snapshot) -> bool {
        let newer = self
            .shared
            .current
            .load()
            .as_ref()
            .is_some_and(|now| now.generation > seen.generation);
        newer || self.shared.may_demand(&self.shared.fetching.lock())
    }

    /// Newer keys than `seen`, for a token that none of them fitted: already present or fetched
    /// now. `None` during the cooldown, or if the fetch failed.
    pub(crate) async fn refetched(&self, seen: &Snapshot) -> Option<Arc<Snapshot>> {
        let newer = |snapshot: &Arc<Snapshot>| snapshot.generation > seen.generation;
        if let Some(snapshot) = self.usable().filter(newer) {
            return Some(snapshot);
        }
        let waiting = {
            let mut fetching = self.shared.fetching.lock();
            if !self.shared.may_demand(&fetching) {
                return None;
            }
            if !fetching.running && !fetching.wanted {
                fetching.last_demand = Some(self.shared.clock.elapsed());
            }
            fetching.join()
        };
        self.wait(waiting).await;
        self.usable().filter(newer)
    }

    /// The failure of the last fetch, if it failed.
    pub(crate) fn trouble(&self) -> Option<Failure> {
        let fetching = self.shared.fetching.lock();
        let pause = fetching
            .retry_at
            .saturating_sub(self.shared.clock.elapsed());
        (fetching.failures > 0).then(|| unavailable(&fetching.failure, pause))
    }

    /// The failure for a token that names the unknown key `kid` and may not cause a fetch yet, as one
    /// was made for another token a moment ago; `None` if it is to be refused.
    pub(crate) fn undecided(&self, kid: &str) -> Option<Failure> {
        let mut fetching = self.shared.fetching.lock();
        let since = fetching.last_demand?;
        let over = since + self.shared.settings.cooldown;
        let pause = over.saturating_sub(self.shared.clock.elapsed());
        let pause = pause.max(FIRST_RETRY);
        fetching.doubts.admit(kid, since).then(|| {
            let kid = quoted(kid);
            Failure::unavailable(format!(
                "the provider had no key {kid} when its keys were fetched, before the token was issued; they may \
                 be fetched again in {} s",
                pause.as_secs()
            ))
            .retry_after(pause)
        })
    }

    /// Waits until more than `seen` fetches have ended.
    async fn wait(&self, seen: u64) {
        let mut finished = self.shared.finished.subscribe();
        self.shared.wake.notify_one();
        let more = finished.wait_for(|ended| *ended > seen);
        if tokio::time::timeout(WAIT_TIMEOUT, more).await.is_err() {
            tracing::warn!("fetch of the provider's keys did not end in time");
        }
    }

    /// Wakes the task to check the clock; for tests that moved it.
    #[cfg(test)]
    pub(crate) fn nudge(&self) {
        self.shared.wake.notify_one();
    }

    /// The reason why the last fetch failed; empty if it did not.
    #[cfg(test)]
    pub(crate) fn failure(&self) -> String {
        self.shared.fetching.lock().failure.clone()
    }

    /// The number of fetches that have ended.
    #[cfg(test)]
    pub(crate) fn fetches(&self) -> watch::Receiver<u64> {
        self.shared.finished.subscribe()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fetching {
    /// Joins the fetch that is under way, or requests one. Returns the count to pass to
    /// [`Provider::wait`].
    fn join(&mut self) -> u64 {
        if !self.running {
            self.wanted = true;
        }
        self.ended
    }
}

impl Shared {
    fn may_demand(&self, fetching: &Fetching) -> bool {
        let now = self.clock.elapsed();
        let cooled = fetching
            .last_demand
            .is_none_or(|last| now >= last + self.settings.cooldown);
        fetching.running || fetching.wanted || (cooled && now >= fetching.retry_at)
    }

    fn is_due(&self, fetching: &Fetching) -> bool {
        let now = self.clock.elapsed();
        let stale = self
            .current
            .load()
            .as_ref()
            .is_none_or(|current| now >= current.refresh_at);
        stale && now >= fetching.retry_at
    }

    /// The time until the next scheduled fetch.
    fn until_due(&self) -> Duration {
        let refresh_at = self
            .current
            .load()
            .as_ref()
            .map_or(Duration::ZERO, |now| now.refresh_at);
        let due = refresh_at.max(self.fetching.lock().retry_at);
        due.saturating_sub(self.clock.elapsed())
    }

    fn begin(&self) -> bool {
        let mut fetching = self.fetching.lock();
        let begin = fetching.wanted || self.is_due(&fetching);
        fetching.wanted = false;
        fetching.running = begin;
        if begin {
            fetching.asked_at = self.clock.unix();
        }
        begin
    }

    fn end(&self, result: Result<Fetched, String>) {
        let now = self.clock.elapsed();
        let mut fetching = self.fetching.lock();
        fetching.running = false;
        fetching.ended += 1;
        match result {
            Ok(fetched) => {
                if fetching.failures > 0 || self.current.load().is_none() {
                    tracing::info!(
                        keys = fetched.keys.len(),
                        "the provider's keys are available"
                    );
                }
                fetching.failures = 0;
                fetching.failure.clear();
                fetching.retry_at = Duration::ZERO;
                self.current.store(Some(Arc::new(Snapshot {
                    keys: fetched.keys,
                    issuer: fetched.issuer,
                    asked_at: fetching.asked_at,
                    generation: fetching.ended,
                    // Before the end of the lifetime, so that no key is used beyond it while the
                    // provider is up.
                    refresh_at: now + fetched.lifetime * 4 / 5,
                    unusable_at: now + fetched.lifetime + self.settings.max_stale,
                })));
            }
            Err(reason) => {
                tracing::warn!(
                    issuer = self.settings.issuer.text(),
                    reason,
                    keys_in_use = self.current.load().is_some(),
                    "the provider's keys cannot be fetched"
                );
                let pause = FIRST_RETRY * 2_u32.saturating_pow(fetching.failures.min(16));
                fetching.failures = fetching.failures.saturating_add(1);
                fetching.retry_at = now + pause.min(self.settings.cooldown.max(FIRST_RETRY));
                fetching.failure = reason;
            }
        }
        self.finished.send_replace(fetching.ended);
    }
}

fn unavailable(reason: &str, retry_after: Duration) -> Failure {
    let reason = if reason.is_empty() {
        "the fetch did not end in time"
    } else {
        reason
    };
    Failure::unavailable(format!("no keys of the identity provider: {reason}"))
        .retry_after(retry_after.max(FIRST_RETRY))
}

/// The result of a fetch.
struct Fetched {
    keys: KeySet,
    issuer: IssuerCheck,
    lifetime: Duration,
}

/// The task of a provider: the only one that fetches.
async fn keep_fresh(shared: Arc<Shared>) {
    let mut known: Option<(Metadata, Duration)> = None;
    loop {
        if !shared.begin() {
            // Nothing is due yet, or the task was woken unnecessarily.
            let pause = shared.until_due().max(Duration::from_millis(1));
            let _ = tokio::time::timeout(pause, shared.wake.notified()).await;
            continue;
        }
        let result = tokio::time::timeout(FETCH_TIMEOUT, fetch(&shared, &mut known))
            .await
            .unwrap_or_else(|_| Err("the provider did not answer within 10 s".to_owned()));
        if result.is_err() {
            // The document may have changed.
            known = None;
        }
        shared.end(result);
    }
}

async fn fetch(
    shared: &Shared,
    known: &mut Option<(Metadata, Duration)>,
) -> Result<Fetched, String> {
    let settings = &shared.settings;
    let (url, issuer, announced) = match (&settings.jwks_uri, settings.issuer.early()) {
        (Some(url), Some(rule)) => (url.clone(), rule, Vec::new()),
        _ => {
            let now = shared.clock.elapsed();
            let metadata = match known.take() {
                Some((metadata, at)) if now < at + DOCUMENT_LIFETIME => {
                    known.insert((metadata, at)).0.clone()
                }
                _ => {
                    let found = discovery::discover(&shared.http, &settings.issuer)
                        .await
                        .map_err(|error| error.to_string())?;
                    known.insert((found, now)).0.clone()
                }
            };
            let url = match &settings.jwks_uri {
                Some(url) => url.clone(),
                None => metadata.jwks_uri?.ok_or(
                    "the discovery document names no `jwks_uri`: set the option `jwks_uri`",
                )?,
            };
            (url, metadata.issuer, metadata.algorithms)
        }
    };
    let answer = shared
        .http
        .get(&url, "application/jwk-set+json, application/json")
        .await
        .map_err(|error| error.to_string())?;
    if !answer.status.is_success() {
        return Err(format!(
            "{}: answers {}",
            http::shown(&url),
            answer.status.as_u16()
        ));
    }
    let Answer { headers, body, .. } = answer;
    let keys = KeySet::parse(&body, &announced)
        .map_err(|what| format!("{}: the key set {what}", http::shown(&url)))?;
    if keys.len() == 0 {
        tracing::warn!(
            url = http::shown(&url),
            "the provider publishes no usable key"
        );
    }
    Ok(Fetched {
        keys,
        issuer,
        lifetime: settings.lifetime.of(&headers),
    })
}

//! The pool of connections to one DataHub and the care around each exchange: limit of calls, breaker,
//! one retry of a read. Also what is known of the server.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use foundation::{breaker::Breaker, clock::Clock, shares::Supply};
use http::StatusCode;
use url::Url;

use super::{
    error::{BREAKER_OPEN, DataHubError},
    failures::FailureLog,
    retry::RetryBudget,
    server::{ServerCache, ServerInfo},
    settings::Settings,
    transport::{self, Body, Failure},
    unsupported_fields::UnsupportedFields,
};

/// The pause between a failure and the retry.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// `/config` and `/health` are small and must not delay the first call for long.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// The shortest time between two requests of `/config`, or of `/health`.
const RECHECK: Duration = Duration::from_secs(2);
const MAX_CONFIG_BYTES: usize = 1024 * 1024;
/// The answers of the largest size that there is room for at once. One person gets room for one of them
/// beside others, and for two alone.
const LARGEST_AT_ONCE: usize = 4;

/// The reason no pool could be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The URL cannot carry a path, or is neither http nor https.
    #[error("DATAHUB_GMS_URL must be an http or https URL, such as http://localhost:8080")]
    Url,
    /// TLS could not be set up.
    #[error("the HTTP client for DataHub cannot be set up: {0}")]
    Http(#[from] outbound::Error),
}

#[derive(Debug)]
pub(super) struct Pool {
    pub(super) http: reqwest::Client,
    pub(super) settings: Settings,
    pub(super) graphql: Url,
    pub(super) config: Url,
    pub(super) health: Url,
    pub(super) breaker: Breaker,
    pub(super) clock: Clock,
    pub(super) budget: RetryBudget,
    pub(super) in_flight: Arc<Supply<Option<u64>>>,
    /// Bytes of answers that are being read.
    pub(super) room: Arc<Supply<Option<u64>>>,
    pub(super) server: ServerCache,
    pub(super) unsupported: UnsupportedFields,
    pub(super) failures: FailureLog,
}

impl Pool {
    pub(super) fn new(settings: Settings) -> Result<Self, SetupError> {
        Ok(Self {
            http: transport::pool(&settings)?,
            graphql: below(&settings.gms_url, &["api", "graphql"])?,
            config: below(&settings.gms_url, &["config"])?,
            health: below(&settings.gms_url, &["health"])?,
            breaker: Breaker::new(settings.breaker_policy()),
            clock: Clock::system(),
            budget: RetryBudget::new(),
            in_flight: Supply::new(settings.max_in_flight, 1),
            room: Supply::new(
                settings.max_response_bytes.saturating_mul(LARGEST_AT_ONCE),
                settings.max_response_bytes / LARGEST_AT_ONCE,
            ),
            server: ServerCache::default(),
            unsupported: UnsupportedFields::default(),
            failures: FailureLog::default(),
            settings,
        })
    }

    /// One call, of `who` if it is a person's: an exchange, and for a read a second one if the first
    /// got lost, all within the deadline and the in-flight limit.
    pub(super) async fn call(
        &self,
        request: impl Fn() -> reqwest::RequestBuilder,
        read: bool,
        who: Option<u64>,
    ) -> Result<(StatusCode, Body), DataHubError> {
        let _slot = self
            .in_flight
            .take(who, 1)
            .map_err(|_| DataHubError::Overloaded)?;
        let deadline = Instant::now() + self.settings.call_timeout;
        self.budget.deposit();
        let max_bytes = self.settings.max_response_bytes;
        match self.guarded(request(), deadline, max_bytes, who).await {
            Ok(answer) => Ok(answer),
            Err(failure) if failure.retriable && read && self.budget.withdraw() => {
                tokio::time::sleep(RETRY_PAUSE).await;
                let again = self.guarded(request(), deadline, max_bytes, who).await;
                again.map_err(|failure| failure.error)
            }
            Err(failure) => Err(failure.error),
        }
    }

    /// One exchange under the breaker. Ends at `deadline`, which then counts as a failure.
    async fn guarded(
        &self,
        request: reqwest::RequestBuilder,
        deadline: Instant,
        max_bytes: usize,
        who: Option<u64>,
    ) -> Result<(StatusCode, Body), Failure> {
        let room = self.room.take(who, 0);
        let room = room.map_err(|_| Failure::lasting(DataHubError::NoRoom))?;
        let permit = self
            .breaker
            .admit(self.clock.elapsed(), who)
            .map_err(|retry_after| Failure {
                error: DataHubError::Unavailable {
                    why: BREAKER_OPEN,
                    retry_after,
                },
                retriable: false,
                meets_all: true,
            })?;
        let request = request.headers(self.settings.headers.clone());
        let exchange = transport::exchange(request, max_bytes, room);
        let result = tokio::time::timeout_at(deadline.into(), exchange)
            .await
            .unwrap_or({
                let error = DataHubError::Timeout {
                    limit: self.settings.call_timeout,
                };
                Err(Failure {
                    error,
                    retriable: false,
                    meets_all: false,
                })
            });
        let now = self.clock.elapsed();
        let change = match &result {
            Err(failure) if failure.meets_all => permit.failed(now),
            Err(failure) if failure.error.is_outage() => permit.failed_for_one(now),
            _ => permit.succeeded(now),
        };
        self.failures.note_change(change, now);
        result
    }

    pub(super) async fn server_info(&self) -> Option<ServerInfo> {
        let known = self.server.known();
        if let Some(known) = &known
            && known.0.elapsed() < self.settings.version_ttl
        {
            return Some(known.1.clone());
        }
        // The first caller asks. If an older answer is known, the others do not wait for it.
        let mut last_try = match &known {
            Some(known) => match self.server.last_try.try_lock() {
                Ok(guard) => guard,
                Err(_) => return Some(known.1.clone()),
            },
            None => self.server.last_try.lock().await,
        };
        if last_try.is_none_or(|at| at.elapsed() >= RECHECK) {
            self.ask_config().await;
            *last_try = Some(Instant::now());
        }
        self.server.known().map(|known| known.1.clone())
    }

    async fn ask_config(&self) {
        let request = self.http.get(self.config.clone());
        let deadline = Instant::now() + PROBE_TIMEOUT;
        let info = match self
            .guarded(request, deadline, MAX_CONFIG_BYTES, None)
            .await
        {
            Ok((StatusCode::OK, body)) if ServerInfo::is_datahub(&body) => ServerInfo::read(&body),
            Ok(_) => None,
            Err(failure) if matches!(failure.error, DataHubError::Malformed { .. }) => None,
            // Down, or a proxy that asks for a token: nothing is known of what is behind.
            Err(_) => return,
        };
        let Some(info) = info else {
            if self.server.known().is_none()
                && !self.server.is_stranger.swap(true, Ordering::Relaxed)
            {
                tracing::warn!(
                    "what answers at `DATAHUB_GMS_URL` does not look like datahub: `/config` is not there"
                );
            }
            return;
        };
        self.server.is_stranger.store(false, Ordering::Relaxed);
        if self.server.known().is_none_or(|known| known.1 != info) {
            let version = info.version.map(|version| version.to_string());
            tracing::info!(version, cloud = info.cloud, "datahub found");
        }
        self.server.remember(Instant::now(), info);
    }

    /// Asks `/health`; any answer other than a server error counts as reachable.
    pub(super) async fn probe(&self) -> bool {
        let mut last = self.server.probe.lock().await;
        if let Some((at, alive)) = *last
            && at.elapsed() < RECHECK
        {
            return alive;
        }
        let request = self.http.get(self.health.clone());
        let deadline = Instant::now() + PROBE_TIMEOUT;
        let result = self
            .guarded(request, deadline, MAX_CONFIG_BYTES, None)
            .await;
        let alive = !result.is_err_and(|failure| failure.error.is_outage());
        *last = Some((Instant::now(), alive));
        alive
    }
}

/// `base` with more path segments; a trailing slash of `base` makes no difference.
fn below(base: &Url, segments: &[&str]) -> Result<Url, SetupError> {
    if !matches!(base.scheme(), "http" | "https") {
        return Err(SetupError::Url);
    }
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut()
        .map_err(|()| SetupError::Url)?
        .pop_if_empty()
        .extend(segments);
    Ok(url)
}

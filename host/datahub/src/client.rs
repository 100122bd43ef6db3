//! The connection pool of the process and the client value of one request.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use foundation::{
    breaker::{Breaker, Change},
    clock::Clock,
};
use http::{HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use telemetry::metrics;
use tokio::sync::Semaphore;
use url::{Url, form_urlencoded};

use super::{
    answer::{self, Answer, Refusal},
    document::{Document, Operation},
    error::DataHubError,
    retry::RetryBudget,
    server::{Health, ServerCache, ServerInfo},
    settings::Settings,
    transport::{self, Failure},
    unsupported_fields::{Pruned, UnsupportedFields},
    version::Version,
};

/// The pause between a failure and the retry.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// `/config` and `/health` are small and must not delay the first call for long.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// The shortest time between two requests of `/config`, or of `/health`.
const RECHECK: Duration = Duration::from_secs(2);
const MAX_CONFIG_BYTES: usize = 1024 * 1024;
/// Attempts with fields removed from one document. DataHub reports up to a hundred errors at once.
const MAX_CUTS: usize = 4;

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

/// One DataHub: the connection pool, its breaker and the known facts about the server. Made once.
#[derive(Debug, Clone)]
pub struct DataHub {
    shared: Arc<Shared>,
}

/// A client that acts as one person: the shared pool and that person's token. Made for one request
/// and dropped after it.
#[derive(Clone)]
pub struct DataHubClient {
    shared: Arc<Shared>,
    /// `None` if the token cannot be sent in a header, so DataHub would refuse it.
    authorization: Option<HeaderValue>,
}

#[derive(Debug)]
struct Shared {
    http: reqwest::Client,
    settings: Settings,
    graphql: Url,
    config: Url,
    health: Url,
    breaker: Breaker,
    clock: Clock,
    budget: RetryBudget,
    in_flight: Semaphore,
    server: ServerCache,
    unsupported: UnsupportedFields,
}

impl DataHub {
    /// Creates the pool for the DataHub in `settings`. Does not connect yet.
    ///
    /// # Errors
    /// A URL that cannot be that of a server, or TLS that cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let shared = Shared {
            http: transport::pool(&settings)?,
            graphql: below(&settings.gms_url, &["api", "graphql"])?,
            config: below(&settings.gms_url, &["config"])?,
            health: below(&settings.gms_url, &["health"])?,
            breaker: Breaker::new(settings.breaker_policy()),
            clock: Clock::system(),
            budget: RetryBudget::new(),
            in_flight: Semaphore::new(settings.max_in_flight),
            server: ServerCache::default(),
            unsupported: UnsupportedFields::default(),
            settings,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// A client that acts as the person that `token` belongs to.
    pub fn client(&self, token: SecretString) -> DataHubClient {
        let header = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
        let authorization = header.ok().map(|mut value| {
            value.set_sensitive(true);
            value
        });
        DataHubClient {
            shared: Arc::clone(&self.shared),
            authorization,
        }
    }

    /// The server's last known version; `None` before the first answer of `/config`.
    pub fn version(&self) -> Option<Version> {
        self.shared.server.known().and_then(|known| known.1.version)
    }

    /// Checks that DataHub can be reached, for `/ready`. Takes at most 2 s; called more often than
    /// every 2 s, it returns the last result.
    pub async fn health(&self) -> Health {
        let reachable = self.shared.probe().await && !self.shared.breaker.is_open();
        if reachable {
            self.shared.server_info().await;
        }
        Health {
            reachable,
            version: self.version(),
        }
    }
}

impl DataHubClient {
    /// Sends `document` with `variables` (an object, or null for none). Dropping the future ends
    /// the call.
    ///
    /// # Errors
    /// See [`DataHubError`]. Partial data is not an error: the answer's warnings name what failed.
    pub async fn execute(
        &self,
        document: &Document,
        variables: Value,
    ) -> Result<Answer, DataHubError> {
        let started = Instant::now();
        let result = self.run(document, &variables).await;
        let outcome = match &result {
            Ok(answer) if answer.warnings.is_empty() => "ok",
            Ok(_) => "partial",
            Err(error) if error.is_outage() => "outage",
            Err(_) => "error",
        };
        metrics::datahub_call(outcome, started.elapsed());
        if let Err(error) = &result {
            tracing::debug!(operation = document.name(), %error, "datahub call failed");
        }
        result
    }

    /// The known facts about the server; asks it if the last answer is older than a minute. `None`
    /// if it never answered.
    pub async fn server(&self) -> Option<ServerInfo> {
        self.shared.server_info().await
    }

    async fn run(&self, document: &Document, variables: &Value) -> Result<Answer, DataHubError> {
        let authorization = self
            .authorization
            .as_ref()
            .ok_or(DataHubError::TokenRefused)?;
        if document.needs() != super::version::Since::ALWAYS
            && let Some(server) = self.server().await
            && !server.has(document.needs())
        {
            return Err(DataHubError::TooOld {
                since: document.needs(),
            });
        }
        if document.operation() == Operation::Mutation {
            let answer = self.attempts(document, authorization, variables).await;
            return answer.map_err(|refusal| refusal.error);
        }
        self.as_known(document, authorization, variables).await
    }

    /// Sends the document without the fields that this DataHub turns out not to know. Validation
    /// comes before execution, so a refused document has had no effect.
    async fn as_known(
        &self,
        document: &Document,
        authorization: &HeaderValue,
        variables: &Value,
    ) -> Result<Answer, DataHubError> {
        let unsupported = &self.shared.unsupported;
        let mut cut = match unsupported.has(document.name()) {
            true => unsupported.get(document.name(), self.server().await.as_ref()),
            false => None,
        };
        let mut first_error = None;
        let started = Instant::now();
        for _ in 0..=MAX_CUTS {
            let sent = cut.as_ref().map_or(document, |cut| &cut.document);
            let refusal = match self.attempts(sent, authorization, variables).await {
                Ok(mut answer) => {
                    if let Some(cut) = cut {
                        answer.warnings.push(cut.warning());
                        if first_error.is_some() {
                            self.learn(document, cut).await;
                        }
                    }
                    return Ok(answer);
                }
                Err(refusal) => refusal,
            };
            if refusal.invalid_lines.is_empty() {
                // Not caused by the document: a refused token, an outage, the caller's arguments.
                return Err(refusal.error);
            }
            let before = cut.as_ref().map_or(&[][..], |cut| &cut.left_out);
            let next = Pruned::new(sent, &refusal.invalid_lines, before);
            let error = first_error.get_or_insert(refusal.error);
            match next {
                Some(next) if started.elapsed() < self.shared.settings.call_timeout / 2 => {
                    cut = Some(Arc::new(next));
                }
                _ => return Err(error.clone()),
            }
        }
        Err(first_error.unwrap_or(DataHubError::Overloaded))
    }

    async fn learn(&self, document: &Document, cut: Arc<Pruned>) {
        tracing::warn!(
            operation = document.name(),
            left_out = cut.left_out.join(", "),
            "datahub does not know some of the requested fields"
        );
        let server = self.server().await;
        self.shared.unsupported.learn(document.name(), server, cut);
    }

    async fn attempts(
        &self,
        document: &Document,
        authorization: &HeaderValue,
        variables: &Value,
    ) -> Result<Answer, Refusal> {
        let shared = &*self.shared;
        let body = bytes::Bytes::from(document.body(variables));
        let request = || {
            shared
                .http
                .post(shared.graphql.clone())
                .header(header::AUTHORIZATION, authorization.clone())
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::ACCEPT, "application/json")
                .body(body.clone())
        };
        match shared
            .call(request, document.operation() == Operation::Query)
            .await?
        {
            (StatusCode::NOT_FOUND, _) => Err(DataHubError::Malformed {
                what: "HTTP 404 (does DATAHUB_GMS_URL point at the metadata service?)",
            }
            .into()),
            (_, body) => answer::read(&body),
        }
    }

    /// Reads JSON from DataHub's REST API: `path` below the URL of the metadata service, each
    /// segment escaped as Rest.li requires.
    ///
    /// # Errors
    /// See [`DataHubError`]; HTTP 404 is [`DataHubError::NotFound`].
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, DataHubError> {
        let shared = &*self.shared;
        let authorization = self
            .authorization
            .as_ref()
            .ok_or(DataHubError::TokenRefused)?;
        let mut url = shared
            .settings
            .gms_url
            .as_str()
            .trim_end_matches('/')
            .to_owned();
        for segment in path {
            url.push('/');
            url.extend(form_urlencoded::byte_serialize(segment.as_bytes()));
        }
        // A space is `%20` in a path, not the `+` of a form.
        let mut url: Url = url.replace('+', "%20").parse().map_err(|_| bad_url())?;
        url.query_pairs_mut().extend_pairs(query);
        let request = || {
            shared
                .http
                .get(url.clone())
                .header(header::AUTHORIZATION, authorization.clone())
                .header(header::ACCEPT, "application/json")
                .header("X-RestLi-Protocol-Version", "2.0.0")
        };
        match shared.call(request, true).await? {
            (StatusCode::NOT_FOUND, _) => Err(DataHubError::NotFound {
                message: "HTTP 404".to_owned(),
            }),
            (StatusCode::BAD_REQUEST, _) => Err(DataHubError::BadRequest {
                message: "HTTP 400".to_owned(),
            }),
            (_, body) => serde_json::from_slice(&body).map_err(|_| DataHubError::Malformed {
                what: "a body that is not JSON",
            }),
        }
    }
}

impl Shared {
    /// One call: an exchange, and for a read a second one if the first got lost, all within the
    /// deadline and the in-flight limit.
    async fn call(
        &self,
        request: impl Fn() -> reqwest::RequestBuilder,
        read: bool,
    ) -> Result<(StatusCode, bytes::Bytes), DataHubError> {
        let _slot = self
            .in_flight
            .try_acquire()
            .map_err(|_| DataHubError::Overloaded)?;
        let deadline = Instant::now() + self.settings.call_timeout;
        self.budget.deposit();
        let max_bytes = self.settings.max_response_bytes;
        match self.guarded(request(), deadline, max_bytes).await {
            Ok(answer) => Ok(answer),
            Err(failure) if failure.retriable && read && self.budget.withdraw() => {
                tokio::time::sleep(RETRY_PAUSE).await;
                let again = self.guarded(request(), deadline, max_bytes).await;
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
    ) -> Result<(StatusCode, bytes::Bytes), Failure> {
        let permit = self
            .breaker
            .admit(self.clock.elapsed())
            .map_err(|retry_after| Failure {
                error: DataHubError::Unavailable {
                    why: "circuit breaker open",
                    retry_after,
                },
                retriable: false,
            })?;
        let exchange = transport::exchange(request, max_bytes);
        let result = tokio::time::timeout_at(deadline.into(), exchange)
            .await
            .unwrap_or({
                let error = DataHubError::Timeout {
                    limit: self.settings.call_timeout,
                };
                Err(Failure {
                    error,
                    retriable: false,
                })
            });
        let change = match &result {
            Err(failure) if failure.error.is_outage() => permit.failed(self.clock.elapsed()),
            _ => permit.succeeded(),
        };
        match change {
            Change::None => {}
            Change::Opened => tracing::warn!("datahub is down: calls are refused for a while"),
            Change::Closed => tracing::info!("datahub is back"),
        }
        result
    }

    async fn server_info(&self) -> Option<ServerInfo> {
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
        let Ok((StatusCode::OK, body)) = self.guarded(request, deadline, MAX_CONFIG_BYTES).await
        else {
            return;
        };
        let Some(info) = ServerInfo::read(&body) else {
            return;
        };
        if self.server.known().is_none_or(|known| known.1 != info) {
            let version = info.version.map(|version| version.to_string());
            tracing::info!(version, cloud = info.cloud, "datahub found");
        }
        self.server.remember(Instant::now(), info);
    }

    /// Asks `/health`; any answer other than a server error counts as reachable.
    async fn probe(&self) -> bool {
        let mut last = self.server.probe.lock().await;
        if let Some((at, alive)) = *last
            && at.elapsed() < RECHECK
        {
            return alive;
        }
        let request = self.http.get(self.health.clone());
        let deadline = Instant::now() + PROBE_TIMEOUT;
        let result = self.guarded(request, deadline, MAX_CONFIG_BYTES).await;
        let alive = !result.is_err_and(|failure| failure.error.is_outage());
        *last = Some((Instant::now(), alive));
        alive
    }
}

impl fmt::Debug for DataHubClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataHubClient").finish_non_exhaustive()
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

fn bad_url() -> DataHubError {
    DataHubError::BadRequest {
        message: "the path cannot be part of a URL".to_owned(),
    }
}

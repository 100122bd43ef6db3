//! The connection pool of the process and the client value of one request.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use foundation::identity::Principal;
use http::{HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use telemetry::{Notes, metrics};
use url::{Url, form_urlencoded};

use super::{
    answer::{self, Answer, Refusal},
    document::{Document, Operation},
    error::DataHubError,
    pool::{Pool, SetupError},
    server::{Health, ServerInfo},
    settings::Settings,
    tree::Tree,
    unsupported_fields::Pruned,
    version::Version,
};

/// Attempts with fields removed from one document. DataHub reports up to a hundred errors at once.
const MAX_CUTS: usize = 4;

/// What is made of the data of an answer.
type Take<'a, T> = &'a (dyn Fn(Tree<'_>) -> T + Sync);

/// One DataHub: the connection pool, its breaker and the known facts about the server. Made once.
#[derive(Debug, Clone)]
pub struct DataHub {
    shared: Arc<Pool>,
}

/// A client that acts as one person: the shared pool and that person's token. Made for one request
/// and dropped after it.
#[derive(Clone)]
pub struct DataHubClient {
    shared: Arc<Pool>,
    /// `None` if the token cannot be sent in a header, so DataHub would refuse it.
    authorization: Option<HeaderValue>,
    /// Told of the changes that are sent.
    notes: Option<Notes>,
    /// The person whose failures these are.
    who: Option<u64>,
}

impl DataHub {
    /// Creates the pool for the DataHub in `settings`. Does not connect yet.
    ///
    /// # Errors
    /// A URL that cannot be that of a server, or TLS that cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        Ok(Self {
            shared: Arc::new(Pool::new(settings)?),
        })
    }

    /// A client for the requests of `principal`: the failures of its calls count as this person's.
    pub fn client_of(&self, principal: &Principal) -> DataHubClient {
        DataHubClient {
            who: Some(principal.digest().number()),
            ..self.client(principal.datahub_token().clone())
        }
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
            notes: None,
            who: None,
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
            is_stranger: self.shared.server.is_stranger.load(Ordering::Relaxed),
            version: self.version(),
        }
    }
}

impl DataHubClient {
    /// The same, which writes the changes that it sends into the notes on the request.
    pub fn noting(mut self, notes: Notes) -> Self {
        self.notes = Some(notes);
        self
    }

    /// The same, with calls and failures that count for `who`: those who share a token are not one person.
    pub fn counting_for(mut self, who: u64) -> Self {
        self.who = Some(who);
        self
    }

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
        self.execute_and(document, variables, &|data| data.to_map())
            .await
    }

    /// The same with what `take` makes of the data, which is cheaper where little of it is kept.
    ///
    /// # Errors
    /// See [`DataHubError`].
    pub async fn execute_and<T>(
        &self,
        document: &Document,
        variables: Value,
        take: Take<'_, T>,
    ) -> Result<Answer<T>, DataHubError> {
        let started = Instant::now();
        let result = self.run(document, &variables, take).await;
        let outcome = match &result {
            Ok(answer) if answer.warnings.is_empty() => "ok",
            Ok(_) => "partial",
            Err(error) if error.is_outage() => "outage",
            Err(_) => "error",
        };
        metrics::datahub_call(outcome, started.elapsed());
        if let Err(error) = &result {
            tracing::debug!(operation = document.name(), %error, "datahub call failed");
            let now = self.shared.clock.elapsed();
            self.shared.failures.note(document.name(), error, now);
        }
        result
    }

    /// The known facts about the server; asks it if the last answer is older than a minute. `None`
    /// if it never answered.
    pub async fn server(&self) -> Option<ServerInfo> {
        self.shared.server_info().await
    }

    async fn run<T>(
        &self,
        document: &Document,
        variables: &Value,
        take: Take<'_, T>,
    ) -> Result<Answer<T>, DataHubError> {
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
            return self.change(document, authorization, variables, take).await;
        }
        self.as_known(document, authorization, variables, take)
            .await
    }

    /// Sends a mutation, and notes that it is sent and answered: a caller who leaves in between, or
    /// an outage, leaves a change of which nobody knows whether it was made.
    async fn change<T>(
        &self,
        document: &Document,
        authorization: &HeaderValue,
        variables: &Value,
        take: Take<'_, T>,
    ) -> Result<Answer<T>, DataHubError> {
        let notes = self.notes.as_ref();
        notes.inspect(|notes| notes.write_is_sent());
        let answer = self
            .attempts(document, authorization, variables, take)
            .await;
        let answer = answer.map_err(|refusal| refusal.error);
        match &answer {
            Err(error) if error.was_not_sent() => {
                notes.inspect(|notes| notes.write_was_not_sent());
            }
            Err(error) if error.is_outage() => {}
            _ => {
                notes.inspect(|notes| notes.write_is_answered());
            }
        }
        answer
    }

    /// Sends the document without the fields that this DataHub turns out not to know. Validation
    /// comes before execution, so a refused document has had no effect.
    async fn as_known<T>(
        &self,
        document: &Document,
        authorization: &HeaderValue,
        variables: &Value,
        take: Take<'_, T>,
    ) -> Result<Answer<T>, DataHubError> {
        let unsupported = &self.shared.unsupported;
        let mut cut = match unsupported.has(document.name()) {
            true => unsupported.get(document.name(), self.server().await.as_ref()),
            false => None,
        };
        let mut first_error = None;
        let started = Instant::now();
        for _ in 0..=MAX_CUTS {
            let sent = cut.as_ref().map_or(document, |cut| &cut.document);
            let refusal = match self.attempts(sent, authorization, variables, take).await {
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

    async fn attempts<T>(
        &self,
        document: &Document,
        authorization: &HeaderValue,
        variables: &Value,
        take: Take<'_, T>,
    ) -> Result<Answer<T>, Refusal> {
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
            .call(request, document.operation() == Operation::Query, self.who)
            .await?
        {
            (StatusCode::NOT_FOUND, _) => Err(DataHubError::Malformed {
                what: "HTTP 404 (does DATAHUB_GMS_URL point at the metadata service?)",
            }
            .into()),
            (_, body) => answer::read(&body, take),
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
        match shared.call(request, true, self.who).await? {
            (StatusCode::NOT_FOUND, _) => Err(DataHubError::NotFound {
                message: "HTTP 404".to_owned(),
            }),
            (StatusCode::BAD_REQUEST, _) => Err(DataHubError::BadRequest {
                message: "HTTP 400".to_owned(),
            }),
            (_, body) => {
                answer::check_values(&body)?;
                serde_json::from_slice(&body).map_err(|_| DataHubError::Malformed {
                    what: "a body that is not JSON",
                })
            }
        }
    }
}

impl fmt::Debug for DataHubClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataHubClient").finish_non_exhaustive()
    }
}

fn bad_url() -> DataHubError {
    DataHubError::BadRequest {
        message: "the path cannot be part of a URL".to_owned(),
    }
}

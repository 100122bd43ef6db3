//! A stub of DataHub that answers a minimum of requests, records them, and misbehaves on demand.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The requests that are kept; a load test sends a million.
pub const MOST_SEEN: usize = 20_000;

/// The stub's behaviour towards the next requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers with the marker of the caller's token.
    Echo,
    /// Answers like `Echo` after a while.
    Slow(Duration),
    /// Answers like `Echo` once this many requests have been in flight at the same time.
    Together(u64),
    /// Never answers.
    Stall,
    /// Answers to queries like `Echo`, and never to mutations.
    StallMutations,
    /// Sends the head and then one byte per second.
    Trickle,
    /// Answers with this status, body and content type.
    Fixed(u16, String, &'static str),
    /// Answers 429 with `Retry-After`.
    TooMany(u64),
    /// Sends a body that never ends.
    Endless,
    /// Answers 401.
    Unauthorized,
}

#[derive(Debug)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    /// The behaviour towards the bearers with these markers.
    exceptions: Mutex<HashMap<String, Behaviour>>,
    requests: AtomicU64,
    in_flight: AtomicU64,
    most_in_flight: watch::Sender<u64>,
    cancelled: AtomicU64,
    stalled: AtomicU64,
    seen: Mutex<Vec<Seen>>,
}

impl Shared {
    fn keep(&self, seen: impl FnOnce() -> Seen) {
        let mut all = self.seen.lock();
        if all.len() < MOST_SEEN {
            all.push(seen());
        }
    }
}

/// One request as the stub received it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The path.
    pub path: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, if it was JSON.
    pub body: Value,
}

/// A running stub, which ends when dropped.
#[derive(Debug)]
pub struct StubDataHub {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

impl StubDataHub {
    /// Starts on a free port.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start() -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(Behaviour::Echo),
            exceptions: Mutex::default(),
            requests: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            most_in_flight: watch::Sender::new(0),
            cancelled: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
            seen: Mutex::default(),
        });
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let token = CancellationToken::new();
        let stopped = token.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                _ = axum::serve(listener, app) => {}
            }
        });
        Ok(Self {
            address,
            shared,
            _stop: token.drop_guard(),
        })
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, in the form of `DATAHUB_GMS_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes its behaviour from the next request on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock() = behaviour;
    }

    /// Changes its behaviour towards the bearer of `token`, whatever it is towards others.
    pub fn behave_to(&self, token: &str, behaviour: Behaviour) {
        self.shared
            .exceptions
            .lock()
            .insert(marker(token), behaviour);
    }

    /// The number of GraphQL requests so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// The number of GraphQL requests that are being answered.
    pub fn in_flight(&self) -> u64 {
        self.shared.in_flight.load(Ordering::SeqCst)
    }

    /// The largest number of GraphQL requests that were being answered at the same time.
    pub fn most_in_flight(&self) -> u64 {
        *self.shared.most_in_flight.borrow()
    }

    /// The number of GraphQL requests that the caller cancelled.
    pub fn cancelled(&self) -> u64 {
        self.shared.cancelled.load(Ordering::SeqCst)
    }

    /// The number of GraphQL requests that are never answered and whose caller still waits.
    pub fn stalled(&self) -> u64 {
        self.shared.stalled.load(Ordering::SeqCst)
    }

    /// The first [`MOST_SEEN`] requests.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().clone()
    }
}

/// Counts a request that is never answered, as long as its caller waits.
struct Stalled<'a>(&'a Shared);

impl<'a> Stalled<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.stalled.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Stalled<'_> {
    fn drop(&mut self) {
        self.0.stalled.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts a request as in flight, and as cancelled unless it was finished.
struct InFlight {
    shared: Arc<Shared>,
    finished: bool,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shared.in_flight.fetch_sub(1, Ordering::SeqCst);
        if !self.finished {
            self.shared.cancelled.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let body = axum::body::to_bytes(body, 8 << 20)
        .await
        .unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    shared.keep(|| Seen {
        path: path.clone(),
        headers: parts.headers.clone(),
        body: body.clone(),
    });
    let exception = shared
        .exceptions
        .lock()
        .get(&actor(&parts.headers))
        .cloned();
    let behaviour = exception.unwrap_or_else(|| shared.behaviour.lock().clone());
    if !path.ends_with("/graphql") {
        return other_path(&path, &behaviour);
    }
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let now = shared.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
    shared.most_in_flight.send_if_modified(|most| {
        let more = now > *most;
        *most = now.max(*most);
        more
    });
    let mut in_flight = InFlight {
        shared: Arc::clone(&shared),
        finished: false,
    };
    let is_mutation = body["query"]
        .as_str()
        .is_some_and(|query| query.trim_start().starts_with("mutation"));
    let behaviour = match behaviour {
        Behaviour::StallMutations if is_mutation => Behaviour::Stall,
        Behaviour::StallMutations => Behaviour::Echo,
        other => other,
    };
    let response = misbehave(&shared, behaviour, &parts.headers).await;
    in_flight.finished = true;
    response
}

fn other_path(path: &str, behaviour: &Behaviour) -> Response {
    match (path, behaviour) {
        (_, Behaviour::Fixed(status, text, kind)) => fixed(*status, text.clone(), kind),
        ("/config", _) => axum::Json(json!({
            "versions": {"acryldata/datahub": {"version": "v1.6.0", "commit": "0"}},
            "datahub": {"serverType": "prod", "serverEnv": "core"},
            "noCode": "true",
        }))
        .into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn misbehave(shared: &Shared, behaviour: Behaviour, headers: &HeaderMap) -> Response {
    match behaviour {
        Behaviour::Echo => echo(headers),
        Behaviour::Slow(delay) => {
            tokio::time::sleep(delay).await;
            echo(headers)
        }
        Behaviour::Together(number) => {
            let mut most = shared.most_in_flight.subscribe();
            // The sender lives in `shared`, so this ends only when the condition holds.
            let _ = most.wait_for(|most| *most >= number).await;
            echo(headers)
        }
        Behaviour::Stall | Behaviour::StallMutations => {
            let _stalled = Stalled::new(shared);
            std::future::pending().await
        }
        Behaviour::Trickle => {
            let drops = stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Some((Ok::<_, std::convert::Infallible>(" "), ()))
            });
            json_body(Body::from_stream(drops))
        }
        Behaviour::Fixed(status, text, kind) => fixed(status, text, kind),
        Behaviour::TooMany(seconds) => (
            StatusCode::TOO_MANY_REQUESTS,
            [(header::RETRY_AFTER, seconds.to_string())],
            "too many requests",
        )
            .into_response(),
        Behaviour::Endless => {
            let chunk = bytes::Bytes::from(vec![b' '; 64 * 1024]);
            json_body(Body::from_stream(stream::repeat_with(move || {
                Ok::<_, std::convert::Infallible>(chunk.clone())
            })))
        }
        Behaviour::Unauthorized => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn json_body(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn fixed(status: u16, text: String, kind: &'static str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    (status, [(header::CONTENT_TYPE, kind)], text).into_response()
}

/// The name of the bearer of `token` in the stub's answers. Contains no part of the token, so that
/// an answer may be printed.
pub fn marker(token: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(token.as_bytes());
    format!("bearer-{}", crate::hex(&digest[..8]))
}

/// The marker of the token in `headers`.
fn actor(headers: &HeaderMap) -> String {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map_or_else(|| "nobody".to_owned(), marker)
}

fn echo(headers: &HeaderMap) -> Response {
    let actor = actor(headers);
    axum::Json(json!({"data": {
        "searchAcrossEntities": {
            "start": 0, "count": 1, "total": 1, "facets": [],
            "searchResults": [{"entity": {
                "__typename": "Dataset",
                "urn": format!("urn:li:dataset:(urn:li:dataPlatform:stub,{actor},PROD)"),
                "type": "DATASET",
                "name": actor,
                "properties": {"name": actor, "description": "echo"},
            }, "matchedFields": [], "insights": []}],
        },
        "me": {"corpUser": {
            "urn": format!("urn:li:corpuser:{actor}"), "type": "CORP_USER", "username": actor,
            "exists": true,
        }, "platformPrivileges": {}},
    }}))
    .into_response()
}

//! Controls for tests: the fault of each endpoint, and the number of its requests.

use std::array;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// An endpoint of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// The two discovery documents.
    Discovery,
    /// The key set.
    Jwks,
    /// The authorization endpoint with its login page.
    Authorize,
    /// The token endpoint.
    Token,
    /// The userinfo endpoint.
    Userinfo,
    /// The introspection endpoint.
    Introspection,
    /// The revocation endpoint.
    Revocation,
}

impl Endpoint {
    /// All endpoints.
    pub const ALL: [Self; 7] = [
        Self::Discovery,
        Self::Jwks,
        Self::Authorize,
        Self::Token,
        Self::Userinfo,
        Self::Introspection,
        Self::Revocation,
    ];
}

/// The behaviour of an endpoint in place of its regular answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Fault {
    /// This status, with an OAuth error as the body.
    Status {
        /// An HTTP status.
        status: u16,
    },
    /// The right answer, this much later.
    Slow {
        /// Milliseconds.
        millis: u64,
    },
    /// No answer until the provider stops or the client gives up.
    Hang,
    /// 200 with this body.
    Body {
        /// The `Content-Type`.
        content_type: String,
        /// The bytes.
        body: String,
    },
    /// 200 and JSON that starts correctly and has this length.
    Huge {
        /// Length in bytes.
        bytes: u64,
    },
    /// 200, then a byte at a time.
    Trickle {
        /// Milliseconds between two bytes.
        millis: u64,
    },
    /// The connection breaks in the middle of the body.
    Cut,
    /// 302 to another place.
    Redirect {
        /// The `Location`.
        location: String,
    },
}

impl Fault {
    /// 200 and bytes that are not JSON.
    pub fn garbage() -> Self {
        Self::Body {
            content_type: "application/json".to_owned(),
            body: "\u{fffd}{]<!--".to_owned(),
        }
    }

    /// 200 and this JSON.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::Body {
            content_type: "application/json".to_owned(),
            body: value.to_string(),
        }
    }
}

#[derive(Debug, Default)]
struct Spot {
    requests: AtomicU64,
    fault: RwLock<Option<Fault>>,
}

/// The faults and counters of one provider.
#[derive(Debug)]
pub(super) struct Faults {
    spots: [Spot; Endpoint::ALL.len()],
    /// Cancelled and replaced when hanging requests have to end.
    stopping: RwLock<CancellationToken>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            spots: array::from_fn(|_| Spot::default()),
            stopping: RwLock::default(),
        }
    }
}

impl Faults {
    pub(super) fn set(&self, endpoint: Endpoint, fault: Option<Fault>) {
        *self.spots[endpoint as usize].fault.write() = fault;
    }

    pub(super) fn clear(&self) {
        Endpoint::ALL
            .into_iter()
            .for_each(|endpoint| self.set(endpoint, None));
    }

    pub(super) fn requests(&self, endpoint: Endpoint) -> u64 {
        self.spots[endpoint as usize]
            .requests
            .load(Ordering::SeqCst)
    }

    /// Ends hanging requests.
    pub(super) fn release(&self) {
        std::mem::take(&mut *self.stopping.write()).cancel();
    }

    fn stopping(&self) -> CancellationToken {
        self.stopping.read().clone()
    }

    /// Counts the request, then applies the endpoint's fault.
    pub(super) async fn apply(
        self: Arc<Self>,
        endpoint: Endpoint,
        request: Request,
        next: Next,
    ) -> Response {
        let spot = &self.spots[endpoint as usize];
        spot.requests.fetch_add(1, Ordering::SeqCst);
        let fault = spot.fault.read().clone();
        match fault {
            None => next.run(request).await,
            Some(Fault::Slow { millis }) => {
                self.wait(Duration::from_millis(millis)).await;
                next.run(request).await
            }
            Some(Fault::Hang) => {
                self.stopping().cancelled().await;
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            Some(Fault::Trickle { millis }) => trickle(millis, self.stopping()),
            Some(fault) => wrong_answer(fault),
        }
    }

    async fn wait(&self, time: Duration) {
        let stopping = self.stopping();
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = stopping.cancelled() => {}
        }
    }
}

fn wrong_answer(fault: Fault) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    match fault {
        Fault::Status { status } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, json, r#"{"error":"server_error"}"#).into_response()
        }
        Fault::Body { content_type, body } => {
            ([(header::CONTENT_TYPE, content_type)], body).into_response()
        }
        Fault::Huge { bytes } => (json, Body::from_stream(huge(bytes))).into_response(),
        Fault::Cut => {
            let pieces = [
                Ok(Bytes::from_static(br#"{"keys":["#)),
                Err(std::io::Error::other("cut on purpose")),
            ];
            (json, Body::from_stream(stream::iter(pieces))).into_response()
        }
        Fault::Redirect { location } => match HeaderValue::from_str(&location) {
            Ok(location) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
        // handled where the request continues or waits
        Fault::Slow { .. } | Fault::Hang | Fault::Trickle { .. } => {
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

fn trickle(millis: u64, stopping: CancellationToken) -> Response {
    let bytes = stream::once(async { b"{".as_slice() }).chain(stream::repeat(b" ".as_slice()));
    let slow = bytes.then(move |byte| async move {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok::<_, Infallible>(byte)
    });
    let body = Body::from_stream(slow.take_until(stopping.cancelled_owned()));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// `{"padding":"aaaa...` of the given length, generated while it is sent.
fn huge(bytes: u64) -> impl futures::Stream<Item = Result<Bytes, Infallible>> {
    const CHUNK: usize = 64 * 1024;
    let start = Bytes::from_static(br#"{"padding":""#);
    let chunks = usize::try_from(bytes).unwrap_or(usize::MAX) / CHUNK + 1;
    let filling = Bytes::from(vec![b'a'; CHUNK]);
    stream::once(async { Ok(start) })
        .chain(stream::iter((0..chunks).map(move |_| Ok(filling.clone()))))
}

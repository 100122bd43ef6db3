//! The line of each request in the log: one, whatever the end of the request is.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    response::Response,
};
use foundation::client_address::ClientAddress;
use http::{HeaderValue, Method, StatusCode, header::USER_AGENT};
use hyper::body::{Frame, SizeHint};
use telemetry::{Access, Ending, Notes};

use super::{paths, request_id::RequestId, respond::Reason, state::State, until_sent};

/// Writes the request's line when its answer is ready: when its head is, or the whole stream of an
/// answer that is one.
pub(super) async fn access_log(
    state: Arc<State>,
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let line = Line::new(state, &mut request);
    let response = next(request).await;
    match until_sent::is_stream(&response) {
        true => response.map(|body| Body::new(Watched { body, line })),
        false => {
            line.answered(&response);
            response
        }
    }
}

/// The line of one request. If it is dropped unwritten, the client has left, and the line says so.
struct Line {
    state: Arc<State>,
    started: Instant,
    method: Method,
    route: &'static str,
    id: Option<RequestId>,
    client_address: Option<ClientAddress>,
    user_agent: Option<HeaderValue>,
    notes: Notes,
    ending: Option<Ending>,
}

impl Line {
    fn new(state: Arc<State>, request: &mut Request) -> Self {
        let notes = Notes::default();
        request.extensions_mut().insert(notes.clone());
        Self {
            state,
            started: Instant::now(),
            method: request.method().clone(),
            route: paths::label(request.uri().path()),
            id: request.extensions().get::<RequestId>().cloned(),
            client_address: request.extensions().get::<ClientAddress>().copied(),
            user_agent: request.headers().get(USER_AGENT).cloned(),
            notes,
            ending: None,
        }
    }

    fn answered(mut self, response: &Response) {
        let reason = response.extensions().get::<Reason>();
        let reason = reason.map_or("", |reason| reason.0);
        self.ending = Some(Ending::Answered(response.status(), reason));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let ending = self.ending.unwrap_or(match self.state.is_draining() {
            true => Ending::CutOff,
            false => Ending::ClientLeft,
        });
        self.state.access.record(&Access {
            request_id: self.id.as_ref().map_or("", RequestId::as_str),
            method: &self.method,
            route: self.route,
            ending,
            took: self.started.elapsed(),
            client_address: self.client_address,
            user_agent: self.user_agent.as_ref(),
            notes: &self.notes,
        });
    }
}

/// A stream of events, whose end is that of its request.
struct Watched {
    body: Body,
    line: Line,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.line.ending = Some(Ending::Answered(StatusCode::OK, ""));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

//! The limits of a request: how many at once, for how long, with how large a body.

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{Request, State as Shared},
    middleware::Next,
    response::Response,
};
use foundation::answer_by::AnswerBy;
use http::{
    HeaderValue,
    header::{CONNECTION, CONTENT_LENGTH},
};
use tokio::time::{timeout, timeout_at};

use super::{
    body,
    open_connections::{OpenConnection, Place},
    paths,
    respond::{self, Refusal},
    state::State,
    until_sent,
};

/// Answers probes and nothing else on a connection beyond the limit, and closes it.
pub(super) async fn at_the_limit(request: Request, next: Next) -> Response {
    let connection = request.extensions().get::<Arc<OpenConnection>>();
    if connection.is_none_or(|connection| connection.place() == Place::Usual) {
        return next.run(request).await;
    }
    let mut response = match request.uri().path() {
        paths::HEALTH | paths::READY => next.run(request).await,
        _ => respond::unrelated_to_auth(&Refusal::Overloaded),
    };
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Reads the body of a request to the sign-in, and answers in time. Only then is it looked at, and
/// counted against the limits of its sender.
pub(super) async fn sign_in(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    let answer = async {
        let (parts, body) = request.into_parts();
        let limit = oauth::MAX_BODY_BYTES;
        let body = body::read(body, limit, &parts.extensions, &state).await?;
        let holder = state.supplies.holder(&parts.extensions);
        let _place = state.supplies.sign_ins.take(holder, 1)?;
        let request = Request::from_parts(parts, Body::from(body.bytes));
        let response = next.run(request).await;
        drop(body.taken);
        Ok(response)
    };
    let answer = timeout(state.limits.request_timeout, answer).await;
    answer
        .unwrap_or(Err(Refusal::Timeout))
        .unwrap_or_else(|refusal| respond::to_sign_in(&refusal))
}

/// Answers 503 if as many requests are under way as are allowed, and 429 if they are of one person. A
/// request is under way until its answer is sent.
pub(super) async fn concurrency(state: &State, request: Request, next: Next) -> Response {
    let holder = state.supplies.holder(request.extensions());
    let place = match state.supplies.requests.take(holder, 1) {
        Ok(place) => place,
        Err(exhausted) => return state.responder.refuse(&exhausted.into()),
    };
    let connection = request.extensions().get().cloned();
    until_sent::keep(place, next.run(request).await, connection)
}

/// Answers 504 if the answer is not ready in time, and drops the work on it. A stream of events has
/// the same time, and ends itself.
pub(super) async fn deadline(
    state: &State,
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let end = Instant::now() + state.limits.request_timeout;
    request.extensions_mut().insert(AnswerBy(end));
    match timeout_at(end.into(), next(request)).await {
        Ok(response) => response,
        Err(_) => state.responder.refuse(&Refusal::Timeout),
    }
}

/// Answers 413 if the request declares a body that is too large.
pub(super) async fn declared_size(
    state: &State,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let limit = state.limits.max_body_bytes;
    let declared = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    // A length that is not a number has been refused by hyper; one that does not fit is too large.
    if declared.is_some_and(|text| text.parse::<usize>().map_or(true, |bytes| bytes > limit)) {
        return state.responder.refuse(&Refusal::BodyTooLarge(limit));
    }
    next(request).await
}

//! The limits of a request: how many at once, for how long, with how large a body.

use std::{
    hash::{BuildHasher, RandomState},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use axum::{
    body::Body,
    extract::{Request, State as Shared},
    middleware::Next,
    response::Response,
};
use datahub::Caller;
use foundation::client_address::ClientAddress;
use http::{
    Extensions, HeaderValue,
    header::{CONNECTION, CONTENT_LENGTH},
};
use tokio::time::timeout;

use super::{
    body,
    open_connections::{OpenConnection, Place},
    paths,
    respond::{self, Refusal},
    settings::Limits,
    shares::{Holder, Supply},
    state::State,
};

/// What requests take from all others while they are under way.
#[derive(Debug)]
pub(super) struct Supplies {
    /// Calls that are being answered.
    pub(super) requests: Arc<Supply>,
    /// Tokens that a validator is being asked about.
    pub(super) checks: Arc<Supply>,
    /// Bytes of bodies.
    pub(super) body_bytes: Arc<Supply>,
    digest: RandomState,
}

impl Supplies {
    pub(super) fn new(limits: &Limits) -> Self {
        /// The bodies of full size that fit at once.
        const BODIES: usize = 64;
        let body = limits.max_body_bytes.max(oauth::MAX_BODY_BYTES);
        Self {
            requests: Supply::new(limits.max_concurrent_requests, 1),
            checks: Supply::new(limits.max_concurrent_requests, 1),
            body_bytes: Supply::new(body.saturating_mul(BODIES), body),
            digest: RandomState::new(),
        }
    }

    /// The one that a request counts for: its person, once that is known, or its network.
    pub(super) fn holder(&self, request: &Extensions) -> Holder {
        match request.get::<Caller>().map(|caller| &caller.principal) {
            // All who send no token have the operator's.
            Some(person) if person.token_digest().is_some() => {
                let name = (person.validator(), person.subject());
                Holder::Person(self.digest.hash_one(name))
            }
            _ => Holder::Network(request.get().map(|client: &ClientAddress| client.network())),
        }
    }

    /// Waits for `check` of a token, within the share of the request's network unless the answer is
    /// known.
    pub(super) async fn checked<T>(
        &self,
        request: &Extensions,
        check: impl Future<Output = T>,
    ) -> Result<T, Refusal> {
        let mut check = pin!(check);
        if let Poll::Ready(known) = futures::poll!(&mut check) {
            return Ok(known);
        }
        let _taken = self.checks.take(self.holder(request), 1)?;
        Ok(check.await)
    }
}

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

/// Answers 503 if as many requests are under way as are allowed, and 429 if they are of one person.
pub(super) async fn concurrency(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    let holder = state.supplies.holder(request.extensions());
    match state.supplies.requests.take(holder, 1) {
        Ok(_place) => next.run(request).await,
        Err(exhausted) => state.responder.refuse(&exhausted.into()),
    }
}

/// Answers 504 if the answer is not ready in time, and drops the work on it.
pub(super) async fn deadline(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    match timeout(state.limits.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => state.responder.refuse(&Refusal::Timeout),
    }
}

/// Answers 413 if the request declares a body that is too large.
pub(super) async fn declared_size(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
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
    next.run(request).await
}

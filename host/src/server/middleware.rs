//! The middleware that a request passes before it is authenticated.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    extract::{Request, State as Shared},
    middleware::Next,
    response::Response,
};
use futures::FutureExt;
use http::{
    HeaderValue, Version,
    header::{AUTHORIZATION, CONNECTION, COOKIE, HOST, ORIGIN, TRANSFER_ENCODING},
};

use super::{
    paths,
    respond::{Refusal, unrelated_to_auth},
    state::State,
};

/// Answers 500 if an inner service panics.
pub(super) async fn catch_panic(
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    match AssertUnwindSafe(next(request)).catch_unwind().await {
        Ok(response) => response,
        Err(payload) => {
            // Its destructor could panic again. The panic hook has already logged the location.
            std::mem::forget(payload);
            unrelated_to_auth(&Refusal::Internal)
        }
    }
}

/// Refuses requests that a proxy in front of us may have read differently than we do.
pub(super) async fn unambiguous(
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    if let Some(why) = ambiguity(&request) {
        return unrelated_to_auth(&Refusal::BadRequest(why));
    }
    for name in [AUTHORIZATION, COOKIE] {
        if let Some(value) = request.headers_mut().get_mut(name) {
            // Its `Debug` prints "Sensitive" from here on.
            value.set_sensitive(true);
        }
    }
    // `HeadScanner` does not follow chunked bodies, so nothing may come after one.
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let mut response = next(request).await;
    if chunked {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The ambiguity in `request`, if there is one.
fn ambiguity(request: &Request) -> Option<&'static str> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else {
        return (!is_old_probe(request)).then_some("the Host header is missing");
    };
    if hosts.next().is_some() {
        return Some("there is more than one Host header");
    }
    if headers.get_all(AUTHORIZATION).iter().count() > 1 {
        return Some("there is more than one Authorization header");
    }
    // RFC 9112 section 3.2.2: the authority of an absolute target wins over Host. They must agree.
    if let Some(authority) = request.uri().authority()
        && !authority
            .as_str()
            .as_bytes()
            .eq_ignore_ascii_case(host.as_bytes())
    {
        return Some("the request target and the Host header name different servers");
    }
    None
}

/// True for a health check in HTTP/1.0, in which `Host` is not required (RFC 9112 section 3.2).
/// Load balancers and monitors send these; probes are answered under any name.
fn is_old_probe(request: &Request) -> bool {
    request.version() == Version::HTTP_10
        && request.uri().authority().is_none()
        && matches!(request.uri().path(), paths::HEALTH | paths::READY)
        && !request.headers().contains_key(AUTHORIZATION)
}

/// Refuses requests for a `Host` that is not allowed.
pub(super) async fn allowed_host(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| state.hosts.allow(host)) {
        next.run(request).await
    } else {
        if let Some(left_out) = state.admit_line("host") {
            tracing::warn!(
                host = shown(host.unwrap_or_default()),
                hint = "add the name to `ALLOWED_HOSTS`, or set `PUBLIC_URL` to the URL that people use, if it is yours",
                left_out,
                "request for another host refused"
            );
        }
        state.responder.refuse(&Refusal::NotOurHost)
    }
}

/// Refuses requests from web pages whose origin is not allowed.
pub(super) async fn allowed_origin(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    let mut origins = request.headers().get_all(ORIGIN).iter();
    let Some(foreign) = origins.find(|origin| !state.origins.allow(origin.as_bytes())) else {
        return next.run(request).await;
    };
    if let Some(left_out) = state.admit_line("origin") {
        tracing::warn!(
            origin = shown(foreign.to_str().unwrap_or_default()),
            hint = "add the origin to `ALLOWED_ORIGINS`, if its pages may use this server as the people who open them",
            left_out,
            "request of a page of another origin refused"
        );
    }
    state.responder.refuse(&Refusal::ForeignOrigin)
}

/// The beginning of what a stranger sent, for the log.
fn shown(text: &str) -> String {
    /// The longest name of a host has 253 characters; few have more than this.
    const MAX_CHARS: usize = 100;
    text.chars().take(MAX_CHARS).collect()
}

//! The listener for operators: `/health`, `/ready` and `/metrics`. It has places of its own, so
//! that the system that decides over a restart is answered however many people there are.
//!
//! Needs no token, so it tells no more than these; and a web page must not reach it under a name of
//! its own (DNS rebinding).

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State as Shared},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::get,
};
use http::header::{CONTENT_TYPE, HOST};
use telemetry::metrics::Metrics;
use tower::ServiceBuilder;

use super::{
    health, middleware,
    paths::{HEALTH, METRICS, READY},
    respond::{Refusal, unrelated_to_auth},
    state::State,
};

/// The routes of the listener.
pub(super) fn router(state: &Arc<State>, metrics: Metrics) -> Router {
    let supplies = Arc::clone(state);
    let serve = move || {
        let text = metrics.render() + &supplies.supplies.largest();
        async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text) }
    };
    Router::new()
        .route(METRICS, get(serve))
        .route(HEALTH, get(health::health))
        .route(READY, get(health::ready))
        .with_state(Arc::clone(state))
        .layer(ServiceBuilder::new().layer(from_fn_with_state(Arc::clone(state), every_request)))
}

/// What every request passes, innermost first.
async fn every_request(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    let answer = async |request| known_host(&state, request, next).await;
    let answer = async |request| middleware::unambiguous(request, answer).await;
    middleware::catch_panic(request, answer).await
}

/// Refuses requests under names that are neither addresses nor ours.
async fn known_host(state: &State, request: Request, next: Next) -> Response {
    // Without one, it is a probe in HTTP/1.0: others were refused before.
    let known = request.headers().get(HOST).is_none_or(|host| {
        host.to_str()
            .is_ok_and(|host| state.hosts.allow_on_any_port(host))
    });
    match known {
        true => next.run(request).await,
        false => unrelated_to_auth(&Refusal::NotOurHost),
    }
}

//! The routes and the middleware that every request passes, in order: all of it on this page.
//!
//! Paths are matched byte for byte: nothing is decoded, folded or normalised on the way to a route,
//! so each route has one spelling (`/mcp` also with a slash at its end), and there is no way around
//! the checks before it.
//!
//! Layers stand around routers, not inside their routes: each layer copies what it is around at each
//! request, and a router is one pointer.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use axum::{
    Router,
    extract::Request,
    middleware::{from_fn, from_fn_with_state},
    response::Response,
    routing::{any, get, post_service},
};
use mcp::McpHttpService;
use tower::{Layer, ServiceBuilder};

use super::{
    access, authenticate, cors, health, limits, message, metadata, middleware,
    paths::{
        HEALTH, MCP, MCP_SLASH, READY, RESOURCE_METADATA, RESOURCE_METADATA_SLASH, ROOT,
        ROOT_METADATA,
    },
    prefix::Prefix,
    request_id,
    respond::{Refusal, unrelated_to_auth},
    state::State,
    unread,
};

/// The whole server as one service. `oauth` are the routes of the sign-in proxy, if it is on; every
/// route is served with `prefix` and without it.
pub(super) fn router(
    state: &Arc<State>,
    mcp: McpHttpService,
    oauth: Option<Router>,
    prefix: Option<Prefix>,
) -> Router {
    // Only POST passes these; any other method is answered 405 without them.
    let calls = ServiceBuilder::new()
        // An answer in time, or 504.
        .layer(from_fn_with_state(Arc::clone(state), limits::deadline))
        // A body that is declared too large is refused unread.
        .layer(from_fn_with_state(Arc::clone(state), limits::declared_size))
        // The bearer token becomes a caller; the outcome that a tool decided becomes the status.
        .layer(from_fn_with_state(Arc::clone(state), authenticate::bearer))
        // Only now is the body read, within limits of size and time, and it must be a message.
        .layer(from_fn_with_state(Arc::clone(state), message::message))
        // A place to be answered, for whole messages of known people only. Too many: 503 at once,
        // rather than slow answers to all, or 429 to the one person who has more than a share.
        .layer(from_fn_with_state(Arc::clone(state), limits::concurrency));

    let endpoint = post_service(mcp)
        .route_layer(calls)
        .fallback(page_or(state, only_post));
    let mcp = ServiceBuilder::new()
        // A page of another origin gets no further, not even with a valid token.
        .layer(from_fn_with_state(
            Arc::clone(state),
            middleware::allowed_origin,
        ))
        // Preflight answers for browsers; also the CORS headers on refusals.
        .layer(cors::of_mcp())
        .service(
            Router::new()
                .route(MCP, endpoint.clone())
                .route(MCP_SLASH, endpoint),
        );

    // Its body within limits of size and time, and an answer in time.
    let sign_in = from_fn_with_state(Arc::clone(state), limits::sign_in);
    let oauth = oauth.map(|routes| routes.layer(sign_in));

    let named = Router::new()
        .route(ROOT, any(page_or(state, not_found_now)))
        .route_service(MCP, mcp.clone())
        .route_service(MCP_SLASH, mcp)
        .merge(documents(state))
        .merge(oauth.unwrap_or_default())
        .fallback(not_found);
    // Allowed host names only: a page cannot rebind its own name to us.
    let named = from_fn_with_state(Arc::clone(state), middleware::allowed_host).layer(named);

    let probes = Router::new()
        .route(HEALTH, get(health::health))
        .route(READY, get(health::ready))
        // Probes use the address, whatever our name is.
        .with_state(Arc::clone(state));

    let all = Router::new().merge(probes).fallback_service(named);
    // Every request, outermost first.
    let all = ServiceBuilder::new()
        // An id that the answer and all log lines carry.
        .layer(from_fn(request_id::request_id))
        // One line in the log, whatever happens below.
        .layer(from_fn_with_state(Arc::clone(state), access::access_log))
        // A connection that can be used again, or the word that it ends.
        .layer(from_fn(unread::unread))
        // A panic is a 500 for one request.
        .layer(from_fn(middleware::catch_panic))
        // Refuses what hyper lets through and parsers disagree on.
        .layer(from_fn(middleware::unambiguous))
        // Beyond the limit of connections, only probes.
        .layer(from_fn(limits::at_the_limit))
        .service(all);
    let Some(prefix) = prefix else {
        return Router::new().fallback_service(all);
    };
    let strip = move |request| prefix.strip(request);
    Router::new().fallback_service(ServiceBuilder::new().map_request(strip).service(all))
}

/// The documents that programs read without a token.
fn documents(state: &Arc<State>) -> Router {
    let resource = get(metadata::protected_resource);
    Router::new()
        .route(RESOURCE_METADATA, resource.clone())
        .route(RESOURCE_METADATA_SLASH, resource.clone())
        .route(ROOT_METADATA, resource)
        // Clients take a page under this path for a document that they cannot read.
        .route("/.well-known/{*rest}", any(not_found))
        .layer(cors::of_documents())
        .with_state(Arc::clone(state))
}

/// Answers people with the page, and programs with `otherwise`.
fn page_or(
    state: &Arc<State>,
    otherwise: fn() -> Response,
) -> impl Fn(Request) -> Ready<Response> + Clone + Send + Sync + 'static {
    let state = Arc::clone(state);
    move |request| ready(state.landing.or(&request, otherwise))
}

async fn not_found() -> Response {
    not_found_now()
}

fn not_found_now() -> Response {
    unrelated_to_auth(&Refusal::NotFound)
}

fn only_post() -> Response {
    unrelated_to_auth(&Refusal::MethodNotAllowed("POST, OPTIONS"))
}

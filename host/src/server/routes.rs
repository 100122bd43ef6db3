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
    extract::{Request, State as Shared},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::{any, get, post_service},
};
use mcp::McpHttpService;
use tower::{Layer, ServiceBuilder};

use super::{
    access, authenticate, cors, health, limits, message, metadata, middleware,
    paths::{
        HEALTH, MCP, MCP_SLASH, READY, RESOURCE_METADATA, RESOURCE_METADATA_SLASH, ROOT,
        ROOT_METADATA, SERVER_CARD,
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
    let endpoint = post_service(mcp)
        // Any other method is answered 405 without it.
        .route_layer(from_fn_with_state(Arc::clone(state), every_call))
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
    let all = ServiceBuilder::new()
        .layer(from_fn_with_state(Arc::clone(state), every_request))
        .service(all);
    let Some(prefix) = prefix else {
        return Router::new().fallback_service(all);
    };
    let strip = move |request| prefix.strip(request);
    Router::new().fallback_service(ServiceBuilder::new().map_request(strip).service(all))
}

/// What every request passes, innermost first. One layer: six would allocate and copy the request
/// six times, which costs more than the answer to a probe.
async fn every_request(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    // Beyond the limit of connections, only probes.
    let answer = async |request| limits::at_the_limit(request, next).await;
    // Refuses what hyper lets through and parsers disagree on.
    let answer = async |request| middleware::unambiguous(request, answer).await;
    // A panic is a 500 for one request.
    let answer = async |request| middleware::catch_panic(request, answer).await;
    // A connection that can be used again, or the word that it ends.
    let answer = async |request| unread::unread(request, answer).await;
    // One line in the log, whatever happens below.
    let answer = async |request| access::access_log(state, request, answer).await;
    // An id that the answer and all log lines carry.
    request_id::request_id(request, answer).await
}

/// What every call passes, innermost first.
async fn every_call(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let state = &state;
    // A place to be answered, for whole messages of known people only. Too many: 503 at once,
    // rather than slow answers to all, or 429 to the one person who has more than a share.
    let answer = async |request| limits::concurrency(state, request, next).await;
    // Only now is the body read, within limits of size and time, and it must be a message.
    let answer = async |request| message::message(state, request, answer).await;
    // The bearer token becomes a caller; the outcome that a tool decided becomes the status.
    let answer = async |request| authenticate::bearer(state, request, answer).await;
    // A body that is declared too large is refused unread.
    let answer = async |request| limits::declared_size(state, request, answer).await;
    // An answer in time, or 504.
    limits::deadline(state, request, answer).await
}

/// The documents that programs read without a token.
fn documents(state: &Arc<State>) -> Router {
    let resource = get(metadata::protected_resource);
    Router::new()
        .route(RESOURCE_METADATA, resource.clone())
        .route(RESOURCE_METADATA_SLASH, resource.clone())
        .route(ROOT_METADATA, resource)
        .route(SERVER_CARD, get(metadata::server_card))
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

//! The server as an HTTP service: stateless, JSON answers. Host and Origin are checked in front of
//! it; a request that still carries an Origin is refused here.

use std::{convert::Infallible, sync::Arc};

use axum::{body::Body, extract::Request, response::Response};
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt, util::BoxCloneSyncService};

use super::{McpServer, negotiation};

/// The service that the server mounts at `/mcp`. Boxed, so that the code of the protocol is compiled
/// with this crate and not with everything that mounts it.
pub type McpHttpService = BoxCloneSyncService<Request, Response, Infallible>;

/// The settings of the HTTP side of MCP.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The largest request body in bytes.
    pub max_body_bytes: usize,
    /// Cancelled at shutdown, which ends the streams that are still open.
    pub shutdown: CancellationToken,
}

impl McpServer {
    /// The service for both protocol eras. Expects the [`Caller`](datahub::Caller) in the
    /// request's extensions.
    pub fn into_http(self, settings: HttpSettings) -> McpHttpService {
        stateless_http(self, settings)
    }
}

/// Serves any handler as this server serves its own: each request is independent, there are no
/// sessions, GET and DELETE are answered 405.
pub fn stateless_http<H>(handler: H, settings: HttpSettings) -> McpHttpService
where
    H: ServerHandler + Clone,
{
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts()
        .enforce_origin_validation()
        .with_max_request_body_bytes(settings.max_body_bytes)
        .with_cancellation_token(settings.shutdown);
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(handler.clone()), sessions, config);
    let service = ServiceExt::<Request>::map_response(service, |response| response.map(Body::new));
    BoxCloneSyncService::new(service.map_request(|mut request: Request| {
        negotiation::settle(&mut request);
        request
    }))
}

//! The server as an HTTP service: stateless, JSON answers. Host and Origin are checked in front of
//! it; a request that still carries an Origin is refused here.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    response::Response,
};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use tokio_util::sync::CancellationToken;
use tower::{service_fn, util::BoxCloneSyncService};

use super::{McpServer, negotiation, not_offered, written::Written};

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
    // Each layer in front copies this service at each request.
    let service = Arc::new(service);
    BoxCloneSyncService::new(service_fn(move |mut request: Request| {
        let service = Arc::clone(&service);
        async move {
            negotiation::settle(&mut request);
            let written = Written::default();
            request.extensions_mut().insert(written.clone());
            let response = service.handle(request).await;
            let ready = written.is_given() && response.status() == StatusCode::OK;
            Ok(match ready {
                true => filled(response, &written).await,
                false => not_offered::answered(response).await,
            })
        }
    }))
}

/// The response with what the handler has written.
async fn filled<B>(response: http::Response<B>, written: &Written) -> Response
where
    B: HttpBody<Data = Bytes, Error = Infallible>,
{
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await;
    match written.fill(&body.to_bytes()) {
        Some(whole) => Response::from_parts(parts, Body::from(whole)),
        None => {
            tracing::error!("an answer has no place for what was written of it");
            parts.status = StatusCode::INTERNAL_SERVER_ERROR;
            Response::from_parts(parts, Body::empty())
        }
    }
}

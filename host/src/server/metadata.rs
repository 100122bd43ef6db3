//! What clients read before they connect: the protected-resource metadata (RFC 9728), which tells who signs
//! people in here, and the server card (SEP-2127), which tells what the server is.
//!
//! Contains no `null`: TypeScript clients refuse the whole document because of one.

use std::sync::Arc;

use axum::{
    extract::State as Shared,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;

use super::state::State;

/// The media type of a server card.
const CARD: &str = "application/mcp-server-card+json";

/// RFC 9728 section 2.
#[derive(Debug, Serialize)]
struct ProtectedResource<'a> {
    resource: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_servers: Option<[&'a str; 1]>,
    scopes_supported: Vec<&'a str>,
    bearer_methods_supported: [&'static str; 1],
    resource_name: &'static str,
}

/// The document for `resource`. `issuer` signs people in; without it, clients get tokens elsewhere.
/// `offline_access` is left out: refresh tokens are between client and authorization server.
pub(super) fn document(
    resource: &str,
    issuer: Option<&str>,
    scopes: &[String],
) -> Result<Bytes, serde_json::Error> {
    let document = ProtectedResource {
        resource,
        authorization_servers: issuer.map(|issuer| [issuer]),
        scopes_supported: scopes
            .iter()
            .map(String::as_str)
            .filter(|scope| *scope != "offline_access")
            .collect(),
        bearer_methods_supported: ["header"],
        resource_name: "DataHub",
    };
    serde_json::to_vec(&document).map(Bytes::from)
}

/// `GET /.well-known/oauth-protected-resource[/mcp]`.
pub(super) async fn protected_resource(Shared(state): Shared<Arc<State>>) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "max-age=3600"),
    ];
    (headers, state.metadata.clone()).into_response()
}

/// `GET /mcp/server-card`, whatever the client accepts.
pub(super) async fn server_card(Shared(state): Shared<Arc<State>>) -> Response {
    let headers = [
        (CONTENT_TYPE, CARD),
        (CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, state.card.clone()).into_response()
}

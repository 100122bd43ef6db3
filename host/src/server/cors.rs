//! The CORS headers that tell browsers who may read our answers (the Fetch standard).

use std::time::Duration;

use http::{HeaderName, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

/// The longest time that a browser may cache a preflight answer.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// The layer of `/mcp`, which echoes the origin. Origins that are not allowed have been refused
/// before this layer.
pub(super) fn of_mcp() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_methods([Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("mcp-protocol-version"),
            HeaderName::from_static("mcp-method"),
            HeaderName::from_static("mcp-name"),
        ])
        .expose_headers([header::WWW_AUTHENTICATE])
        .max_age(MAX_AGE)
}

/// The layer of public documents, which any origin may read.
pub(super) fn of_documents() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET])
        .allow_headers([
            HeaderName::from_static("mcp-protocol-version"),
            header::AUTHORIZATION,
        ])
        .max_age(MAX_AGE)
}

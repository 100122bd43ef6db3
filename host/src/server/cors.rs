//! What browsers are told about our answers (the Fetch standard's CORS protocol).

use std::time::Duration;

use http::{HeaderName, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

/// How long a browser may remember a preflight.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// For `/mcp`: the origin is given back as it came. Origins that may not use us have been refused
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

/// For public documents: anybody may read them.
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

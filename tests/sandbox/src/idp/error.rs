//! OAuth errors (RFC 6749 section 5.2, RFC 8693 section 2.2.2), and the parameters of requests.

use std::collections::HashMap;

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error that a client's program reads.
#[derive(Debug)]
pub(super) struct OAuthError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) description: String,
    /// The client tried HTTP Basic, so the answer names it.
    pub(super) basic: bool,
}

impl OAuthError {
    pub(super) fn new(code: &'static str, description: impl Into<String>) -> Self {
        let description = description.into();
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            description,
            basic: false,
        }
    }

    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    pub(super) fn invalid_client(description: impl Into<String>, basic: bool) -> Self {
        let status = StatusCode::UNAUTHORIZED;
        Self {
            status,
            code: "invalid_client",
            description: description.into(),
            basic,
        }
    }
}

/// The headers of every answer with tokens (RFC 6749 5.1).
pub(super) const NO_STORE: [(HeaderName, &str); 2] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::PRAGMA, "no-cache"),
];

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.code, "error_description": self.description }));
        let mut response = (self.status, NO_STORE, body).into_response();
        if self.basic {
            let challenge = header::HeaderValue::from_static("Basic realm=\"sandbox\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Decoded parameters, none of which is repeated (RFC 6749 section 3.1).
#[derive(Debug)]
pub(super) struct Parameters(HashMap<String, String>);

impl Parameters {
    /// # Errors
    /// Not form-encoded, or a parameter is repeated.
    pub(super) fn parse(encoded: &str) -> Result<Self, OAuthError> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(encoded)
            .map_err(|error| OAuthError::invalid_request(format!("not form-encoded: {error}")))?;
        let mut parameters = HashMap::new();
        for (name, value) in pairs {
            if parameters.contains_key(&name) {
                return Err(OAuthError::invalid_request(format!("`{name}` came twice")));
            }
            parameters.insert(name, value);
        }
        Ok(Self(parameters))
    }

    /// The value, if it exists and is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// # Errors
    /// `invalid_request` if it is missing.
    pub(super) fn require(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name)
            .ok_or_else(|| OAuthError::invalid_request(format!("`{name}` is missing")))
    }
}

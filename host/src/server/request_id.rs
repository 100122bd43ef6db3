//! The request id: one value that the answer and all log lines of a request name.

use axum::{extract::Request, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is accepted from a proxy.
const MAX_REQUEST_ID: usize = 64;

/// The id of a request: a proxy's if it is harmless, else one of our own.
#[derive(Debug, Clone)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    fn of(headers: &HeaderMap) -> Self {
        let given = headers
            .get(X_REQUEST_ID)
            .filter(|value| is_harmless(value.as_bytes()));
        Self(given.cloned().unwrap_or_else(Self::random))
    }

    fn random() -> HeaderValue {
        let text = format!("{:016x}", rand::random::<u64>());
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("0"))
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

fn is_harmless(id: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte))
}

/// Gives the request and its answer the same id.
pub(super) async fn request_id(
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let mut response = next(request).await;
    response.headers_mut().insert(X_REQUEST_ID, id.0);
    response
}

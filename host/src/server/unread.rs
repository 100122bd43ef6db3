//! The rest of a request that was answered before its body was read.
//!
//! HTTP/1.1 sends a body after its head, whatever the answer is. A connection whose body was not
//! read cannot be used again; a client that was not told so loses its next request on it. So the
//! rest of a short body is read and dropped, and otherwise the answer says that the connection ends
//! (RFC 9112 section 9.6).

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    response::Response,
};
use http::{HeaderValue, header::CONNECTION};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;

/// The longest rest that is read, in bytes.
const MAX_BYTES: usize = 64 * 1_024;
/// The longest time for it. The answer waits, so a client that waits for the answer first
/// (`Expect: 100-continue`) does not wait for long.
const LIMIT: Duration = Duration::from_secs(1);

/// Leaves the connection of an answer in a state that the client knows.
pub(super) async fn unread(
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    if request.body().is_end_stream() {
        return next(request).await;
    }
    let rest = Arc::new(Mutex::new(None));
    let request = request.map(|body| {
        Body::new(Tap {
            body: Some(body),
            rest: Arc::clone(&rest),
        })
    });
    let mut response = next(request).await;
    let left = rest.lock().take();
    let ends = response.headers().contains_key(CONNECTION);
    if let Some(body) = left
        && !ends
        && !matches!(tokio::time::timeout(LIMIT, is_read(body)).await, Ok(true))
    {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

/// Reads `body`. Returns whether all of it came and was short.
async fn is_read(mut body: Body) -> bool {
    let longest = body.size_hint().lower();
    if longest > MAX_BYTES as u64 {
        return false;
    }
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        bytes += frame.data_ref().map_or(0, Bytes::len);
        if bytes > MAX_BYTES {
            return false;
        }
    }
    true
}

/// A body that is handed back if it is dropped before its end.
struct Tap {
    body: Option<Body>,
    rest: Arc<Mutex<Option<Body>>>,
}

impl HttpBody for Tap {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        if let Some(body) = self.body.take()
            && !body.is_end_stream()
        {
            *self.rest.lock() = Some(body);
        }
    }
}

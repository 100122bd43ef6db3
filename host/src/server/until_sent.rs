//! What a request holds until its answer is sent. An answer is memory for as long as its client does
//! not read it, and a stream of events is work for as long as it goes on: whoever asks for many and
//! reads none has the same places as others.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use http::header::CONTENT_TYPE;
use hyper::body::{Frame, SizeHint};

use super::{open_connections::OpenConnection, shares::Taken};

/// Returns whether the answer is a stream of events, whose head says nothing of its end.
pub(super) fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// Gives `taken` back once `response` is sent on `connection`.
pub(super) fn keep(
    taken: Taken,
    response: Response,
    connection: Option<Arc<OpenConnection>>,
) -> Response {
    let Some(connection) = connection else {
        return response;
    };
    if !is_stream(&response) {
        connection.keeps(taken);
        return response;
    }
    connection.streams(true);
    at_end(response, move || {
        connection.streams(false);
        connection.keeps(taken);
    })
}

/// Does `then` when the body of `response` has ended, or is given up.
pub(super) fn at_end(response: Response, then: impl FnOnce() + Send + 'static) -> Response {
    response.map(|body| {
        Body::new(Ending {
            body,
            then: Some(Box::new(then)),
        })
    })
}

/// A body whose end has a consequence.
struct Ending {
    body: Body,
    then: Option<Box<dyn FnOnce() + Send>>,
}

impl HttpBody for Ending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(then) = self.then.take() {
            then();
        }
    }
}

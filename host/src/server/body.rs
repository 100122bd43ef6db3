//! Reads the body of a request: within its limits of size and time, and within the bytes that its
//! sender may hold.

use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::Extensions;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::{
    open_connections::OpenConnection,
    respond::Refusal,
    shares::{Holder, Taken},
    state::State,
};

/// A body, and its part of the bytes of all bodies; that is held as long as this is.
#[derive(Debug)]
pub(super) struct WholeBody {
    pub(super) bytes: Bytes,
    pub(super) taken: Taken,
}

/// Reads the `body` of a request, of at most `limit` bytes.
pub(super) async fn read(
    body: Body,
    limit: usize,
    request: &Extensions,
    state: &State,
) -> Result<WholeBody, Refusal> {
    let holder = state.supplies.holder(request);
    let read = timeout(
        state.limits.body_timeout,
        collect(body, limit, holder, state),
    )
    .await;
    if let Some(connection) = request.get::<Arc<OpenConnection>>() {
        connection.owes(false);
    }
    read.unwrap_or(Err(Refusal::BodyTimeout))
}

async fn collect(
    mut body: Body,
    limit: usize,
    holder: Holder,
    state: &State,
) -> Result<WholeBody, Refusal> {
    let mut taken = state.supplies.body_bytes.take(holder, 0)?;
    // Most bodies come in one piece, which is not copied.
    let (mut only, mut joined) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Refusal::BodyBroken)?.into_data() else {
            continue;
        };
        if only.len() + joined.len() + piece.len() > limit {
            return Err(Refusal::BodyTooLarge(limit));
        }
        taken.grow(piece.len())?;
        if only.is_empty() && joined.is_empty() {
            only = piece;
            continue;
        }
        joined.extend_from_slice(&std::mem::take(&mut only));
        joined.extend_from_slice(&piece);
    }
    let bytes = if joined.is_empty() {
        only
    } else {
        joined.freeze()
    };
    Ok(WholeBody { bytes, taken })
}

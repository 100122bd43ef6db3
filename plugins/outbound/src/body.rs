//! The one limit on the size of a response body.

use bytes::{Bytes, BytesMut};
use reqwest::Response;

/// The reason why a body was not read to its end.
#[derive(Debug)]
pub enum BodyError {
    /// It is larger than the cap.
    TooLarge,
    /// The connection broke or timed out.
    Broken(reqwest::Error),
}

/// Reads a body in pieces, at most `cap` bytes of it. A body with a larger `Content-Length` is not
/// read at all.
///
/// # Errors
/// [`BodyError`].
pub async fn read(response: Response, cap: usize) -> Result<Bytes, BodyError> {
    read_into(response, cap, |_| Ok(())).await
}

/// The same as long as there is `room` for the bytes of each piece.
///
/// # Errors
/// [`BodyError`], and that of `room`.
pub async fn read_into<E: From<BodyError>>(
    mut response: Response,
    cap: usize,
    mut room: impl FnMut(usize) -> Result<(), E>,
) -> Result<Bytes, E> {
    let announced = response.content_length().unwrap_or(0);
    if announced > cap as u64 {
        return Err(BodyError::TooLarge.into());
    }
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            // The whole body in one chunk needs no copy.
            Ok(Some(chunk)) if body.is_empty() && chunk.len() as u64 == announced => {
                room(chunk.len())?;
                return Ok(without_mark(chunk));
            }
            Ok(Some(chunk)) => {
                if body.len() + chunk.len() > cap {
                    return Err(BodyError::TooLarge.into());
                }
                room(chunk.len())?;
                body.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(without_mark(body.freeze())),
            Err(error) => return Err(BodyError::Broken(error).into()),
        }
    }
}

/// A body without the byte order mark that some servers put before JSON (RFC 8259 section 8.1).
fn without_mark(body: Bytes) -> Bytes {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    match body.starts_with(MARK) {
        true => body.slice(MARK.len()..),
        false => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: impl Into<reqwest::Body>) -> Response {
        http::Response::new(body.into()).into()
    }

    /// A body without `Content-Length`.
    fn chunked(pieces: &[&'static str]) -> Response {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| Ok::<_, std::io::Error>(*piece))
            .collect();
        answer(reqwest::Body::wrap_stream(futures::stream::iter(pieces)))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_cap_and_not_beyond() {
        assert_eq!(read(answer("12345"), 5).await.unwrap(), "12345");
        assert_eq!(read(answer(""), 0).await.unwrap(), "");
        assert!(matches!(
            read(answer("123456"), 5).await,
            Err(BodyError::TooLarge)
        ));
        assert_eq!(read(chunked(&["12", "345"]), 5).await.unwrap(), "12345");
        let too_long = read(chunked(&["12", "345", "6"]), 5).await;
        assert!(matches!(too_long, Err(BodyError::TooLarge)));
    }

    #[tokio::test]
    async fn a_byte_order_mark_is_left_out() {
        let read = async |response| read(response, 10).await.unwrap();
        assert_eq!(read(answer("\u{feff}{}")).await, "{}");
        assert_eq!(read(chunked(&["\u{feff}", "{}"])).await, "{}");
        assert_eq!(read(answer("\u{feff}")).await, "");
        assert_eq!(read(answer("{\u{feff}}")).await, "{\u{feff}}");
    }
}

//! The media types that a client accepts (RFC 9110 section 12.5.1). MCP asks clients to accept JSON
//! and event streams; many name only JSON, a wildcard or nothing, and JSON is what they get.

use http::{HeaderMap, HeaderValue, Method, Request, header::ACCEPT};
use rmcp::{RoleServer, model::ProgressToken, service::RequestContext};

const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream";

/// The value that the MCP library requires.
const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// Marks a request whose client did not name event streams: its answer is one JSON message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JsonOnly;

/// Completes the `Accept` header of a POST wherever JSON is acceptable; leaves any other to be
/// refused.
pub(crate) fn settle<B>(request: &mut Request<B>) {
    if request.method() != Method::POST || !accepts_json(request.headers()) {
        return;
    }
    if !ranges(request.headers()).any(|(range, quality)| range == EVENT_STREAM && quality > 0.0) {
        request.extensions_mut().insert(JsonOnly);
    }
    request.headers_mut().insert(ACCEPT, BOTH);
}

/// True if the most specific range that covers JSON does not exclude it, or there is no range.
fn accepts_json(headers: &HeaderMap) -> bool {
    let mut best: Option<(usize, f32)> = None;
    let mut given = false;
    for (range, quality) in ranges(headers) {
        given = true;
        let specific = match range.as_str() {
            JSON => 2,
            "application/*" => 1,
            "*/*" | "*" => 0,
            _ => continue,
        };
        // The same range twice: the better one counts.
        if best.is_none_or(|best| (specific, quality) > best) {
            best = Some((specific, quality));
        }
    }
    best.map_or(!given, |(_, quality)| quality > 0.0)
}

/// The media ranges, in lower case and without parameters, each with its quality.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = (String, f32)> {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|entry| {
            let mut parts = entry.split(';');
            let range = parts.next()?.trim().to_ascii_lowercase();
            let quality = parts
                .filter_map(|parameter| parameter.split_once('='))
                .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
                .and_then(|(_, value)| value.trim().parse().ok())
                .unwrap_or(1.0);
            (!range.is_empty()).then_some((range, quality))
        })
}

/// The token of the progress that the client asks for, if it takes an event stream for an answer.
pub(crate) fn progress_token(context: &RequestContext<RoleServer>) -> Option<ProgressToken> {
    takes_events(context)
        .then(|| context.meta.get_progress_token())
        .flatten()
}

/// Returns false if the client accepts a single JSON message only.
fn takes_events(context: &RequestContext<RoleServer>) -> bool {
    let parts = context.extensions.get::<http::request::Parts>();
    parts.is_none_or(|parts| parts.extensions.get::<JsonOnly>().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request after it was settled; `accept` are its `Accept` headers.
    fn settled(method: Method, accept: &[&'static str]) -> Request<()> {
        let mut request = Request::builder().method(method).body(()).unwrap();
        for value in accept {
            request
                .headers_mut()
                .append(ACCEPT, HeaderValue::from_static(value));
        }
        settle(&mut request);
        request
    }

    #[test]
    fn json_alone_a_wildcard_and_nothing_are_enough() {
        for accept in [
            &[][..],
            &[""],
            &["application/json"],
            &["Application/JSON; charset=utf-8"],
            &["*/*"],
            &["application/*"],
            &["text/html, */*;q=0.1"],
            &["application/json, application/mcp+json"],
            &["text/html", "application/json;q=0.5"],
            &["text/event-stream;q=0, */*"],
        ] {
            let request = settled(Method::POST, accept);
            assert_eq!(request.headers()[ACCEPT], BOTH, "{accept:?}");
            assert!(request.extensions().get::<JsonOnly>().is_some());
        }
        for accept in [
            &["application/json, text/event-stream"][..],
            &["text/event-stream, */*"],
            &["text/event-stream", "application/json"],
        ] {
            let request = settled(Method::POST, accept);
            assert_eq!(request.headers()[ACCEPT], BOTH, "{accept:?}");
            assert!(request.extensions().get::<JsonOnly>().is_none());
        }
    }

    #[test]
    fn what_excludes_json_and_other_methods_stay_as_they_are() {
        for accept in [
            "text/event-stream",
            "text/html",
            "application/json;q=0, */*",
            "application/*;q=0.0, */*;q=1",
            "application/mcp+json",
        ] {
            let request = settled(Method::POST, &[accept]);
            assert_eq!(request.headers()[ACCEPT], accept);
        }
        let request = settled(Method::GET, &["application/json"]);
        assert_eq!(request.headers()[ACCEPT], JSON);
        assert!(settled(Method::GET, &[]).headers().get(ACCEPT).is_none());
    }
}

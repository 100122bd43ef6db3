//! Fuzz targets for what strangers send before anybody is known: the head of a request, addresses of
//! proxies, the message. Each checks more than that nothing panics.

use std::net::{IpAddr, Ipv4Addr};

use foundation::client_address::ClientAddress;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{forwarded, head::HeadScanner, message, trusted_proxies::TrustedProxies};

/// The head scanner: finds the same in one piece and in many, and never lengthens anything.
pub fn head(data: &[u8]) {
    let mut whole = data.to_vec();
    let mut scanner = HeadScanner::new();
    scanner.scan(&mut whole);
    let mut pieces = data.to_vec();
    let mut other = HeadScanner::new();
    for piece in pieces.chunks_mut(3) {
        other.scan(piece);
    }
    assert_eq!(whole, pieces);
    assert_eq!(scanner.is_inside_head(), other.is_inside_head());
    assert_eq!(scanner.is_inside_body(), other.is_inside_body());
    let changed = data
        .iter()
        .zip(&whole)
        .filter(|(before, after)| before != after);
    for (before, after) in changed {
        assert_eq!(
            (*before, *after),
            (b'\n', 0),
            "only line ends are made unreadable"
        );
    }
}

/// `Forwarded` and `X-Forwarded-For`, lines of the input: a peer that is not trusted counts as itself.
pub fn forwarded(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for (index, line) in data.split(|byte| *byte == b'\n').take(8).enumerate() {
        let name = ["forwarded", "x-forwarded-for"][index % 2];
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let proxy = IpAddr::from(Ipv4Addr::LOCALHOST);
    let stranger = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
    let Ok(network) = "127.0.0.0/8".parse() else {
        return;
    };
    let trusted = TrustedProxies::new(vec![network]);
    let _ = forwarded::client(proxy, &headers, &trusted);
    let client = forwarded::client(stranger, &headers, &trusted);
    assert_eq!(client, ClientAddress::new(stranger));
}

/// A JSON-RPC message: what passes is one JSON object.
pub fn message(data: &[u8]) {
    if message::passes(data) {
        let value: Result<serde_json::Value, _> = serde_json::from_slice(data);
        assert!(value.is_ok_and(|value| value.is_object()));
    }
}

#[cfg(test)]
mod tests {
    use test_support::fuzz::run;

    #[test]
    fn fuzz_targets_of_the_server_hold() {
        run("head", 20_000, super::head);
        run("forwarded", 20_000, super::forwarded);
        run("message", 20_000, super::message);
    }
}

//! Load balancers in front of the server: whose word on a client's address counts.

use std::net::IpAddr;

use integration_tests::{Server, ServerBuilder, raw};

use crate::oauth_world::KEY;

/// A server that signs people in, with few requests for each address, behind a proxy at 127.0.0.1.
fn behind_a_proxy() -> ServerBuilder {
    Server::builder()
        .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
        .env("OIDC_ISSUER_URL", "http://127.0.0.1:9")
        .env("OIDC_AUDIENCE", "datahub-mcp")
        .env("OIDC_CLIENT_ID", "datahub-mcp")
        .env("OAUTH_TOKEN_KEYS", KEY)
        .env("OAUTH_ADDRESS_BURST", "3")
        .env("OAUTH_ADDRESS_PER_MINUTE", "1")
        .env("TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1")
}

/// The statuses of `count` requests to the sign-in from `source` with these header lines.
async fn sign_in(server: &Server, source: &str, headers: &str, count: usize) -> Vec<u16> {
    let source: IpAddr = source.parse().unwrap();
    let request = format!(
        "GET /oauth/authorize?client_id=x HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\n\r\n",
        server.address()
    );
    let mut statuses = Vec::new();
    for _ in 0..count {
        let answer = raw::send_from(source, server.address(), request.as_bytes());
        statuses.push(raw::status(&answer.await.unwrap()).unwrap());
    }
    statuses
}

#[tokio::test]
async fn behind_a_load_balancer_a_stranger_uses_up_their_own_limit_only() {
    let server = behind_a_proxy().start().unwrap();
    let stranger = "X-Forwarded-For: 203.0.113.50, 198.51.100.7\r\nX-Forwarded-For: 10.1.2.3\r\n";
    let limited = [400, 400, 400, 429, 429];
    assert_eq!(sign_in(&server, "127.0.0.1", stranger, 5).await, limited);
    let other = "Forwarded: for=\"203.0.113.50:4711\";proto=https\r\n";
    assert_eq!(sign_in(&server, "127.0.0.1", other, 3).await, [400; 3]);
    let six = "X-Forwarded-For: 2001:db8:1:2::3\r\n";
    assert_eq!(sign_in(&server, "127.0.0.1", six, 3).await, [400; 3]);
    let same_network = "X-Forwarded-For: [2001:db8:1:2::4]:443\r\n";
    assert_eq!(sign_in(&server, "127.0.0.1", same_network, 1).await, [429]);

    let log = server.output();
    assert!(
        log.contains("198.51.100.7"),
        "the access line has it: {log}"
    );
}

#[tokio::test]
async fn made_up_addresses_of_strangers_count_as_the_strangers_own() {
    let server = behind_a_proxy().start().unwrap();
    let mut statuses = Vec::new();
    for n in 0..6 {
        let headers = format!("X-Forwarded-For: 203.0.113.{n}\r\nForwarded: for=203.0.113.{n}\r\n");
        statuses.extend(sign_in(&server, "127.0.0.9", &headers, 1).await);
    }
    assert_eq!(statuses, [400, 400, 400, 429, 429, 429]);

    // A proxy that appends to one header passes the other one on: then neither counts.
    let mut statuses = Vec::new();
    for n in 0..6 {
        let headers = format!("X-Forwarded-For: 198.51.100.7\r\nForwarded: for=203.0.113.{n}\r\n");
        statuses.extend(sign_in(&server, "127.0.0.1", &headers, 1).await);
    }
    assert_eq!(statuses, [400, 400, 400, 429, 429, 429]);
    let other = "X-Forwarded-For: 203.0.113.1\r\n";
    assert_eq!(sign_in(&server, "127.0.0.1", other, 1).await, [400]);
}

/// The answer to `preface`, followed by a request to the sign-in, from `source`.
async fn after(server: &Server, source: &str, preface: &[u8], headers: &str) -> String {
    let request = format!(
        "GET /oauth/authorize?client_id=x HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\n\r\n",
        server.address()
    );
    let bytes = [preface, request.as_bytes()].concat();
    raw::send_from(source.parse().unwrap(), server.address(), &bytes)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_proxy_header_names_the_client_and_must_come_from_the_proxy() {
    let server = behind_a_proxy()
        .env("PROXY_PROTOCOL", "required")
        .env("DATAHUB_MCP_HEADER_TIMEOUT_SECS", "2")
        .start()
        .unwrap();
    let one = b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\r\n";
    let mut two = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x11".to_vec();
    two.extend([203, 0, 113, 7, 10, 0, 0, 1, 1, 2, 1, 187]);
    two.extend([4, 0, 2, 0, 0]);
    let mut statuses = Vec::new();
    for preface in [&one[..], &two, one, &two] {
        // What the client says of itself does not count.
        let forged = format!("X-Forwarded-For: 198.51.100.{}\r\n", statuses.len());
        let answer = after(&server, "127.0.0.1", preface, &forged).await;
        statuses.push(raw::status(&answer).unwrap());
    }
    assert_eq!(statuses, [400, 400, 400, 429]);

    // Without one, and with one that says nothing, from the proxy and from others.
    for (source, preface, status) in [
        ("127.0.0.1", &b""[..], None),
        ("127.0.0.1", b"PROXY TCP4 203.0.113.7\r\n", None),
        ("127.0.0.1", b"PROXY UNKNOWN\r\n", Some(400)),
        ("127.0.0.9", b"", Some(400)),
    ] {
        let answer = after(&server, source, preface, "").await;
        assert_eq!(
            raw::status(&answer),
            status,
            "{source} {preface:?}: {answer}"
        );
    }
    // A balancer that names nobody writes no HTTP: the headers are the client's own.
    let mut last = None;
    for number in 0..4 {
        let forged = format!("X-Forwarded-For: 198.51.100.{number}\r\n");
        let answer = after(&server, "127.0.0.1", b"PROXY UNKNOWN\r\n", &forged).await;
        last = raw::status(&answer);
    }
    assert_eq!(last, Some(429));
    let stranger = after(&server, "127.0.0.9", one, "").await;
    assert_eq!(raw::responses(&stranger), 1, "{stranger}");
    assert!(!stranger.contains("sign-in"), "{stranger}");
    // One that does not come ends the connection in time.
    let silent = raw::send_from("127.0.0.1".parse().unwrap(), server.address(), b"PRO");
    assert_eq!(silent.await.unwrap(), "");
}

#[test]
fn a_proxy_header_from_nobody_stops_the_start() {
    let alone = Server::builder()
        .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
        .env("PROXY_PROTOCOL", "required");
    let refusal = alone.refuse().unwrap();
    refusal.assert_says(&["PROXY_PROTOCOL", "TRUSTED_PROXIES"]);
}

#[test]
fn a_proxy_that_cannot_be_meant_stops_the_start_by_name() {
    for (value, words) in [
        ("10.0.0.0/8,0.0.0.0/0", ["0.0.0.0/0", "strangers"]),
        ("loadbalancer", ["loadbalancer", "not an IP address"]),
        ("10.0.0.0/40", ["10.0.0.0/40", "not an IP address"]),
    ] {
        let refusal = behind_a_proxy().env("TRUSTED_PROXIES", value).refuse();
        let [first, second] = words;
        refusal
            .unwrap()
            .assert_says(&["TRUSTED_PROXIES", first, second]);
    }
}

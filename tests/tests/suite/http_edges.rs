//! What strangers send on the wire: smuggling, floods of headers, oversize bodies, slow senders.

use std::time::Duration;

use integration_tests::{Server, raw, until};
use tokio::{io::AsyncWriteExt, net::TcpStream};

fn server() -> Server {
    Server::builder()
        .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
        .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
        .env("DATAHUB_MCP_HEADER_TIMEOUT_SECS", "2")
        .env("DATAHUB_MCP_BODY_TIMEOUT_SECS", "2")
        .start()
        .unwrap()
}

const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// Requests that two parsers could read in two ways.
fn ambiguous(host: &str) -> Vec<(&'static str, String)> {
    let chunked = format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len());
    let length = BODY.len();
    vec![
        (
            "no Host",
            "POST /mcp HTTP/1.1\r\nContent-Length: 0\r\n\r\n".to_owned(),
        ),
        (
            "two Hosts",
            format!(
                "POST /mcp HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n"
            ),
        ),
        (
            "Content-Length and Transfer-Encoding",
            format!(
                "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"
            ),
        ),
        (
            "Transfer-Encoding and Content-Length",
            format!(
                "POST /mcp HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n{chunked}"
            ),
        ),
        (
            "two Content-Lengths",
            format!(
                "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nContent-Length: 0\r\n\r\n{BODY}"
            ),
        ),
        (
            "unknown transfer coding",
            format!(
                "POST /mcp HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\n\r\n{chunked}"
            ),
        ),
        (
            "folded header",
            format!(
                "POST /mcp HTTP/1.1\r\nHost: {host}\r\nX-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n"
            ),
        ),
        (
            "space before the colon",
            format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Length : 0\r\n\r\n"),
        ),
        (
            "NUL in a header",
            format!(
                "POST /mcp HTTP/1.1\r\nHost: {host}\r\nX-Nul: a\0b\r\nContent-Length: 0\r\n\r\n"
            ),
        ),
        (
            "negative length",
            format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n"),
        ),
        (
            "signed length",
            format!(
                "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Length: +{length}\r\n\r\n{BODY}"
            ),
        ),
        (
            "no HTTP at all",
            "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".to_owned(),
        ),
    ]
}

#[tokio::test]
async fn ambiguous_requests_are_refused_and_the_connection_closed() {
    let server = server();
    let host = server.address().to_string();
    for (name, request) in ambiguous(&host) {
        let answer = raw::send(server.address(), request.as_bytes())
            .await
            .unwrap();
        assert_eq!(raw::status(&answer), Some(400), "{name}: {answer}");
        assert_eq!(raw::responses(&answer), 1, "{name}: {answer}");
    }
}

#[tokio::test]
async fn the_guard_against_smuggling_is_not_switched_off_by_an_earlier_request() {
    let server = server();
    let host = server.address();
    let bare = format!("GET /health HTTP/1.1\nHost: {host}\n\n");
    let inner = format!("POST /x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 900000\r\n\r\n");
    let length = inner.len();
    for value in [
        format!("{}{length}", "0".repeat(48)),
        format!("{}{length}", "0".repeat(90)),
        format!("{}{length}", " ".repeat(60)),
        format!("{length}, {length}"),
        format!("{length}\r\nContent-Length: {length}"),
        format!("{length}{}", " ".repeat(60)),
    ] {
        let cover = format!(
            "POST /other HTTP/1.1\r\nHost: {host}\r\nContent-Length: {value}\r\n\r\n{inner}"
        );
        let answer = raw::send(host, format!("{cover}{bare}").as_bytes())
            .await
            .unwrap();
        assert!(!answer.contains("HTTP/1.1 200"), "{value:?}: {answer}");
    }
}

#[tokio::test]
async fn a_health_check_in_http_1_0_needs_no_host() {
    let server = server();
    for (request, answered) in [
        ("GET /health HTTP/1.0\r\n\r\n", "HTTP/1.0 200"),
        ("HEAD /health HTTP/1.0\r\n\r\n", "HTTP/1.0 200"),
        ("GET /ready HTTP/1.0\r\n\r\n", "HTTP/1.0 503"),
        ("GET /health HTTP/1.1\r\n\r\n", "HTTP/1.1 400"),
        ("GET /mcp HTTP/1.0\r\n\r\n", "HTTP/1.0 400"),
        ("POST /mcp HTTP/1.0\r\n\r\n", "HTTP/1.0 400"),
    ] {
        let answer = raw::send(server.address(), request.as_bytes())
            .await
            .unwrap();
        assert!(answer.starts_with(answered), "{request}: {answer}");
    }
}

#[tokio::test]
async fn below_a_path_a_proxy_may_strip_it_or_leave_it() {
    let server = Server::builder()
        .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
        .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
        .env("PUBLIC_URL", "https://tools.example.com/datahub")
        .start()
        .unwrap();
    for (method, path, status) in [
        (
            "GET",
            "/.well-known/oauth-protected-resource/datahub/mcp",
            200,
        ),
        ("GET", "/.well-known/oauth-protected-resource/mcp", 200),
        (
            "GET",
            "/datahub/.well-known/oauth-protected-resource/mcp",
            200,
        ),
        ("POST", "/datahub/mcp", 401),
        ("POST", "/datahub/mcp/", 401),
        ("POST", "/mcp", 401),
        ("GET", "/datahub/health", 200),
        ("POST", "/datahub/datahub/mcp", 404),
        ("POST", "/other/mcp", 404),
    ] {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: tools.example.com\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        );
        let answer = raw::send(server.address(), request.as_bytes())
            .await
            .unwrap();
        assert_eq!(raw::status(&answer), Some(status), "{path}: {answer}");
        if status == 200 && path.contains("well-known") {
            assert!(
                answer.contains("\"https://tools.example.com/datahub/mcp\""),
                "{answer}"
            );
        }
    }
}

#[tokio::test]
async fn a_browser_gets_a_page_and_a_client_what_it_knows() {
    let server = server();
    let http = server.mcp().http().clone();
    for path in ["/", "/mcp"] {
        let browser = http
            .get(server.url(path))
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        let response = browser.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let page = response.text().await.unwrap();
        assert!(page.contains(&server.url("/mcp")), "{page}");
    }
    let client = http
        .get(server.url("/mcp"))
        .header("accept", "text/event-stream");
    assert_eq!(client.send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let server = server();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{BODY}",
        server.address(),
        BODY.len()
    );
    let answer = raw::send(server.address(), request.as_bytes())
        .await
        .unwrap();
    assert!(matches!(raw::status(&answer), Some(400 | 401)), "{answer}");
}

#[tokio::test]
async fn floods_of_headers_are_refused() {
    let server = server();
    let host = server.address();
    let many: String = (0..150).map(|n| format!("X-{n}: 1\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "a".repeat(600 * 1024));
    for (name, headers) in [("150 fields", many), ("600 KB", long)] {
        let request =
            format!("GET /health HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n");
        let answer = raw::send(host, request.as_bytes()).await.unwrap();
        assert_eq!(raw::status(&answer), Some(431), "{name}: {answer}");
    }
}

#[tokio::test]
async fn oversize_bodies_are_413_before_they_are_read() {
    let server = server();
    let head = |framing: &str| {
        format!(
            "POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer t\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n{framing}\r\n\r\n",
            server.address()
        )
    };
    // Declared: refused before a byte of the body is sent.
    let declared = head(&format!("Content-Length: {}", 5 << 20));
    let answer = raw::send(server.address(), declared.as_bytes())
        .await
        .unwrap();
    assert_eq!(raw::status(&answer), Some(413), "{answer}");
    assert_eq!(raw::responses(&answer), 1, "{answer}");
}

#[tokio::test]
async fn an_oversize_body_without_a_length_is_413_or_cut_off_and_reaches_nobody() {
    let world = crate::world::World::start().await;
    let token = world.idp.access_token("editor");
    let mcp = world.server.mcp();
    let huge = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"search","arguments":{{"query":"{}"}}}}}}"#,
        "a".repeat(5 << 20)
    );
    let chunks: Vec<Result<Vec<u8>, std::io::Error>> = huge
        .into_bytes()
        .chunks(32 * 1024)
        .map(|chunk| Ok(chunk.to_vec()))
        .collect();
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    // Where the server closes while we are still sending, there may be no answer left to read.
    if let Ok(reply) = integration_tests::mcp::reply(mcp.request(Some(&token)).body(body)).await {
        assert_eq!(reply.status, 413, "{}", reply.text);
    }
    assert_eq!(world.datahub.requests(), 0);
    let list = mcp
        .rpc(Some(&token), "tools/list", serde_json::json!({}))
        .await
        .unwrap();
    assert_eq!(list.status, 200, "{}", list.text);
}

#[tokio::test]
async fn slow_headers_are_cut_off_and_others_are_served() {
    let server = server();
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream
            .write_all(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
            .await
            .unwrap();
        slow.push(stream);
    }
    let health = server
        .mcp()
        .http()
        .get(server.url("/health"))
        .send()
        .await
        .unwrap();
    assert_eq!(health.status(), 200);
    // Each ends by the server's own time-out, long before the limit of the reader.
    let ends = slow
        .iter_mut()
        .map(|stream| tokio::time::timeout(Duration::from_secs(40), raw::read_to_close(stream)));
    for end in futures::future::join_all(ends).await {
        let answer = end.expect("the server closes slow connections by itself");
        assert!(
            matches!(raw::status(&answer), None | Some(408 | 400)),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_slow_body_is_cut_off() {
    let server = server();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer t\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nContent-Length: 100000\r\n\r\n{{",
        server.address()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(40), raw::read_to_close(&mut stream))
        .await
        .expect("the server ends a slow body by itself");
    assert!(
        matches!(raw::status(&answer), None | Some(400 | 401 | 408 | 503)),
        "{answer}"
    );
}

/// Sends a head without a token, the body after `pause`, and the same again. Returns all that came.
async fn head_then_body(server: &Server, pause: Duration, length: usize, times: usize) -> String {
    let host = server.address();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    for _ in 0..times {
        stream.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(pause).await;
        // The connection may be closed by now.
        let _ = stream.write_all(&vec![b' '; length]).await;
    }
    // The server does not answer a connection whose other half is closed.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let _ = stream.shutdown().await;
    raw::read_to_close(&mut stream).await
}

#[tokio::test]
async fn a_refusal_before_the_body_leaves_the_connection_usable_or_says_that_it_ends() {
    let server = server();
    for pause in [0, 50, 300] {
        let all = head_then_body(&server, Duration::from_millis(pause), 40, 3).await;
        assert_eq!(raw::responses(&all), 3, "{pause} ms: {all}");
        assert!(!all.to_lowercase().contains("connection: close"), "{all}");
    }
    // Too late, and too long.
    for (pause, length) in [(1_500, 40), (0, 200_000)] {
        let all = head_then_body(&server, Duration::from_millis(pause), length, 1).await;
        assert_eq!(raw::status(&all), Some(401), "{all}");
        assert!(all.to_lowercase().contains("connection: close"), "{all}");
    }
}

/// An operator finds out from the log why an app or a page cannot connect.
#[tokio::test]
async fn a_refused_host_or_origin_is_in_the_log_with_the_setting_that_would_allow_it() {
    let server = server();
    let mcp = server.mcp();
    for (header, value, setting) in [
        ("host", "mcp.corp.example", "ALLOWED_HOSTS"),
        ("origin", "https://chat.corp.example", "ALLOWED_ORIGINS"),
    ] {
        for _ in 0..20 {
            let request = mcp.request(Some("x")).header(header, value).body("{}");
            let reply = integration_tests::mcp::reply(request).await.unwrap();
            assert!(matches!(reply.status, 403 | 421), "{}", reply.status);
        }
        until("it is in the log", async || server.output().contains(value)).await;
        let output = server.output();
        let lines: Vec<_> = output
            .lines()
            .filter(|line| line.contains(value) && line.contains("WARN"))
            .collect();
        assert!((1..10).contains(&lines.len()), "{lines:?}");
        assert!(lines.iter().all(|line| line.contains(setting)), "{lines:?}");
    }
}

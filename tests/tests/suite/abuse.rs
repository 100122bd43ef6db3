//! One stranger, or one person, against all others: what somebody holds is theirs to lose.

use integration_tests::raw;

use crate::world::World;

#[tokio::test]
async fn the_admin_listener_answers_under_names_of_ours_only() {
    let world = World::with(sandbox::idp::Options::default(), |server| {
        server
            .env("DATAHUB_MCP_ADMIN_ADDRESS", "127.0.0.1:0")
            .env("ALLOWED_HOSTS", "metrics.example")
    })
    .await;
    let address = world.server.admin_address().unwrap();
    let port = address.port();
    for path in ["/metrics", "/health", "/ready"] {
        for (host, status) in [
            (format!("127.0.0.1:{port}"), 200),
            (format!("localhost:{port}"), 200),
            (format!("metrics.example:{port}"), 200),
            ("10.1.2.3:1".to_owned(), 200),
            ("[::1]".to_owned(), 200),
            (format!("rebound.example:{port}"), 421),
            ("rebound.example".to_owned(), 421),
            ("localhost.rebound.example".to_owned(), 421),
            ("127.0.0.1.rebound.example".to_owned(), 421),
            ("a\r\nHost: localhost".to_owned(), 400),
        ] {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let answer = raw::send(address, request.as_bytes()).await.unwrap();
            assert_eq!(raw::status(&answer), Some(status), "{host}{path}: {answer}");
        }
    }
    let old = raw::send(address, b"GET /health HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    assert!(old.starts_with("HTTP/1.0 200"), "{old}");
    let other = format!("GET /mcp HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let other = raw::send(address, other.as_bytes()).await.unwrap();
    assert_eq!(raw::status(&other), Some(404), "{other}");
}

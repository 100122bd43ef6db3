use plugin_api::sdk::testing::Harness;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::Introspector;

/// A token service that gives each caller the same answer.
async fn service(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/introspect", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            // The body ends with the only closing brace.
            while !request.contains(&b'}') {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => request.extend_from_slice(&buffer[..read]),
                }
            }
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

fn introspector(url: &str) -> Harness {
    let options = json!({ "url": url, "service_secret": "s3cret-of-the-host", "allow_http": true });
    Harness::new::<Introspector>(options).unwrap()
}

#[tokio::test]
async fn an_active_token_is_served_with_what_the_service_gave() {
    let url = service(
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\
         {\"active\": true, \"user\": \"ada\", \"scopes\": [\"read\"], \"datahub_token\": \"dh\"}",
    )
    .await;
    let introspector = introspector(&url);
    let served = introspector.validate("opaque-canary").await.expect_served();
    assert_eq!(served.subject, "ada");
    assert_eq!(served.resolved_token.unwrap().expose(), "dh");
    introspector.expect_never_logged("opaque-canary");
    introspector.expect_never_logged("s3cret");
}

#[tokio::test]
async fn an_inactive_token_is_rejected() {
    let url = service("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"active\": false}").await;
    introspector(&url)
        .validate("opaque")
        .await
        .expect_rejected();
}

#[tokio::test]
async fn a_service_that_fails_is_no_reason_to_refuse_the_person() {
    for answer in [
        "HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<html>",
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nconnection: close\r\n\r\n",
    ] {
        let url = service(answer).await;
        introspector(&url)
            .validate("opaque")
            .await
            .expect_unavailable();
    }
    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let introspector = introspector(&format!("http://{nobody}/"));
    introspector.validate("opaque").await.expect_unavailable();
    assert!(introspector.health().await.unwrap_err().is_unavailable());
}

#[test]
fn a_url_without_tls_stops_the_start() {
    let options = json!({ "url": "http://tokens.example.com/", "service_secret": "x" });
    assert!(
        Harness::new::<Introspector>(options)
            .err()
            .unwrap()
            .is_misconfigured()
    );
}

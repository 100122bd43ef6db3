//! What people see who open the server's address in a browser, and what programs get there.

use axum::body::Body;
use http::{StatusCode, header};
use serde_json::json;

use super::support::{Answer, Bench, request, send};

/// The `Accept` header of a browser that a person navigates.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn ask(method: &str, path: &str, accept: Option<&str>) -> Answer {
    let mut builder = request(method, path);
    if let Some(accept) = accept {
        builder = builder.header(header::ACCEPT, accept);
    }
    send(&Bench::new().router(), builder.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_browser_gets_the_url_and_a_line_for_each_client() {
    for path in ["/", "/mcp", "/mcp/"] {
        let answer = ask("GET", path, Some(BROWSER)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        for words in [
            "claude mcp add --transport http datahub https://mcp.example.com/mcp",
            "codex mcp add datahub --url https://mcp.example.com/mcp",
            "gemini mcp add --transport http datahub https://mcp.example.com/mcp",
            "Cursor",
            "VS Code",
            "ChatGPT",
        ] {
            assert!(answer.text.contains(words), "{words}: {}", answer.text);
        }
        assert!(!answer.text.contains("<script"));
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(policy.contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(
            ask("HEAD", path, Some(BROWSER)).await.status,
            StatusCode::OK
        );
    }
}

#[tokio::test]
async fn programs_get_what_they_know() {
    for accept in [
        None,
        Some("*/*"),
        Some("application/json"),
        Some("text/event-stream"),
        Some("text/event-stream, text/html"),
        Some("text/html;q=0, */*"),
    ] {
        let answer = ask("GET", "/mcp", accept).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{accept:?}");
        assert_eq!(answer.header("allow"), "POST, OPTIONS");
        let answer = ask("GET", "/", accept).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{accept:?}");
        assert_eq!(answer.json(), json!({"error": "not_found"}));
    }
    for (method, path, status) in [
        ("POST", "/", 404),
        ("DELETE", "/mcp", 405),
        ("POST", "/mcp", 401),
        ("GET", "/admin", 404),
        ("GET", "/.well-known/openid-configuration", 404),
    ] {
        let answer = ask(method, path, Some(BROWSER)).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
    }
}

#[tokio::test]
async fn the_page_has_the_public_url_and_not_that_of_the_request() {
    let bench = Bench {
        public_url: "https://tools.example.com/data&hub",
        ..Bench::new()
    };
    let browser = request("GET", "/").header(header::ACCEPT, BROWSER);
    let answer = send(&bench.router(), browser.body(Body::empty()).unwrap()).await;
    assert!(
        answer
            .text
            .contains("datahub https://tools.example.com/data&#38;hub/mcp"),
        "{}",
        answer.text
    );
    assert!(!answer.text.contains("localhost"));
}

#[tokio::test]
async fn the_lines_are_for_the_way_in_which_people_get_in() {
    let page = async |issuer: Option<&str>, shared: Option<&'static str>| {
        let mut bench = Bench::new();
        bench.settings.identity_provider = issuer.map(str::to_owned);
        bench.shared_token = shared;
        let browser = request("GET", "/").header(header::ACCEPT, BROWSER);
        let answer = send(&bench.router(), browser.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.text
    };
    let (signs_in, token) = ("Your client opens your browser once", "Bearer TOKEN");
    let none = "You need not sign in";
    let issuer = Some("https://login.example.com/");
    for (page, has, lacks) in [
        (
            page(issuer, None).await,
            &[signs_in, "ChatGPT"][..],
            &[token, none][..],
        ),
        // A line that makes a client ask for a sign-in would only fail, and ChatGPT can do nothing else.
        (
            page(None, None).await,
            &[
                "datahub https://mcp.example.com/mcp --header \"Authorization: Bearer TOKEN\"",
                "--bearer-token-env-var DATAHUB_TOKEN",
                "\"headers\": {\"Authorization\": \"Bearer TOKEN\"}}}}",
            ],
            &[signs_in, none, "ChatGPT"],
        ),
        (
            page(None, Some("shared")).await,
            &[none, "ChatGPT"],
            &[signs_in, token],
        ),
        (
            page(issuer, Some("shared")).await,
            &[none],
            &[signs_in, token],
        ),
    ] {
        for words in has {
            assert!(page.contains(words), "{words}: {page}");
        }
        for words in lacks {
            assert!(!page.contains(words), "{words}: {page}");
        }
        assert!(!page.contains("shared"), "{page}");
    }
}

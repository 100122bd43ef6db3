//! Names, origins, paths, methods and the documents that need no token.

use axum::{Router, body::Body, routing::get};
use http::{Method, Request, StatusCode, Version, header};
use serde_json::json;

use super::support::{Bench, call, request, send};

#[tokio::test]
async fn only_our_names_are_answered_and_probes_under_any() {
    let router = Bench::new().router();
    for (host, status) in [
        ("localhost:8000", 200),
        ("mcp.example.com", 200),
        ("extra.example:1", 200),
        ("evil.example", 421),
        ("localhost:8001", 421),
        ("localhost.:8000", 421),
        ("", 421),
    ] {
        for (path, wanted) in [
            ("/.well-known/oauth-protected-resource", status),
            ("/health", 200),
        ] {
            let request = Request::get(path)
                .header(header::HOST, host)
                .body(Body::empty())
                .unwrap();
            assert_eq!(
                send(&router, request).await.status.as_u16(),
                wanted,
                "{host} {path}"
            );
        }
    }
}

#[tokio::test]
async fn ambiguous_requests_are_refused() {
    let router = Bench::new().router();
    let two = request("POST", "/mcp").header(header::HOST, "localhost:8000");
    let none = Request::post("/mcp");
    let other = request("POST", "http://evil.example/mcp");
    let matching = request("GET", "http://localhost:8000/health");
    for (builder, status) in [(two, 400), (none, 400), (other, 400), (matching, 200)] {
        let answer = send(&router, builder.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status.as_u16(), status);
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_before_their_token_is_looked_at() {
    let router = Bench::new().router();
    for (origin, status) in [
        ("http://localhost:6274", 200),
        ("https://mcp.example.com", 200),
        ("https://evil.example", 403),
        ("null", 403),
    ] {
        let mut request = call("good", "");
        request
            .headers_mut()
            .insert(header::ORIGIN, origin.parse().unwrap());
        let answer = send(&router, request).await;
        assert_eq!(answer.status.as_u16(), status, "{origin}");
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, if status == 200 { origin } else { "" });
    }
}

#[tokio::test]
async fn browsers_may_ask_first_and_read_the_challenge() {
    let router = Bench::new().router();
    let preflight = request("OPTIONS", "/mcp")
        .header(header::ORIGIN, "http://localhost:6274")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,mcp-name")
        .body(Body::empty())
        .unwrap();
    let answer = send(&router, preflight).await;
    assert_eq!(answer.status, StatusCode::OK);
    let headers = answer.header("access-control-allow-headers");
    for name in [
        "authorization",
        "content-type",
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
    ] {
        assert!(headers.contains(name), "{name} in {headers}");
    }
    let mut refused = call("bad", "");
    refused
        .headers_mut()
        .insert(header::ORIGIN, "http://localhost:6274".parse().unwrap());
    let answer = send(&router, refused).await;
    assert_eq!(
        answer.header("access-control-expose-headers"),
        "www-authenticate"
    );

    let document = request("GET", "/.well-known/oauth-protected-resource/mcp")
        .header(header::ORIGIN, "https://anything.example")
        .body(Body::empty())
        .unwrap();
    assert_eq!(
        send(&router, document)
            .await
            .header("access-control-allow-origin"),
        "*"
    );
}

#[tokio::test]
async fn the_metadata_name_the_resource_and_who_signs_in() {
    let of = |bench: Bench| async {
        let path = "/.well-known/oauth-protected-resource/mcp";
        let answer = send(
            &bench.router(),
            request("GET", path).body(Body::empty()).unwrap(),
        )
        .await;
        assert_eq!(answer.header("content-type"), "application/json");
        answer.json()
    };
    let mut expected = json!({
        "resource": "https://mcp.example.com/mcp",
        "authorization_servers": ["https://login.example.com/"],
        "scopes_supported": ["openid"],
        "bearer_methods_supported": ["header"],
        "resource_name": "DataHub",
    });
    assert_eq!(of(Bench::new()).await, expected);

    expected["authorization_servers"] = json!(["https://mcp.example.com"]);
    assert_eq!(
        of(Bench {
            oauth: Some(Router::new()),
            ..Bench::new()
        })
        .await,
        expected
    );

    let mut bench = Bench::new();
    bench.settings.identity_provider = None;
    expected
        .as_object_mut()
        .unwrap()
        .remove("authorization_servers");
    assert_eq!(of(bench).await, expected);
}

#[tokio::test]
async fn a_path_has_one_spelling_and_mcp_one_method() {
    let router = Bench::new().router();
    for path in [
        "//mcp",
        "/mcp//",
        "/mcp/x",
        "/MCP",
        "/mcp;x",
        "/mcp/..;/",
        "/%6dcp",
        "/mcp%2f",
        "/mcp%00",
        "/./mcp",
        "/health/../mcp",
        "/health/%2e%2e/mcp",
        "/",
        "/admin",
        "/.well-known/openid-configuration",
        "/.well-known/",
        "/.well-known/oauth-protected-resource/",
        "/.well-known/oauth-protected-resource/x",
        "/.well-known/oauth-authorization-server",
        "/oauth/token",
    ] {
        for method in ["POST", "GET"] {
            let request = request(method, path)
                .header(header::AUTHORIZATION, "Bearer good")
                .body(Body::empty())
                .unwrap();
            let answer = send(&router, request).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            assert_eq!(answer.json(), json!({"error": "not_found"}));
        }
    }
    for method in ["GET", "HEAD", "DELETE", "PUT", "PATCH", "TRACE", "MCP"] {
        for path in ["/mcp", "/mcp/"] {
            let answer = send(&router, request(method, path).body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
            assert_eq!(answer.header("allow"), "POST, OPTIONS");
        }
    }
}

#[tokio::test]
async fn a_slash_at_the_end_of_mcp_changes_nothing() {
    let router = Bench::new().router();
    let of = async |path: &str, token: Option<&str>, origin: Option<&str>| {
        let mut builder = request("POST", path);
        if let Some(token) = token {
            builder = builder.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(origin) = origin {
            builder = builder.header(header::ORIGIN, origin);
        }
        let answer = send(&router, builder.body(Body::empty()).unwrap()).await;
        let challenge = answer.header("www-authenticate").to_owned();
        (answer.status.as_u16(), challenge, answer.text)
    };
    for (token, origin, status) in [
        (Some("good"), None, 200),
        (Some("bad"), None, 401),
        (None, None, 401),
        (Some("good"), Some("https://evil.example"), 403),
    ] {
        let answer = of("/mcp/", token, origin).await;
        assert_eq!(answer.0, status, "{answer:?}");
        assert_eq!(answer, of("/mcp", token, origin).await);
    }
    for path in ["", "/"] {
        let path = format!("/.well-known/oauth-protected-resource/mcp{path}");
        let answer = send(&router, request("GET", &path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.json()["resource"], "https://mcp.example.com/mcp");
    }
}

#[tokio::test]
async fn health_checks_in_http_1_0_need_no_host_and_nothing_else_does_without() {
    let router = Bench::new().router();
    let of = async |version: Version, method: &str, path: &str| {
        let request = Request::builder().version(version).method(method).uri(path);
        let answer = send(&router, request.body(Body::empty()).unwrap()).await;
        answer.status.as_u16()
    };
    for path in ["/health", "/ready"] {
        assert_eq!(of(Version::HTTP_10, "GET", path).await, 200, "{path}");
        assert_eq!(of(Version::HTTP_10, "HEAD", path).await, 200, "{path}");
        assert_eq!(of(Version::HTTP_11, "GET", path).await, 400, "{path}");
    }
    for path in [
        "/",
        "/mcp",
        "/mcp/",
        "/health/",
        "/oauth/token",
        "/.well-known/oauth-protected-resource",
        "http://localhost:8000/health",
    ] {
        assert_eq!(of(Version::HTTP_10, "GET", path).await, 400, "{path}");
        assert_eq!(of(Version::HTTP_10, "POST", path).await, 400, "{path}");
    }
}

#[tokio::test]
async fn below_a_path_every_route_is_served_with_the_prefix_and_without() {
    let oauth = Router::new().route("/oauth/token", get(|| async { "token" }));
    let router = Bench {
        public_url: "https://mcp.example.com/datahub",
        oauth: Some(oauth),
        ..Bench::new()
    }
    .router();
    for prefix in ["", "/datahub"] {
        let call = |token: &str| {
            request("POST", &format!("{prefix}/mcp"))
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .body(Body::empty())
                .unwrap()
        };
        assert_eq!(send(&router, call("good")).await.status, StatusCode::OK);
        let refused = send(&router, call("bad")).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert!(
            refused.header("www-authenticate").contains(
                "https://mcp.example.com/datahub/.well-known/oauth-protected-resource/mcp"
            )
        );
        for (path, status) in [
            ("/health", 200),
            ("/oauth/token", 200),
            ("/.well-known/oauth-protected-resource", 200),
            ("/admin", 404),
            ("//mcp", 404),
        ] {
            let get = request("GET", &format!("{prefix}{path}"));
            let answer = send(&router, get.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status.as_u16(), status, "{prefix}{path}");
        }
    }
    for path in [
        "/.well-known/oauth-protected-resource/datahub/mcp",
        "/datahub/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-protected-resource/mcp",
    ] {
        let answer = send(&router, request("GET", path).body(Body::empty()).unwrap()).await;
        assert_eq!(
            answer.json()["resource"],
            "https://mcp.example.com/datahub/mcp",
            "{path}"
        );
    }
    // The checks before a route hold below the prefix as well.
    let foreign = Request::get("/datahub/.well-known/oauth-protected-resource")
        .header(header::HOST, "evil.example")
        .body(Body::empty());
    let answer = send(&router, foreign.unwrap()).await;
    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
    let twice = request("POST", "/datahub/datahub/mcp").body(Body::empty());
    let answer = send(&router, twice.unwrap()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_routes_of_the_proxy_are_served_where_it_is_on() {
    let oauth = Router::new()
        .route(
            "/.well-known/oauth-authorization-server",
            get(|| async { "document" }),
        )
        .route("/oauth/token", get(|| async { "token" }));
    let router = Bench {
        oauth: Some(oauth),
        ..Bench::new()
    }
    .router();
    for (path, text) in [
        ("/.well-known/oauth-authorization-server", "document"),
        ("/oauth/token", "token"),
    ] {
        let answer = send(&router, request("GET", path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.text, text);
        let foreign = Request::builder()
            .method(Method::GET)
            .uri(path)
            .header(header::HOST, "evil.example")
            .body(Body::empty())
            .unwrap();
        assert_eq!(
            send(&router, foreign).await.status,
            StatusCode::MISDIRECTED_REQUEST
        );
    }
}

#[tokio::test]
async fn readiness_follows_the_parts() {
    let get = || request("GET", "/ready").body(Body::empty()).unwrap();
    let answer = send(&Bench::new().router(), get()).await;
    assert_eq!(
        answer.json(),
        json!({"status": "ready", "parts": {"datahub": "ok"}})
    );
    let answer = send(
        &Bench {
            works: false,
            ..Bench::new()
        }
        .router(),
        get(),
    )
    .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        answer.json(),
        json!({"status": "degraded", "parts": {"datahub": "unavailable"}})
    );
}

#[tokio::test]
async fn a_harmless_request_id_is_kept_and_any_other_replaced() {
    let router = Bench::new().router();
    for (id, kept) in [
        ("abc-1.2_3", true),
        ("a b", false),
        ("", false),
        ("x\"y", false),
    ] {
        let request = request("GET", "/health")
            .header("x-request-id", id)
            .body(Body::empty());
        let answer = send(&router, request.unwrap()).await;
        assert_eq!(answer.header("x-request-id") == id, kept, "{id}");
    }
}

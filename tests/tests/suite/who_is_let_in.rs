//! The table "who is let in", row by row: each answer as a client sees it.

use integration_tests::{Behaviour, Reply, Server, StubDataHub, marker};
use sandbox::idp::{EmbeddedIdp, Fault, Options};
use serde_json::json;

use crate::world::{World, settings};

const SEARCH: &str = "search";

fn assert_served_as(reply: &Reply, token: &str) {
    let marker = marker(token);
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(!reply.is_tool_error(), "{}", reply.text);
    assert!(
        reply.text.contains(&marker),
        "no `{marker}` in {}",
        reply.text
    );
}

/// 401 with the challenge that RFC 9728 section 5.1 asks for.
fn assert_challenge(reply: &Reply, invalid_token: bool) {
    assert_eq!(reply.status, 401, "{}", reply.text);
    let challenge = reply.header("www-authenticate");
    assert!(challenge.starts_with("Bearer "), "{challenge}");
    assert!(
        challenge.contains("resource_metadata=\"http://127.0.0.1:")
            && challenge.contains("/.well-known/oauth-protected-resource/mcp\""),
        "{challenge}"
    );
    assert!(challenge.contains("scope=\""), "{challenge}");
    assert!(!challenge.contains("offline_access"), "{challenge}");
    assert_eq!(
        challenge.contains("error=\"invalid_token\""),
        invalid_token,
        "{challenge}"
    );
}

fn assert_unavailable(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.text);
    assert!(
        reply.header("retry-after").parse::<u64>().is_ok(),
        "{:?}",
        reply.headers
    );
    assert_eq!(reply.header("www-authenticate"), "");
}

#[tokio::test]
async fn an_accepted_bearer_is_served_as_that_person() {
    let world = World::start().await;
    let token = world.idp.access_token("editor");
    let reply = world
        .server
        .mcp()
        .call(Some(&token), SEARCH, json!({"query": "*"}))
        .await
        .unwrap();
    // The stub answers with a marker of the token that it was asked with: this person's, nobody else's.
    assert_served_as(&reply, &token);
    let asked = world.datahub.seen();
    let bearer = format!("Bearer {token}");
    assert!(
        asked
            .iter()
            .filter(|seen| seen.path.ends_with("graphql"))
            .all(|seen| seen.headers["authorization"] == bearer.as_str()),
        "somebody else's token reached DataHub"
    );
}

#[tokio::test]
async fn the_scheme_is_case_insensitive() {
    let world = World::start().await;
    let token = world.idp.access_token("editor");
    let mcp = world.server.mcp();
    for scheme in ["bearer", "BEARER", "Bearer"] {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
        let request = mcp
            .request(None)
            .header("authorization", format!("{scheme} {token}"))
            .json(&body);
        let reply = integration_tests::mcp::reply(request).await.unwrap();
        assert_eq!(reply.status, 200, "{scheme}: {}", reply.text);
    }
}

#[tokio::test]
async fn a_bad_bearer_is_401_and_never_falls_back_to_the_shared_token() {
    let world = World::with(Options::default(), |builder| {
        builder.env("DATAHUB_GMS_TOKEN", "shared-token")
    })
    .await;
    let stranger = EmbeddedIdp::start(Options::default()).await.unwrap();
    let idp = &world.idp;
    let tokens = [
        ("garbage", "garbage".to_owned()),
        ("three parts of nothing", "a.b.c".to_owned()),
        ("expired", idp.mint(json!({"exp": 1_000_000}))),
        (
            "another audience",
            idp.mint(json!({"aud": "somebody-else"})),
        ),
        ("no audience", idp.mint(json!({"aud": null}))),
        (
            "another issuer",
            idp.mint(json!({"iss": stranger.issuer()})),
        ),
        (
            "signed by a stranger",
            stranger.mint(json!({"iss": idp.issuer()})),
        ),
        ("not yet", idp.mint(json!({"nbf": 4_000_000_000_u64}))),
        ("no subject", idp.mint(json!({"sub": null}))),
        ("no expiry", idp.mint(json!({"exp": null}))),
    ];
    let mcp = world.server.mcp();
    for (name, token) in &tokens {
        let reply = mcp
            .call(Some(token), SEARCH, json!({"query": "*"}))
            .await
            .unwrap();
        assert_eq!(reply.status, 401, "{name}: {}", reply.text);
        assert_challenge(&reply, true);
        assert!(
            !reply.text.contains("shared-token"),
            "{name}: {}",
            reply.text
        );
    }
    assert_eq!(world.datahub.requests(), 0, "a bad token reached DataHub");
}

#[tokio::test]
async fn an_unreachable_provider_is_503_and_never_a_yes() {
    let world = World::start().await;
    let token = world.idp.access_token("editor");
    world.idp.go_down().await;
    let reply = world
        .server
        .mcp()
        .call(Some(&token), SEARCH, json!({"query": "*"}))
        .await
        .unwrap();
    assert_unavailable(&reply);
    assert_eq!(world.datahub.requests(), 0);
    // It recovers without a restart.
    world.idp.come_back().await.unwrap();
    let mut last = None;
    for _ in 0..200 {
        let reply = world
            .server
            .mcp()
            .call(Some(&token), SEARCH, json!({"query": "*"}))
            .await
            .unwrap();
        if reply.status == 200 {
            return;
        }
        assert_unavailable(&reply);
        let pause = tokio::time::sleep(std::time::Duration::from_millis(100));
        pause.await;
        last = Some(reply);
    }
    panic!("still unavailable: {last:?}");
}

#[tokio::test]
async fn a_hanging_provider_is_503_in_time() {
    let idp = EmbeddedIdp::start(Options::default()).await.unwrap();
    let datahub = StubDataHub::start().await.unwrap();
    let token = idp.access_token("editor");
    idp.break_everything(&Fault::Hang);
    let server = settings(&idp, &datahub).start().unwrap();
    let reply = server
        .mcp()
        .call(Some(&token), SEARCH, json!({"query": "*"}))
        .await
        .unwrap();
    assert_unavailable(&reply);
}

#[tokio::test]
async fn datahub_that_cannot_say_who_it_is_is_503() {
    let datahub = StubDataHub::start().await.unwrap();
    let server = Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
        .start()
        .unwrap();
    let mcp = server.mcp();
    for behaviour in [
        Behaviour::Fixed(500, "broken".to_owned(), "text/plain"),
        Behaviour::Fixed(200, "<html>".to_owned(), "text/html"),
        Behaviour::TooMany(7),
    ] {
        datahub.behave(behaviour.clone());
        let reply = mcp
            .call(Some("datahub-token-one"), SEARCH, json!({"query": "*"}))
            .await
            .unwrap();
        assert_eq!(reply.status, 503, "{behaviour:?}: {}", reply.text);
        assert_unavailable(&reply);
    }
    datahub.behave(Behaviour::Unauthorized);
    let reply = mcp
        .call(Some("datahub-token-two"), SEARCH, json!({"query": "*"}))
        .await
        .unwrap();
    assert_challenge(&reply, true);
    datahub.behave(Behaviour::Echo);
    let reply = mcp
        .call(Some("datahub-token-three"), SEARCH, json!({"query": "*"}))
        .await
        .unwrap();
    assert_served_as(&reply, "datahub-token-three");
}

#[tokio::test]
async fn without_a_token_the_fallback_client_serves_where_one_is_set() {
    let world = World::with(Options::default(), |builder| {
        builder.env("DATAHUB_GMS_TOKEN", "shared-token")
    })
    .await;
    let reply = world
        .server
        .mcp()
        .call(None, SEARCH, json!({"query": "*"}))
        .await
        .unwrap();
    assert_served_as(&reply, "shared-token");
    let output = world.server.output();
    assert!(
        output.contains("DATAHUB_GMS_TOKEN"),
        "the start must be loud about it:\n{output}"
    );
    assert!(!output.contains("shared-token"), "{output}");
}

#[test]
fn the_fallback_is_refused_beyond_loopback() {
    let builder = || {
        Server::builder()
            .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
            .env("DATAHUB_GMS_TOKEN", "shared-token")
            .env("DATAHUB_MCP_HOST", "0.0.0.0")
    };
    let refusal = builder().refuse().unwrap();
    assert!(!refusal.status.success());
    assert!(
        refusal.text.contains("ALLOW_SHARED_TOKEN"),
        "{}",
        refusal.text
    );
    assert!(!refusal.text.contains("shared-token"), "{}", refusal.text);
}

#[tokio::test]
async fn without_a_token_and_without_a_fallback_it_is_401() {
    let world = World::start().await;
    let mcp = world.server.mcp();
    for method in ["tools/list", "initialize", "server/discover", "ping"] {
        let reply = mcp.rpc(None, method, json!({})).await.unwrap();
        assert_challenge(&reply, false);
    }
}

#[tokio::test]
async fn a_token_in_the_query_string_is_never_used() {
    let world = World::start().await;
    let token = world.idp.access_token("editor");
    let mcp = world.server.mcp();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    for name in ["access_token", "token", "ACCESS_TOKEN"] {
        let url = format!("{}?{name}={token}", mcp.url());
        let reply = integration_tests::mcp::reply(mcp.http().post(url).json(&body))
            .await
            .unwrap();
        assert!(
            matches!(reply.status, 400 | 401),
            "{name}: {} {}",
            reply.status,
            reply.text
        );
    }
    // Not even beside a good header (RFC 6750 section 2: one way in a request).
    let url = format!("{}?access_token={token}", mcp.url());
    let request = mcp.http().post(url).bearer_auth(&token).json(&body);
    let reply = integration_tests::mcp::reply(request).await.unwrap();
    assert_eq!(reply.status, 400, "{}", reply.text);
}

#[tokio::test]
async fn other_schemes_and_malformed_headers_are_refused() {
    let world = World::with(Options::default(), |builder| {
        builder.env("DATAHUB_GMS_TOKEN", "shared-token")
    })
    .await;
    let token = world.idp.access_token("editor");
    let mcp = world.server.mcp();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    let values = [
        "Basic YTpi".to_owned(),
        format!("Token {token}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {token} {token}"),
        format!("Bearer {token},Bearer {token}"),
        format!("Bearer \"{token}\""),
        token.clone(),
        format!("Bearer {}", "a".repeat(64 * 1024)),
    ];
    for value in values {
        let request = mcp
            .request(None)
            .header("authorization", &value)
            .json(&body);
        let reply = integration_tests::mcp::reply(request).await.unwrap();
        let shown: String = value.chars().take(30).collect();
        assert!(
            matches!(reply.status, 400 | 401 | 431),
            "{shown}: {} {}",
            reply.status,
            reply.text
        );
    }
}

#[tokio::test]
async fn a_401_from_datahub_during_a_call_ends_the_cached_answer() {
    let world = World::start().await;
    let token = world.idp.access_token("editor");
    let mcp = world.server.mcp();
    let reply = mcp
        .call(Some(&token), SEARCH, json!({"query": "*"}))
        .await
        .unwrap();
    assert_served_as(&reply, &token);
    world.datahub.behave(Behaviour::Unauthorized);
    let reply = mcp
        .call(Some(&token), SEARCH, json!({"query": "*"}))
        .await
        .unwrap();
    assert_challenge(&reply, true);
}

#[tokio::test]
async fn open_paths_need_no_token() {
    let world = World::start().await;
    let http = world.server.mcp().http().clone();
    for (path, status) in [
        ("/health", 200),
        ("/.well-known/oauth-protected-resource", 200),
        ("/.well-known/oauth-protected-resource/mcp", 200),
        ("/.well-known/openid-configuration", 404),
        ("/.well-known/nothing", 404),
    ] {
        let response = http.get(world.server.url(path)).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
    let metadata: serde_json::Value = http
        .get(
            world
                .server
                .url("/.well-known/oauth-protected-resource/mcp"),
        )
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(metadata["resource"], world.server.url("/mcp"));
    assert_eq!(
        metadata["authorization_servers"],
        json!([world.idp.issuer()])
    );
    let options = http
        .request(reqwest::Method::OPTIONS, world.server.url("/mcp"))
        .header("origin", "http://localhost:6274")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,mcp-protocol-version",
        )
        .send()
        .await
        .unwrap();
    assert!(options.status().is_success(), "{}", options.status());
    assert_eq!(
        options.headers()["access-control-allow-origin"],
        "http://localhost:6274"
    );
    let get = http
        .get(world.server.url("/mcp"))
        .bearer_auth(world.idp.access_token("editor"));
    assert_eq!(get.send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn detours_to_the_endpoint_reach_no_tool() {
    let world = World::start().await;
    let host = world.server.address();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": SEARCH, "arguments": {"query": "*"}}})
    .to_string();
    let paths = [
        "//mcp",
        "/mcp/",
        "/mcp//",
        "/mcp/..;/",
        "/%6dcp",
        "/m%63p",
        "/mcp%2f",
        "/mcp%00",
        "/MCP",
        "/mcp;x",
        "/mcp;x=y",
        "/./mcp",
        "/health/../mcp",
        "/health/..%2fmcp",
        "/health;/mcp",
        "/.well-known/../mcp",
        "/mcp#x",
        "/oauth/../mcp",
        "/mcp?x=1",
        "/mcp?/health",
        "/mcp?x=/health",
        "/mcp?/.well-known/oauth-protected-resource",
        "/mcp?/oauth/token",
        "/mcp/.",
        "/mcp\\",
        "http://other.example/mcp",
    ];
    for path in paths {
        for method in [
            "POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS",
        ] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
                 Accept: application/json, text/event-stream\r\nX-DataHub-Actor: urn:li:corpuser:admin\r\n\
                 X-Forwarded-User: admin\r\nForwarded: for=127.0.0.1\r\nX-Forwarded-Uri: /health\r\n\
                 X-Original-URL: /health\r\nUser-Agent: kube-probe/1.34\r\nConnection: close\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let answer = integration_tests::raw::send(host, request.as_bytes())
                .await
                .unwrap();
            assert!(
                !answer.contains("searchResults"),
                "{method} {path}: {answer}"
            );
            let allowed = matches!(integration_tests::raw::status(&answer), Some(200 | 204))
                && method == "OPTIONS";
            assert!(
                allowed
                    || integration_tests::raw::status(&answer).is_none_or(|status| status >= 400),
                "{method} {path}: {answer}"
            );
        }
    }
    assert_eq!(
        world.datahub.requests(),
        0,
        "something reached DataHub without a token"
    );
}

#[tokio::test]
async fn other_hosts_and_origins_are_refused_before_the_token_is_looked_at() {
    let world = World::start().await;
    let token = world.idp.access_token("editor");
    let mcp = world.server.mcp();
    let port = world.server.address().port();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
    ] {
        let request = mcp.request(Some(&token)).header("host", &host).json(&body);
        let reply = integration_tests::mcp::reply(request).await.unwrap();
        assert!(
            matches!(reply.status, 403 | 421),
            "{host}: {} {}",
            reply.status,
            reply.text
        );
    }
    for origin in [
        "null",
        "https://evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.nip.example",
    ] {
        let request = mcp
            .request(Some(&token))
            .header("origin", origin)
            .json(&body);
        let reply = integration_tests::mcp::reply(request).await.unwrap();
        assert_eq!(reply.status, 403, "{origin}: {}", reply.text);
    }
    let request = mcp
        .request(Some(&token))
        .header("origin", "http://localhost:6274")
        .json(&body);
    assert_eq!(
        integration_tests::mcp::reply(request).await.unwrap().status,
        200
    );
}

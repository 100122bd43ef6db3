//! One stranger, or one person, against all others: what somebody holds is theirs to lose.

use std::{net::SocketAddr, time::Duration};

use integration_tests::{Reply, Server, StubDataHub, raw, until};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{oauth_world, world::World};

const STRANGER: &str = "127.0.0.2";
/// More than any of these takes on a busy machine, and far less than an idle connection may last.
const PATIENCE: Duration = Duration::from_secs(60);

/// Opens a connection from the stranger's address and sends `bytes`.
async fn opened(address: SocketAddr, bytes: &str) -> TcpStream {
    let mut stream = raw::connect_from(STRANGER.parse().unwrap(), address)
        .await
        .unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

/// The head of a POST with a body of `length` bytes.
fn head(address: SocketAddr, path: &str, length: usize, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n{headers}\r\n")
}

fn bearer(token: &str) -> String {
    format!(
        "Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n"
    )
}

async fn list(server: &Server, token: &str) -> Reply {
    let mcp = server.mcp();
    let reply = mcp.rpc(Some(token), "tools/list", json!({})).await;
    reply.unwrap()
}

async fn health(server: &Server) -> u16 {
    let answer = server.mcp().http().get(server.url("/health"));
    answer
        .timeout(PATIENCE)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up_at_every_endpoint() {
    let world =
        oauth_world::start_with(|server| server.env("DATAHUB_MCP_BODY_TIMEOUT_SECS", "1")).await;
    let address = world.server.address();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for path in [
        "/oauth/token",
        "/oauth/register",
        "/oauth/authorize",
        "/oauth/revoke",
    ] {
        let mut held = opened(address, &head(address, path, 200, form)).await;
        held.write_all(b"a").await.unwrap();
        let answer = raw::read_to_close(&mut held).await;
        assert_eq!(raw::status(&answer), Some(408), "{path}: {answer}");
    }
    let large = head(address, "/oauth/token", 65 * 1024, form) + &"a".repeat(65 * 1024);
    let answer = raw::send(address, large.as_bytes()).await.unwrap();
    assert_eq!(raw::status(&answer), Some(413), "{answer}");
}

#[tokio::test]
async fn connections_that_wait_for_a_stranger_make_room_for_others() {
    let world = oauth_world::start_with(|server| {
        // No time limit ends them while this test runs.
        server
            .env("DATAHUB_MCP_MAX_CONNECTIONS", "20")
            .env("DATAHUB_MCP_BODY_TIMEOUT_SECS", "3600")
            .env("DATAHUB_MCP_HEADER_TIMEOUT_SECS", "3600")
            .env("DATAHUB_MCP_IDLE_TIMEOUT_SECS", "3600")
    })
    .await;
    let address = world.server.address();
    let body = head(address, "/oauth/token", 200, "");
    let chunked = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    for sent in ["", "GET /health HTTP/1.1\r\nHo", &body, &chunked] {
        let mut held = Vec::new();
        for _ in 0..60 {
            held.push(opened(address, sent).await);
        }
        assert_eq!(health(&world.server).await, 200, "{sent:?}");
    }
}

#[tokio::test]
async fn at_the_limit_of_busy_connections_probes_are_answered_and_others_refused() {
    let world = World::with(sandbox::idp::Options::default(), |server| {
        server.env("DATAHUB_MCP_MAX_CONNECTIONS", "2")
    })
    .await;
    world.datahub.behave(integration_tests::Behaviour::Stall);
    let address = world.server.address();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_me","arguments":{}}}"#;
    let token = world.idp.access_token("editor");
    let mut busy = Vec::new();
    for _ in 0..2 {
        let request = head(address, "/mcp", call.len(), &bearer(&token)) + call;
        busy.push(opened(address, &request).await);
    }
    until("both calls wait for DataHub", async || {
        world.datahub.in_flight() >= 2
    })
    .await;
    for (path, status) in [("/health", 200), ("/mcp", 503), ("/health", 200)] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        // It is closed after the answer, so that the few of these places are free again.
        let answer = raw::send(address, request.as_bytes()).await.unwrap();
        assert_eq!(raw::status(&answer), Some(status), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_small_body_of_many_values_is_refused() {
    let world = World::with(sandbox::idp::Options::default(), |server| {
        server.env("DATAHUB_MCP_MAX_BODY_BYTES", "2097152")
    })
    .await;
    let token = world.idp.access_token("editor");
    let mcp = world.server.mcp();
    let call = |values: usize| {
        let values = "[[]],".repeat(values);
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"get_me","arguments":{{"x":[{values}1]}}}}}}"#
        )
    };
    let refused = mcp.request(Some(&token)).body(call(380_000)).send();
    assert_eq!(refused.await.unwrap().status(), 413);
    let served = mcp.request(Some(&token)).body(call(1_000)).send();
    assert_eq!(served.await.unwrap().status(), 200);
}

#[tokio::test]
async fn one_person_who_holds_bodies_open_keeps_nobody_out() {
    let world = World::with(sandbox::idp::Options::default(), |server| {
        server.env("DATAHUB_MCP_MAX_CONCURRENT_REQUESTS", "16")
    })
    .await;
    let address = world.server.address();
    let headers = bearer(&world.idp.access_token("viewer"));
    let mut held = Vec::new();
    for _ in 0..32 {
        let begun = head(address, "/mcp", 200, &headers) + "{";
        held.push(opened(address, &begun).await);
    }
    let token = world.idp.access_token("editor");
    for _ in 0..4 {
        assert_eq!(list(&world.server, &token).await.status, 200);
    }
}

#[tokio::test]
async fn one_person_with_many_slow_calls_leaves_places_for_others() {
    let world = World::with(sandbox::idp::Options::default(), |server| {
        server.env("DATAHUB_MCP_MAX_CONCURRENT_REQUESTS", "16")
    })
    .await;
    world.datahub.behave(integration_tests::Behaviour::Stall);
    let address = world.server.address();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_me","arguments":{}}}"#;
    let greedy = world.idp.access_token("viewer");
    let request = head(address, "/mcp", call.len(), &bearer(&greedy)) + call;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(opened(address, &request).await);
    }
    until("half of the places are taken", async || {
        world.datahub.in_flight() >= 8
    })
    .await;
    let refused = list(&world.server, &greedy).await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert_eq!(refused.header("retry-after"), "1");
    let token = world.idp.access_token("editor");
    assert_eq!(list(&world.server, &token).await.status, 200);
}

#[tokio::test]
async fn metrics_name_who_holds_much_by_the_digest_of_the_log() {
    let world = World::with(sandbox::idp::Options::default(), |server| {
        server
            .env("DATAHUB_MCP_MAX_CONCURRENT_REQUESTS", "16")
            .env("DATAHUB_MCP_ADMIN_ADDRESS", "127.0.0.1:0")
    })
    .await;
    let held = async || {
        let metrics = world.server.metrics().await.unwrap();
        let lines = metrics.lines().map(str::to_owned);
        lines
            .filter(|line| line.starts_with("datahub_mcp_share_held{"))
            .collect::<Vec<_>>()
    };
    let greedy = world.idp.access_token("viewer");
    let known = list(&world.server, &greedy).await;
    assert_eq!(known.status, 200);
    assert!(held().await.is_empty(), "on a usual day");
    let id = known.header("x-request-id");
    let line = || {
        let output = world.server.output();
        let lines = output.lines().map(serde_json::from_str);
        let mut lines = lines.filter_map(Result::<Value, _>::ok);
        lines.find(|line| line["target"] == "access" && line["request_id"] == id)
    };
    until("the line is there", async || line().is_some()).await;
    let digest = line().unwrap()["subject"].as_str().unwrap().to_owned();

    world.datahub.behave(integration_tests::Behaviour::Stall);
    let address = world.server.address();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_me","arguments":{}}}"#;
    let request = head(address, "/mcp", call.len(), &bearer(&greedy)) + call;
    let mut calls = Vec::new();
    for _ in 0..8 {
        calls.push(opened(address, &request).await);
    }
    let expected =
        format!(r#"datahub_mcp_share_held{{of="requests",kind="person",holder="{digest}"}} 8"#);
    until("the person is named", async || {
        held().await.contains(&expected)
    })
    .await;
    drop(calls);
    until("nobody holds much", async || held().await.is_empty()).await;
}

#[tokio::test]
async fn made_up_tokens_keep_no_known_person_out() {
    let datahub = StubDataHub::start().await.unwrap();
    let server = Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
        .env("DATAHUB_MCP_MAX_CONCURRENT_REQUESTS", "16")
        .start()
        .unwrap();
    assert_eq!(list(&server, "known-token").await.status, 200);

    datahub.behave(integration_tests::Behaviour::Stall);
    let before = datahub.in_flight();
    let address = server.address();
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;
    let mut held = Vec::new();
    for n in 0..32 {
        let headers = bearer(&format!("made-up-token-{n}"));
        let request = head(address, "/mcp", body.len(), &headers) + body;
        held.push(opened(address, &request).await);
    }
    until("DataHub is asked about some", async || {
        datahub.in_flight() >= before + 4
    })
    .await;
    for _ in 0..4 {
        assert_eq!(list(&server, "known-token").await.status, 200);
    }
}

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

/// F-08: where few files may be open, a flood of connections costs nobody the server.
#[tokio::test]
async fn a_server_that_may_open_few_files_outlives_a_flood_of_connections() {
    let datahub = StubDataHub::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let server = Server::script(directory.path(), "ulimit -n 96; exec datahub-mcp serve")
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
        .start()
        .unwrap();
    until("the limit is told", async || {
        server
            .output()
            .contains("the limit of open files is too low")
    })
    .await;
    let mut flood = Vec::new();
    for _ in 0..300 {
        flood.push(opened(server.address(), "POST /mcp HTTP/1.1\r\n").await);
    }
    assert_eq!(health(&server).await, 200);
    drop(flood);
    until("people are served again", async || {
        let mcp = server.mcp();
        let reply = mcp.rpc(Some("known-token"), "tools/list", json!({})).await;
        reply.is_ok_and(|reply| reply.status == 200)
    })
    .await;
}

#[tokio::test]
async fn an_expression_that_would_take_hours_holds_nobody_up() {
    let datahub = StubDataHub::start().await.unwrap();
    let server = Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
        .start()
        .unwrap();
    assert_eq!(list(&server, "greedy").await.status, 200);
    let urn = "urn:li:document:capitals";
    let document = json!({"data": {"document": {
        "urn": urn, "type": "DOCUMENT", "exists": true,
        "info": {"title": "Capitals", "contents": {"text": "A".repeat(300_000)}},
    }}});
    let answer = integration_tests::Behaviour::Fixed(200, document.to_string(), "application/json");
    datahub.behave_to("greedy", answer);
    let arguments = json!({"urns": [urn], "pattern": ".*[^A-Z]|[A-Z]"});
    let mcp = server.mcp();
    let calls = (0..8).map(|_| mcp.call(Some("greedy"), "grep_documents", arguments.clone()));
    let calls = futures::future::join_all(calls);
    let others = async {
        for _ in 0..10 {
            assert_eq!(health(&server).await, 200);
            assert_eq!(list(&server, "somebody-else").await.status, 200);
        }
    };
    let (calls, ()) = tokio::time::timeout(PATIENCE, futures::future::join(calls, others))
        .await
        .unwrap();
    for reply in calls {
        let reply = reply.unwrap();
        assert!(!reply.is_tool_error(), "{}", reply.text);
        let next = reply.structured()["next"].as_str().unwrap();
        assert!(next.contains("with start_offset"), "{next}");
    }
}

#[tokio::test]
async fn networks_that_share_a_token_do_not_wait_for_each_other() {
    let datahub = StubDataHub::start().await.unwrap();
    let server = Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("DATAHUB_GMS_TOKEN", "shared")
        .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
        .env("DATAHUB_MCP_GMS_MAX_IN_FLIGHT", "16")
        .start()
        .unwrap();
    datahub.behave(integration_tests::Behaviour::Stall);
    let address = server.address();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_me","arguments":{}}}"#;
    let headers = "Content-Type: application/json\r\nAccept: application/json\r\n";
    let request = head(address, "/mcp", call.len(), headers) + call;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(opened(address, &request).await);
    }
    until("half of the calls are taken", async || {
        datahub.in_flight() >= 8
    })
    .await;
    datahub.behave(integration_tests::Behaviour::Echo);
    let close = head(
        address,
        "/mcp",
        call.len(),
        &format!("Connection: close\r\n{headers}"),
    ) + call;
    let stranger = STRANGER.parse().unwrap();
    let refused = raw::send_from(stranger, address, close.as_bytes())
        .await
        .unwrap();
    assert!(refused.contains("too many calls to DataHub"), "{refused}");
    let mcp = server.mcp();
    let reply = mcp.call(None, "get_me", json!({})).await.unwrap();
    assert!(!reply.is_tool_error(), "{}", reply.text);
}

#[tokio::test]
async fn long_heads_that_do_not_end_have_room_together() {
    let datahub = StubDataHub::start().await.unwrap();
    let server = Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
        .env("DATAHUB_MCP_HEADER_TIMEOUT_SECS", "3600")
        .start()
        .unwrap();
    let begun = format!("GET /health HTTP/1.1\r\nX: {}", "a".repeat(60_000));
    let mut held = Vec::new();
    for _ in 0..340 {
        held.push(opened(server.address(), &begun).await);
    }
    // Half of the room is less than this many.
    let mut first_ended = Vec::new();
    for stream in &mut held {
        first_ended.push(Box::pin(raw::read_to_close(stream)));
    }
    let ended = futures::future::select_all(first_ended);
    assert!(tokio::time::timeout(PATIENCE, ended).await.is_ok());
    assert_eq!(health(&server).await, 200);
    let long = format!(
        "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: {}\r\n\r\n",
        "a".repeat(60_000)
    );
    let answer = raw::send(server.address(), long.as_bytes()).await.unwrap();
    assert_eq!(raw::status(&answer), Some(200), "another network");
}

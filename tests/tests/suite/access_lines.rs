//! The one line that each request leaves in the log: who, through which app, did what, and how it
//! ended.

use std::time::Duration;

use integration_tests::{Behaviour, Reply, Server, ServerBuilder, hex, raw, until};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    oauth_world::{self, App, Browser},
    world::World,
};

async fn world() -> World {
    World::with(
        sandbox::idp::Options::default(),
        |builder: ServerBuilder| {
            builder
                .env("TOOLS_IS_MUTATION_ENABLED", "true")
                .env("TOOL_SCOPES", "create_tag=tags")
                .env("DATAHUB_MCP_ADMIN_ADDRESS", "127.0.0.1:0")
        },
    )
    .await
}

/// The access lines of the request `id`.
fn lines_of(server: &Server, id: &str) -> Vec<Value> {
    let output = server.output();
    let lines = output.lines().filter_map(|line| {
        // The last line may still be on its way.
        let line: Value = serde_json::from_str(line).ok()?;
        (line["target"] == "access" && line["request_id"] == id).then_some(line)
    });
    lines.collect()
}

/// The only access line of the request `id`.
async fn line_of(server: &Server, id: &str) -> Value {
    until("the request is in the log", async || {
        !lines_of(server, id).is_empty()
    })
    .await;
    let mut lines = lines_of(server, id);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

async fn line(world: &World, reply: &Reply) -> Value {
    line_of(&world.server, reply.header("x-request-id")).await
}

fn assert_line(line: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&line[name], value, "{name} in {line}");
    }
}

fn broken(status: u16, body: &Value) -> Behaviour {
    Behaviour::Fixed(status, body.to_string(), "application/json")
}

#[tokio::test]
async fn a_call_is_named_and_its_failure_looks_different_from_success() {
    let world = world().await;
    let token = world.idp.access_token("editor");
    let mcp = world.server.mcp();
    let call = async |tool: &str, arguments: Value| {
        let reply = mcp.call(Some(&token), tool, arguments).await.unwrap();
        let mut line = line(&world, &reply).await;
        line["answered"] = json!(reply.status);
        line
    };
    let ok = call("get_me", json!({})).await;
    let named =
        json!({"mcp_method": "tools/call", "tool": "get_me", "status": 200, "outcome": "ok"});
    assert_line(&ok, &named);
    assert!(
        ok["reason"].is_null() && ok["writes_sent"].is_null(),
        "{ok}"
    );
    assert_eq!(ok["client_address"], "127.0.0.1", "{ok}");

    let wrong = call("search", json!({"filter": "platform ="})).await;
    let failed =
        json!({"tool": "search", "status": 200, "outcome": "tool_error", "reason": "arguments"});
    assert_line(&wrong, &failed);
    let unknown = call("serch", json!({})).await;
    let invalid = json!({"tool": "serch", "outcome": "invalid", "reason": "unknown_tool"});
    assert_line(&unknown, &invalid);
    let lacking = call("create_tag", json!({"name": "x"})).await;
    let denied = json!({"tool": "create_tag", "status": 403, "outcome": "denied", "reason": "insufficient_scope"});
    assert_line(&lacking, &denied);

    let no = json!({"errors": [{"message": "no", "extensions": {"code": 403, "type": "UNAUTHORIZED"}}], "data": null});
    world.datahub.behave(broken(200, &no));
    let denied = json!({"status": 200, "outcome": "denied", "reason": "datahub_forbids"});
    assert_line(&call("get_me", json!({})).await, &denied);
    world.datahub.behave(broken(500, &json!({})));
    let failed = json!({"status": 200, "outcome": "tool_error", "reason": "datahub_unavailable"});
    assert_line(&call("get_me", json!({})).await, &failed);
    world.datahub.behave(Behaviour::Unauthorized);
    let denied = json!({"tool": "get_me", "status": 401, "outcome": "denied", "reason": "datahub_refuses_token"});
    assert_line(&call("get_me", json!({})).await, &denied);
}

#[tokio::test]
async fn what_is_no_tools_business_has_an_outcome_and_a_reason_too() {
    let world = world().await;
    let token = world.idp.access_token("editor");
    let mcp = world.server.mcp();
    for (method, params, outcome, reason) in [
        ("tools/list", json!({}), "ok", Value::Null),
        (
            "no/such",
            json!({}),
            "invalid",
            json!("method_or_parameters"),
        ),
        (
            "prompts/get",
            json!({"name": "no-such"}),
            "invalid",
            json!("arguments"),
        ),
        (
            "resources/read",
            json!({"uri": "datahub://nonsense"}),
            "tool_error",
            json!("arguments"),
        ),
    ] {
        let reply = mcp.rpc(Some(&token), method, params).await.unwrap();
        let expected = json!({"mcp_method": method, "outcome": outcome, "reason": reason});
        assert_line(&line(&world, &reply).await, &expected);
    }
    let refused = mcp
        .rpc(Some("garbage"), "tools/list", json!({}))
        .await
        .unwrap();
    let expected =
        json!({"status": 401, "outcome": "denied", "reason": "invalid_token", "subject": ""});
    assert_line(&line(&world, &refused).await, &expected);
    let request = mcp.request(Some(&token)).body("{");
    let reply = integration_tests::mcp::reply(request).await.unwrap();
    let expected = json!({"status": 400, "outcome": "refused", "reason": "not_json"});
    assert_line(&line(&world, &reply).await, &expected);
}

#[tokio::test]
async fn the_line_names_the_app_and_no_app_can_forge_a_line() {
    let world = world().await;
    let token = world.idp.access_token("editor");
    let mcp = world.server.mcp();
    let send = async |message: Value| {
        let request = mcp
            .request(Some(&token))
            .header("User-Agent", "lighthouse/3");
        let reply = integration_tests::mcp::reply(request.body(message.to_string())).await;
        line(&world, &reply.unwrap()).await
    };
    let list = |params: Value| json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params});
    let by_header = send(list(json!({}))).await;
    assert_eq!(by_header["agent"], "lighthouse/3", "{by_header}");
    let info = |name: &str| json!({"_meta": {"io.modelcontextprotocol/clientInfo": {"name": name, "version": "2"}}});
    let by_info = send(list(info("lamp"))).await;
    assert_eq!(by_info["agent"], "lamp/2", "{by_info}");
    let hostile = send(list(info("a\nb\u{1b}[2J\u{202e}c"))).await;
    assert_eq!(hostile["agent"], "ab[2Jc/2", "{hostile}");
    let long = send(list(info(&"long".repeat(1_000)))).await;
    assert!(long["agent"].as_str().unwrap().len() < 100, "{long}");
    let method = json!({"jsonrpc": "2.0", "id": 1, "method": "a\u{1b}b".repeat(1_000)});
    let method = send(method).await;
    assert!(
        method["mcp_method"].as_str().unwrap().starts_with("abab"),
        "{method}"
    );
    assert!(
        method["mcp_method"].as_str().unwrap().len() < 100,
        "{method}"
    );
}

#[tokio::test]
async fn the_line_of_a_token_of_ours_names_the_app_as_the_sign_in_did() {
    let world = oauth_world::start().await;
    let app = App::register(&world, oauth_world::REDIRECT).await;
    let url = app.authorize_url(oauth_world::REDIRECT);
    let back = Browser::default().sign_in(&url, "editor").await;
    let tokens = app.redeem(&back, oauth_world::REDIRECT).await;
    let token = oauth_world::text(&tokens, "access_token");
    let mcp = world.server.mcp();
    let reply = mcp.call(Some(token), "get_me", json!({})).await.unwrap();
    let line = line(&world, &reply).await;
    let output = world.server.output();
    let signed_in = output
        .lines()
        .find(|line| line.contains("person signed in"));
    let signed_in: Value = serde_json::from_str(signed_in.unwrap()).unwrap();
    assert!(
        signed_in["client"]
            .as_str()
            .is_some_and(|client| !client.is_empty())
    );
    assert_eq!(line["client"], signed_in["client"], "{line}");
}

/// The digest of `person` in the line of a call.
async fn digest(world: &World, person: &str) -> String {
    let token = world.idp.access_token(person);
    let mcp = world.server.mcp();
    let reply = mcp
        .rpc(Some(&token), "tools/list", json!({}))
        .await
        .unwrap();
    let line = line(world, &reply).await;
    line["subject"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_list_of_names_does_not_undo_the_digests_of_people() {
    let ours = world().await;
    let editor = digest(&ours, "editor").await;
    assert_eq!(editor.len(), 16);
    assert_eq!(editor, digest(&ours, "editor").await);
    assert_ne!(editor, digest(&ours, "viewer").await);
    let guess = hex(&Sha256::digest("editor"));
    assert!(!guess.starts_with(&editor), "it is the plain digest");
    // The key is this process's own ...
    assert_ne!(editor, digest(&world().await, "editor").await);
    // ... or that of all who share the key of the sign-in.
    let (one, other) = (oauth_world::start().await, oauth_world::start().await);
    let shared = digest(&one, "editor").await;
    // What the commands in `host/docs/logs-and-metrics.md` print for this key.
    assert_eq!(shared, "03b267e17f4e0643");
    assert_eq!(shared, digest(&other, "editor").await);
    let output = one.server.output() + &ours.server.output();
    assert!(!output.contains("\"editor\""), "{output}");
}

/// A call as it goes over the wire, under the name `id`.
fn wire(world: &World, id: &str, tool: &str, arguments: &Value) -> String {
    let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": 1}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let (body, token) = (body.to_string(), world.idp.access_token("editor"));
    format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nX-Request-Id: {id}\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n\r\n{body}",
        world.server.address(),
        body.len(),
    )
}

#[tokio::test]
async fn a_call_whose_client_left_has_its_line_with_the_change_that_was_begun() {
    let world = world().await;
    digest(&world, "editor").await;
    let tags = json!({"tag_urns": ["urn:li:tag:pii"], "entity_urns": ["urn:li:domain:x"]});
    let calls = [
        ("left-a-read", "get_me", json!({}), Value::Null),
        ("left-a-write", "add_tags", tags, json!(1)),
    ];
    for (id, tool, arguments, writes) in calls {
        // Whatever is read before a change is answered.
        let stalls = match tool {
            "add_tags" => Behaviour::StallMutations,
            _ => Behaviour::Stall,
        };
        world.datahub.behave(stalls);
        let address = world.server.address();
        let mut stream = raw::connect_from("127.0.0.1".parse().unwrap(), address)
            .await
            .unwrap();
        let bytes = wire(&world, id, tool, &arguments);
        stream.write_all(bytes.as_bytes()).await.unwrap();
        until("the call waits for DataHub", async || {
            world.datahub.stalled() == 1
        })
        .await;
        assert!(lines_of(&world.server, id).is_empty());
        drop(stream);
        let line = line_of(&world.server, id).await;
        let answered = if writes.is_null() {
            Value::Null
        } else {
            json!(0)
        };
        let expected = json!({"tool": tool, "status": 499, "outcome": "client_left",
            "writes_sent": writes, "writes_answered": answered, "validator": "oidc:oidc"});
        assert_line(&line, &expected);
        assert_eq!(line["subject"].as_str().unwrap().len(), 16, "{line}");
        until("DataHub's call ended", async || {
            world.datahub.stalled() == 0
        })
        .await;
    }
    until("the calls are counted", async || {
        let metrics = world.server.metrics().await.unwrap();
        [
            r#"datahub_mcp_requests_total{route="/mcp",method="POST",status="499"} 2"#,
            r#"datahub_mcp_tool_calls_total{tool="get_me",outcome="cancelled"} 1"#,
            r#"datahub_mcp_tool_calls_total{tool="add_tags",outcome="cancelled"} 1"#,
        ]
        .iter()
        .all(|line| metrics.lines().any(|found| found == *line))
    })
    .await;
}

#[tokio::test]
async fn a_head_that_cannot_be_read_has_its_line() {
    let world = world().await;
    let address = world.server.address();
    let long = "a".repeat(200 * 1_024);
    for (head, status) in [
        (
            "GET /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 05\r\n\r\n".to_owned(),
            400,
        ),
        ("GET /mcp HTTP/1.1\r\nHost : x\r\n\r\n".to_owned(), 400),
        (format!("GET /mcp HTTP/1.1\r\nX: {long}\r\n\r\n"), 431),
    ] {
        let found = || {
            let output = world.server.output();
            let lines = output.lines().map(serde_json::from_str);
            let lines = lines.filter_map(Result::<Value, _>::ok);
            let mut lines: Vec<_> = lines
                .filter(|line| line["reason"] == "unreadable_head" && line["status"] == status)
                .collect();
            (lines.len(), lines.pop())
        };
        let before = found().0;
        let source = "127.0.0.2".parse().unwrap();
        raw::send_from(source, address, head.as_bytes())
            .await
            .unwrap();
        until("the line is there", async || found().0 > before).await;
        let expected = json!({"outcome": "refused", "client_address": "127.0.0.2"});
        assert_line(&found().1.unwrap(), &expected);
    }
}

#[tokio::test]
async fn a_call_that_is_answered_by_a_stream_has_its_line_at_the_end_of_the_stream() {
    let world = world().await;
    digest(&world, "editor").await;
    world
        .datahub
        .behave(Behaviour::Slow(Duration::from_secs(2)));
    let urns: Vec<_> = (0..20)
        .map(|number| format!("urn:li:tag:t{number}"))
        .collect();
    let address = world.server.address();
    let mut stream = raw::connect_from("127.0.0.1".parse().unwrap(), address)
        .await
        .unwrap();
    let bytes = wire(&world, "streamed", "get_entities", &json!({"urns": urns}));
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut head = String::new();
    while !head.contains("notifications/progress") {
        let mut piece = [0; 1_024];
        let length = stream.read(&mut piece).await.unwrap();
        assert!(length > 0, "{head}");
        head.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    assert!(head.contains("text/event-stream"), "{head}");
    drop(stream);
    let expected = json!({"tool": "get_entities", "outcome": "client_left"});
    assert_line(&line_of(&world.server, "streamed").await, &expected);
}

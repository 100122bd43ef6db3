//! Tests of the server through its HTTP service, as `server` mounts it, with a fake DataHub behind.

mod entities;
mod lineage;
mod reference;
mod search;
mod tools;

use std::sync::Arc;

use datahub::{
    Caller, HttpOutcome,
    fake::{Fake, Reply, Seen, json as answer, reply},
};
use foundation::identity::{Acceptance, Lease, TokenDigest, Verdict};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{HttpSettings, McpServer, Settings, ToolScopes, registry::Registry};

/// A caller with these scopes, whose DataHub is the fake.
pub(super) fn caller(fake: &Fake, scopes: &[&str]) -> Caller {
    let acceptance = Acceptance {
        subject: "ada".to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expires_at: None,
        validator: "test".to_owned(),
        datahub_token: "canary-token".into(),
        token_digest: TokenDigest::of("presented"),
    };
    let verdict = Verdict::accept(acceptance, Lease::default());
    let principal = Arc::clone(verdict.principal().expect("accepted"));
    Caller::new(principal, fake.client())
}

/// Sends one JSON-RPC request over HTTP; returns the status and the body.
pub(super) async fn post(server: &McpServer, caller: &Caller, body: &Value) -> (u16, Value) {
    let settings = HttpSettings {
        max_body_bytes: 1024 * 1024,
        shutdown: tokio_util::sync::CancellationToken::new(),
    };
    let mut builder = http::Request::post("/mcp")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    // The later protocol era repeats in headers some members of the body.
    let version = &body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
    if let (Some(version), Some(method)) = (version.as_str(), body["method"].as_str()) {
        builder = builder
            .header("mcp-protocol-version", version)
            .header("mcp-method", method);
        if let Some(name) = body["params"]["name"].as_str() {
            builder = builder.header("mcp-name", name);
        }
    }
    let mut request = builder
        .body(axum::body::Body::from(bytes::Bytes::from(body.to_string())))
        .unwrap();
    request.extensions_mut().insert(caller.clone());
    let response = server
        .clone()
        .into_http(settings)
        .oneshot(request)
        .await
        .unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes)));
    (status, value)
}

/// Calls a tool; returns the member `result`.
pub(super) async fn call(
    server: &McpServer,
    caller: &Caller,
    tool: &str,
    arguments: Value,
) -> Value {
    let (status, body) = post(
        server,
        caller,
        &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": {"name": tool, "arguments": arguments}}),
    )
    .await;
    assert_eq!(status, 200, "{body}");
    body["result"].clone()
}

/// Calls a tool that cannot be called; returns the member `error`.
pub(super) async fn refused(server: &McpServer, caller: &Caller, tool: &str) -> Value {
    let (_, body) = post(
        server,
        caller,
        &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}}),
    )
    .await;
    assert!(body.get("result").is_none(), "{body}");
    body["error"].clone()
}

/// Settings with everything switched on.
pub(super) fn everything() -> Settings {
    Settings {
        mutations: true,
        data_quality: true,
        semantic_search: true,
        ..Settings::default()
    }
}

/// The text of a failed call.
pub(super) fn error_text(result: &Value) -> &str {
    assert_eq!(result["isError"], true, "{result}");
    result["content"][0]["text"].as_str().unwrap()
}

fn one_hit(seen: Seen) -> Reply {
    match seen.body["operationName"].as_str() {
        Some("defaultView") => answer(&json!({"data": {"me": null, "globalViewsSettings": {
            "defaultView": "urn:li:dataHubView:v"}}})),
        _ => {
            assert_eq!(
                seen.body["variables"]["input"]["viewUrn"],
                "urn:li:dataHubView:v"
            );
            answer(&json!({"data": {"searchAcrossEntities": {
                "start": 0, "count": 1, "total": 3,
                "searchResults": [{"entity": {"urn": "urn:li:tag:a", "type": "TAG", "name": null}}],
                "facets": [{"field": "platform", "aggregations": []}]
            }}}))
        }
    }
}

#[tokio::test]
async fn both_eras_list_the_tools_in_less_than_24_kilobytes() {
    let fake = Fake::start(one_hit).await;
    let server = McpServer::new(everything()).unwrap();
    let who = caller(&fake, &[]);
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    let (status, body) = post(&server, &who, &list).await;
    assert_eq!(status, 200, "{body}");
    assert!(
        body.to_string().len() < 24_000,
        "{}",
        body.to_string().len()
    );
    let tools = body["result"]["tools"].as_array().unwrap();
    for tool in tools {
        let schema = tool["inputSchema"].to_string();
        assert!(
            !schema.contains("anyOf") && !schema.contains("oneOf"),
            "{tool}"
        );
        assert!(tool["title"].is_string() && tool["annotations"]["readOnlyHint"].is_boolean());
        assert_eq!(tool["outputSchema"]["type"], "object");
    }
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"}}});
    let (_, body) = post(&server, &who, &initialize).await;
    assert_eq!(body["result"]["serverInfo"]["name"], "datahub-mcp");
    assert!(
        body["result"]["instructions"]
            .as_str()
            .unwrap()
            .contains("search")
    );

    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {}});
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list",
        "params": {"_meta": meta}});
    let (status, body) = post(&server, &who, &list).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["result"]["cacheScope"], "private");
    assert_eq!(body["result"]["resultType"], "complete");
}

#[tokio::test]
async fn search_names_its_results_as_datahub_does() {
    let fake = Fake::start(one_hit).await;
    let server = McpServer::new(Settings::default()).unwrap();
    let result = call(
        &server,
        &caller(&fake, &[]),
        "search",
        json!({"num_results": 1}),
    )
    .await;
    let expected = json!({
        "start": 0,
        "count": 1,
        "total": 3,
        "searchResults": [{"entity": {"urn": "urn:li:tag:a"}}],
        "next": "2 more; call again with offset=1"
    });
    assert_eq!(result["structuredContent"], expected);
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    let mut without_next = expected;
    without_next.as_object_mut().unwrap().shift_remove("next");
    assert_eq!(text, without_next);
    let next = &result["content"][1]["text"];
    assert_eq!(next, "2 more; call again with offset=1");
}

#[tokio::test]
async fn a_wrong_call_is_told_how_to_be_right() {
    let fake = Fake::start(one_hit).await;
    let server = McpServer::new(Settings::default()).unwrap();
    let who = caller(&fake, &[]);
    let error = refused(&server, &who, "serch").await;
    assert_eq!(error["code"], -32602);
    assert_eq!(
        error["message"],
        "Unknown tool: serch; did you mean search?"
    );
    let error = refused(&server, &who, "zzzzzz").await;
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("Unknown tool: zzzzzz; tools: search, get_entities,"));
    let result = call(&server, &who, "search", json!({"filters": "a=b"})).await;
    assert!(error_text(&result).contains("did you mean `filter`?"));
    let result = call(&server, &who, "search", json!({"filter": "a LIKE b"})).await;
    assert!(error_text(&result).contains("position 2"));
    assert_eq!(fake.hits(), 0);
}

#[tokio::test]
async fn a_refused_token_decides_the_http_status() {
    let fake = Fake::start(|_| reply(401, "")).await;
    let server = McpServer::new(Settings::default()).unwrap();
    let who = caller(&fake, &[]);
    let result = call(&server, &who, "search", json!({})).await;
    assert!(error_text(&result).contains("sign in again"));
    assert_eq!(who.outcome(), Some(HttpOutcome::TokenRefused));
    assert!(!result.to_string().contains("canary"));
}

#[tokio::test]
async fn an_answer_of_other_types_is_an_error_and_never_nothing_found() {
    let fake = Fake::start(|seen: Seen| match seen.body["operationName"].as_str() {
        Some("defaultView") => answer(&json!({"data": {"me": {}}})),
        _ => answer(&json!({"data": {
            "me": 7, "entity": "gone", "dataset": [],
            "searchAcrossEntities": {"total": "many", "searchResults": 7},
            "searchAcrossLineage": {}, "listQueries": true,
        }})),
    })
    .await;
    let server = McpServer::new(everything()).unwrap();
    let who = caller(&fake, &[]);
    let table = "urn:li:dataset:(urn:li:dataPlatform:hive,t,PROD)";
    for (tool, arguments) in [
        ("get_me", json!({})),
        ("search", json!({"query": "orders"})),
        ("search_documents", json!({"query": "orders"})),
        ("get_entities", json!({"urns": table})),
        ("list_schema_fields", json!({"urn": table})),
        ("get_lineage", json!({"urn": table})),
        ("get_dataset_queries", json!({"urn": table})),
        ("get_usage_statistics", json!({"urn": table})),
        ("get_dataset_profile", json!({"urn": table})),
        ("get_dataset_assertions", json!({"urn": table})),
        ("create_tag", json!({"name": "new"})),
    ] {
        let result = call(&server, &who, tool, arguments).await;
        let text = error_text(&result);
        assert!(text.contains("another type"), "{tool}: {text}");
    }
}

#[tokio::test]
async fn missing_scopes_are_named_all_at_once() {
    let fake = Fake::start(one_hit).await;
    let scopes = ToolScopes::parse("search=catalog:read catalog:find").unwrap();
    let server = McpServer::new(Settings {
        scopes,
        ..Settings::default()
    })
    .unwrap();
    let who = caller(&fake, &["catalog:read"]);
    let result = call(&server, &who, "search", json!({})).await;
    assert!(error_text(&result).contains("catalog:read and catalog:find"));
    let all = vec!["catalog:read".to_owned(), "catalog:find".to_owned()];
    assert_eq!(who.outcome(), Some(HttpOutcome::InsufficientScope(all)));
    let who = caller(&fake, &["catalog:find", "catalog:read"]);
    assert!(call(&server, &who, "search", json!({})).await["isError"] != true);
}

#[test]
fn scopes_of_no_tool_stop_the_start() {
    let scopes = ToolScopes::parse("serch=a").unwrap();
    let error = McpServer::new(Settings {
        scopes,
        ..Settings::default()
    })
    .err()
    .unwrap();
    assert!(error.to_string().contains("is it `search`?"));
}

#[tokio::test]
async fn a_request_without_a_caller_reaches_nothing() {
    let fake = Fake::start(one_hit).await;
    let server = McpServer::new(Settings::default()).unwrap();
    let settings = HttpSettings {
        max_body_bytes: 1024,
        shutdown: tokio_util::sync::CancellationToken::new(),
    };
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                      "params": {"name": "search", "arguments": {}}});
    let request = |origin: Option<&str>| {
        let mut builder = http::Request::post("/mcp")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if let Some(origin) = origin {
            builder = builder.header("origin", origin);
        }
        builder
            .body(axum::body::Body::from(bytes::Bytes::from(body.to_string())))
            .unwrap()
    };
    let service = server.into_http(settings);
    let response = service.clone().oneshot(request(None)).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&bytes).contains("no caller"));
    let foreign = service.oneshot(request(Some("https://evil.example")));
    assert_eq!(foreign.await.unwrap().status(), 403);
    assert_eq!(fake.hits(), 0);
}

#[tokio::test]
async fn resources_prompts_and_completions_are_there() {
    let fake = Fake::start(|seen: Seen| match seen.body["operationName"].as_str() {
        Some("autocomplete") => answer(&json!({"data": {"autoCompleteForMultiple": {
            "suggestions": [{"type": "TAG", "entities": [{"urn": "urn:li:tag:PII"}]}]}}})),
        _ => answer(&json!({"data": {"entity": {"urn": "urn:li:tag:PII", "type": "TAG"}}})),
    })
    .await;
    let server = McpServer::new(Settings::default()).unwrap();
    let who = caller(&fake, &[]);
    let ask = async |method: &str, params: Value| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        post(&server, &who, &body).await.1
    };
    let templates = ask("resources/templates/list", json!({})).await;
    assert_eq!(
        templates["result"]["resourceTemplates"][0]["uriTemplate"],
        "datahub://{urn}"
    );
    let read = ask("resources/read", json!({"uri": "datahub://urn:li:tag:PII"})).await;
    let text = read["result"]["contents"][0]["text"].as_str().unwrap();
    assert!(text.contains("urn:li:tag:PII"));
    let wrong = ask("resources/read", json!({"uri": "datahub://PII"})).await;
    assert!(
        wrong["error"]["message"]
            .as_str()
            .unwrap()
            .contains("datahub://urn:li:tag:PII")
    );
    let complete = ask(
        "completion/complete",
        json!({"ref": {"type": "ref/resource", "uri": "datahub://{urn}"},
               "argument": {"name": "urn", "value": "PI"}}),
    )
    .await;
    assert_eq!(
        complete["result"]["completion"]["values"],
        json!(["urn:li:tag:PII"])
    );
    let prompts = ask("prompts/list", json!({})).await;
    assert_eq!(prompts["result"]["prompts"].as_array().unwrap().len(), 3);
    let prompt = ask(
        "prompts/get",
        json!({"name": "explain_table", "arguments": {"urn": "orders"}}),
    )
    .await;
    assert!(
        prompt["result"]["messages"][0]["content"]["text"]
            .as_str()
            .unwrap()
            .contains("orders")
    );
}

#[tokio::test]
async fn what_was_written_before_is_what_the_library_writes() {
    let fake = Fake::start(one_hit).await;
    let server = McpServer::new(Settings::default()).unwrap();
    let who = caller(&fake, &[]);
    let list = json!({"jsonrpc": "2.0", "id": "\"tools\":[]", "method": "tools/list"});
    let (status, body) = post(&server, &who, &list).await;
    let registry = Registry::new(&Settings::default()).unwrap();
    let tools = registry.list(|_| true).tools;
    assert_eq!((status, &body["id"]), (200, &list["id"]));
    assert_eq!(
        body["result"]["tools"],
        serde_json::to_value(tools).unwrap()
    );
    let result = call(&server, &who, "search", json!({"query": "x"})).await;
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("urn:li:"), "{text}");
    let mut structured = result["structuredContent"].clone();
    let next = structured.as_object_mut().unwrap().shift_remove("next");
    assert_eq!(text, structured.to_string());
    assert_eq!(Some(&result["content"][1]["text"]), next.as_ref());
}

//! The work on one answer: the whole MCP service, with a stand-in for DataHub that sends what the sandbox
//! answers. Run by hand: `cargo bench -p datahub-mcp-mcp --bench answers -- search 2000`.
//!
//! On a busy machine, instructions say more than time: run the program that this builds under `valgrind
//! --tool=callgrind`, for two numbers of calls. The difference of the counts, divided by that of the numbers,
//! is one call.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::body::Body;
use datahub::{
    Caller,
    fake::{Fake, Seen, reply},
};
use datahub_mcp_mcp::{HttpSettings, McpHttpService, McpServer, Settings};
use foundation::identity::{Acceptance, Lease, TokenDigest, Verdict};
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

/// The sandbox's answers to the documents that the calls send.
const SEARCH: &str = include_str!("answers/search.json");
const ME: &str = include_str!("answers/me.json");
const NO_VIEW: &str = r#"{"data":{"me":null,"globalViewsSettings":null}}"#;

#[expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let tool = args.next().unwrap_or_else(|| "search".to_owned());
    let calls = args.next().and_then(|calls| calls.parse().ok());
    let calls: u32 = calls.unwrap_or(1000);
    let arguments = match tool.as_str() {
        "search" => json!({"query": "orders"}),
        _ => json!({}),
    };
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": tool, "arguments": arguments}});
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (took, bytes) = runtime.block_on(run(&call, calls));
    let each = took / calls.max(1);
    println!("{tool}: {each:?} a call, the stand-in's part included; {bytes} bytes");
}

/// Makes `calls` calls; returns the time of all of them and the length of the last answer.
async fn run(call: &Value, calls: u32) -> (Duration, usize) {
    let fake = Fake::start(|seen: Seen| {
        let answer = match seen.body["operationName"].as_str() {
            Some("search") => SEARCH,
            Some("getMe") => ME,
            _ => NO_VIEW,
        };
        reply(200, answer)
    })
    .await;
    let caller = caller(&fake);
    let service = McpServer::new(Settings::default())
        .expect("default settings")
        .into_http(HttpSettings {
            max_body_bytes: 1024 * 1024,
            shutdown: tokio_util::sync::CancellationToken::new(),
        });
    let body = bytes::Bytes::from(call.to_string());
    let begin = Instant::now();
    let mut length = 0;
    for _ in 0..calls {
        length = post(&service, &caller, body.clone()).await;
    }
    (begin.elapsed(), length)
}

/// A caller whose DataHub is the stand-in.
fn caller(fake: &Fake) -> Caller {
    let acceptance = Acceptance {
        subject: "ada".to_owned(),
        scopes: Vec::new(),
        expires_at: None,
        validator: "test".to_owned(),
        datahub_token: "a-token".into(),
        token_digest: TokenDigest::of("presented"),
    };
    let verdict = Verdict::accept(acceptance, Lease::default());
    let principal = Arc::clone(verdict.principal().expect("accepted"));
    Caller::new(principal, fake.client())
}

/// Sends one call; returns the length of the answer.
async fn post(service: &McpHttpService, caller: &Caller, body: bytes::Bytes) -> usize {
    let mut request = Request::post("/mcp")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(Body::from(body))
        .expect("a request");
    request.extensions_mut().insert(caller.clone());
    let Ok(response) = service.clone().oneshot(request).await;
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await;
    body.expect("an answer").to_bytes().len()
}

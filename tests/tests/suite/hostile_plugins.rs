//! Plugins that panic, hang, block, lie and shout: the request gets 503, the host lives, others are
//! served.

use integration_tests::{Mcp, Reply, Server, ServerBuilder, StubDataHub, artifacts};
use serde_json::{Value, json};

/// A server with the validator `hostile:factory`, with `options`, and a short deadline.
fn hostile(datahub: &StubDataHub, factory: &str, options: &Value) -> ServerBuilder {
    Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("TOKEN_VALIDATOR_FACTORY", format!("hostile:{factory}"))
        .env(
            "TOKEN_VALIDATOR_PLUGIN_DIR",
            artifacts().dir().display().to_string(),
        )
        .env("TOKEN_VALIDATOR_CONFIG", options.to_string())
        .env("TOKEN_VALIDATOR_TIMEOUT_MS", "1000")
        .env("TOKEN_VALIDATOR_BREAKER_FAULTS", "1000")
}

async fn ask(mcp: &Mcp, token: &str) -> Reply {
    mcp.call(Some(token), "search", json!({"query": "*"}))
        .await
        .unwrap()
}

async fn healthy(server: &Server) -> bool {
    let health = server.mcp().http().get(server.url("/health")).send().await;
    health.is_ok_and(|response| response.status() == 200)
}

/// The bad token gets 503, the good one is served before and after, the host lives.
async fn assert_contained(factory: &str, options: Value) -> String {
    let datahub = StubDataHub::start().await.unwrap();
    let server = hostile(&datahub, factory, &options).start().unwrap();
    let mcp = server.mcp();
    let good = ask(&mcp, "good-before").await;
    assert_eq!(good.status, 200, "{factory} {options}: {}", good.text);
    let bad = ask(&mcp, "good-bad").await;
    assert_eq!(bad.status, 503, "{factory} {options}: {}", bad.text);
    assert!(!bad.header("retry-after").is_empty(), "{:?}", bad.headers);
    assert!(healthy(&server).await);
    let good = ask(&mcp, "good-after").await;
    assert_eq!(good.status, 200, "{factory} {options}: {}", good.text);
    let (status, output) = server.stop().unwrap();
    assert!(
        status.success(),
        "{factory} {options}: {status:?}\n{output}"
    );
    output
}

#[tokio::test]
async fn a_panic_in_a_call_costs_that_request_and_no_more() {
    for at in ["try_validate", "first_poll", "later_poll", "payload"] {
        let output = assert_contained("panics", json!({"at": at, "trigger": "good-bad"})).await;
        assert!(
            output.contains("panic"),
            "{at}: the log must say that the plugin panicked:\n{output}"
        );
        assert!(
            !output.contains("good-bad"),
            "{at}: the token is in the log:\n{output}"
        );
    }
}

#[tokio::test]
async fn a_panic_in_create_stops_the_start_with_a_reason() {
    let datahub = StubDataHub::start().await.unwrap();
    let refusal = hostile(&datahub, "panics", &json!({"at": "create"}))
        .refuse()
        .unwrap();
    assert!(
        refusal.status.code().is_some_and(|code| code > 0),
        "{refusal:?}"
    );
    assert!(
        refusal.text.contains("panicked") && refusal.text.contains("hostile"),
        "{}",
        refusal.text
    );
}

#[tokio::test]
async fn a_panic_at_the_end_does_not_spoil_the_shutdown() {
    let datahub = StubDataHub::start().await.unwrap();
    for at in ["health", "shutdown", "drop", "cancel"] {
        let options = json!({"at": at, "trigger": "good-bad"});
        let server = hostile(&datahub, "panics", &options).start().unwrap();
        assert_eq!(ask(&server.mcp(), "good-one").await.status, 200, "{at}");
        if at == "cancel" {
            assert_eq!(ask(&server.mcp(), "good-bad").await.status, 503, "{at}");
        }
        let ready = server
            .mcp()
            .http()
            .get(server.url("/ready"))
            .send()
            .await
            .unwrap();
        assert!(
            matches!(ready.status().as_u16(), 200 | 503),
            "{at}: {}",
            ready.status()
        );
        let (status, output) = server.stop().unwrap();
        assert!(status.success(), "{at}: {status:?}\n{output}");
    }
}

#[tokio::test]
async fn a_hanging_call_ends_at_the_deadline() {
    assert_contained("hangs", json!({"how": "wait", "trigger": "good-bad"})).await;
}

#[tokio::test]
async fn a_blocking_or_spinning_plugin_stalls_itself_alone() {
    for how in ["block", "spin"] {
        let datahub = StubDataHub::start().await.unwrap();
        let options = json!({"how": how, "trigger": "good-bad", "for_ms": 3000});
        let server = hostile(&datahub, "hangs", &options).start().unwrap();
        let mcp = server.mcp();
        assert_eq!(ask(&mcp, "good-before").await.status, 200, "{how}");
        assert_eq!(ask(&mcp, "good-bad").await.status, 503, "{how}");
        // Its own thread is busy; the host, and what it remembers, is not.
        assert!(healthy(&server).await, "{how}");
        assert_eq!(ask(&mcp, "good-before").await.status, 200, "{how}");
    }
}

#[tokio::test]
async fn nonsense_is_refused_and_never_believed() {
    for what in [
        "empty_subject",
        "long_subject",
        "control_subject",
        "past_expiry",
        "huge_claims",
        "many_scopes",
        "control_scopes",
        "no_resolved_token",
        "empty_resolved_token",
        "control_resolved_token",
        "long_resolved_token",
    ] {
        let output =
            assert_contained("nonsense", json!({"what": what, "trigger": "good-bad"})).await;
        assert!(output.len() < 1 << 20, "{what}: a flood in the log");
    }
}

#[tokio::test]
async fn failures_full_of_nonsense_stay_failures() {
    for what in [
        "huge_log_detail",
        "control_log_detail",
        "endless_retry_after",
        "control_oauth_error",
    ] {
        let datahub = StubDataHub::start().await.unwrap();
        let options = json!({"what": what, "trigger": "good-bad"});
        let server = hostile(&datahub, "nonsense", &options).start().unwrap();
        let bad = ask(&server.mcp(), "good-bad").await;
        assert!(
            matches!(bad.status, 401 | 503),
            "{what}: {} {}",
            bad.status,
            bad.text
        );
        assert!(
            bad.headers.iter().all(|(_, value)| value.len() < 1024),
            "{what}: {:?}",
            bad.headers
        );
        assert_eq!(ask(&server.mcp(), "good-after").await.status, 200, "{what}");
        let (_, output) = server.stop().unwrap();
        assert!(output.len() < 1 << 20, "{what}: a flood in the log");
    }
}

#[tokio::test]
async fn a_flood_of_log_records_is_held_back() {
    let datahub = StubDataHub::start().await.unwrap();
    let options = json!({"what": "logs", "count": 20_000, "bytes": 8192, "trigger": "good-bad"});
    let server = hostile(&datahub, "floods", &options).start().unwrap();
    let _ = ask(&server.mcp(), "good-bad").await;
    assert_eq!(ask(&server.mcp(), "good-after").await.status, 200);
    let (_, output) = server.stop().unwrap();
    assert!(output.len() < 16 << 20, "{} bytes of log", output.len());
}

#[tokio::test]
async fn a_plugin_that_blabs_tokens_is_masked() {
    let datahub = StubDataHub::start().await.unwrap();
    let server = hostile(&datahub, "blabs", &json!({}))
        .env("RUST_LOG", "trace")
        .start()
        .unwrap();
    let token = format!("good-{}", "Abcdefgh0123456789".repeat(4));
    let reply = ask(&server.mcp(), &token).await;
    let (_, output) = server.stop().unwrap();
    assert!(
        !output.contains(&token),
        "status {}:\n{output}",
        reply.status
    );
}

#[tokio::test]
async fn the_breaker_opens_on_a_plugin_that_keeps_panicking() {
    let datahub = StubDataHub::start().await.unwrap();
    let options = json!({"at": "first_poll", "trigger": "good-bad"});
    let server = hostile(&datahub, "panics", &options)
        .env("TOKEN_VALIDATOR_BREAKER_FAULTS", "3")
        .env("TOKEN_VALIDATOR_BREAKER_PAUSE_SECS", "1")
        .start()
        .unwrap();
    let mcp = server.mcp();
    for number in 0..5 {
        assert_eq!(ask(&mcp, &format!("good-bad{number}")).await.status, 503);
    }
    // Open: not even a good token is looked at, and nobody is let in.
    assert_eq!(ask(&mcp, "good-new").await.status, 503);
    let closes = async {
        while ask(&mcp, "good-new").await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), closes)
        .await
        .expect("it half-opens");
}

#[tokio::test]
async fn each_kind_of_failure_has_its_status() {
    let datahub = StubDataHub::start().await.unwrap();
    let server = hostile(&datahub, "good", &json!({})).start().unwrap();
    for (token, status) in [
        ("good-person", 200),
        ("rejected-1", 401),
        ("not_mine-1", 401),
        ("unavailable-1", 503),
        ("misconfigured-1", 503),
        ("internal-1", 503),
    ] {
        assert_eq!(ask(&server.mcp(), token).await.status, status, "{token}");
    }
}

#[tokio::test]
async fn a_chain_asks_in_order_until_the_token_is_somebody_s_kind() {
    let datahub = StubDataHub::start().await.unwrap();
    let config =
        json!({"hostile:good": {"otherwise": "not_mine"}, "hostile:options": {"issuer": "x"}});
    let server = hostile(&datahub, "good", &config)
        .env("TOKEN_VALIDATOR_FACTORY", "hostile:good,hostile:options")
        .start()
        .unwrap();
    let mcp = server.mcp();
    assert_eq!(ask(&mcp, "good-person").await.status, 200);
    // Nobody's: the second rejects it.
    assert_eq!(ask(&mcp, "somebody-else").await.status, 401);
    // A failure of the first is no reason to ask the second.
    assert_eq!(ask(&mcp, "unavailable-1").await.status, 503);
}

#[tokio::test]
async fn an_answer_is_remembered_no_longer_than_the_plugin_allows() {
    let datahub = StubDataHub::start().await.unwrap();
    for (options, asked) in [
        (json!({"log_calls": true}), 1),
        (json!({"log_calls": true, "ttl_s": 0}), 3),
    ] {
        let server = hostile(&datahub, "good", &options).start().unwrap();
        for _ in 0..3 {
            assert_eq!(ask(&server.mcp(), "good-person").await.status, 200);
        }
        let (_, output) = server.stop().unwrap();
        assert_eq!(
            output.matches("asked").count(),
            asked,
            "{options}:\n{output}"
        );
    }
}

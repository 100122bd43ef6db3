//! Plugins that panic, hang, block, lie and shout: the request gets 503, the host lives, others are
//! served.

use integration_tests::{Mcp, Reply, Server, ServerBuilder, StubDataHub, artifacts, status, until};
use serde_json::{Value, json};

/// Where the plugins run.
const MODES: [&str; 2] = ["in-process", "process"];

/// A server with the validator `hostile:factory`, with `options`, and a short deadline.
fn hostile(datahub: &StubDataHub, mode: &str, factory: &str, options: &Value) -> ServerBuilder {
    Server::builder()
        .env("PLUGIN_ISOLATION", mode)
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

/// In both modes: the bad token gets 503, good ones are served before and after, the host lives
/// and stops as it should. Gives what each server printed.
async fn assert_contained(factory: &str, options: Value) -> Vec<String> {
    let mut outputs = Vec::new();
    for mode in MODES {
        let what = format!("{mode}, {factory} {options}");
        let datahub = StubDataHub::start().await.unwrap();
        let server = hostile(&datahub, mode, factory, &options).start().unwrap();
        let mcp = server.mcp();
        let good = ask(&mcp, "good-before").await;
        assert_eq!(good.status, 200, "{what}: {}", good.text);
        let bad = ask(&mcp, "good-bad").await;
        assert_eq!(bad.status, 503, "{what}: {}", bad.text);
        assert!(!bad.header("retry-after").is_empty(), "{:?}", bad.headers);
        assert!(healthy(&server).await, "{what}");
        // Its thread may be busy for a while.
        until(&what, async || status(&mcp, "good-after").await == 200).await;
        let (status, output) = server.stop().unwrap();
        assert!(status.success(), "{what}: {status:?}\n{output}");
        assert!(
            !output.contains("good-bad"),
            "{what}: the token is in the log:\n{output}"
        );
        outputs.push(output);
    }
    outputs
}

#[tokio::test]
async fn a_panic_in_a_call_costs_that_request_and_no_more() {
    for at in ["try_validate", "first_poll", "later_poll", "payload"] {
        let options = json!({"at": at, "trigger": "good-bad"});
        for output in assert_contained("panics", options).await {
            assert!(
                output.contains("panic"),
                "{at}: the log must say that the plugin panicked:\n{output}"
            );
        }
    }
}

#[tokio::test]
async fn a_panic_in_create_stops_the_start_with_a_reason() {
    let datahub = StubDataHub::start().await.unwrap();
    for mode in MODES {
        let refusal = hostile(&datahub, mode, "panics", &json!({"at": "create"}))
            .refuse()
            .unwrap();
        assert!(
            refusal.status.code().is_some_and(|code| code > 0),
            "{refusal:?}"
        );
        assert!(
            refusal.text.contains("panicked") && refusal.text.contains("hostile"),
            "{mode}: {}",
            refusal.text
        );
    }
}

/// What is not about a token: the good ones are served, and the server stops as it should.
async fn assert_served_to_the_end(factory: &str, options: Value) {
    for mode in MODES {
        let what = format!("{mode}, {factory} {options}");
        let datahub = StubDataHub::start().await.unwrap();
        let server = hostile(&datahub, mode, factory, &options)
            .env("TOKEN_VALIDATOR_SHUTDOWN_TIMEOUT_SECS", "1")
            .start()
            .unwrap();
        let mcp = server.mcp();
        assert_eq!(ask(&mcp, "good-one").await.status, 200, "{what}");
        if options["at"] == "cancel" {
            assert_eq!(ask(&mcp, "good-bad").await.status, 503, "{what}");
        }
        let ready = mcp.http().get(server.url("/ready")).send().await.unwrap();
        let expected = if options["at"] == "health" { 503 } else { 200 };
        assert_eq!(ready.status(), expected, "{what}");
        until(&what, async || status(&mcp, "good-two").await == 200).await;
        let (status, output) = server.stop().unwrap();
        assert!(status.success(), "{what}: {status:?}\n{output}");
    }
}

#[tokio::test]
async fn a_panic_at_the_end_does_not_spoil_the_shutdown() {
    for at in ["health", "shutdown", "drop", "cancel"] {
        assert_served_to_the_end("panics", json!({"at": at, "trigger": "good-bad"})).await;
    }
}

#[tokio::test]
async fn hanging_health_and_shutdown_cost_their_time_limit() {
    for at in ["health", "shutdown"] {
        assert_served_to_the_end("hangs", json!({"how": "wait", "at": at})).await;
    }
    assert_served_to_the_end("hangs", json!({"how": "block", "at": "shutdown"})).await;
}

#[tokio::test]
async fn a_hang_in_create_stops_the_start_with_a_reason() {
    let datahub = StubDataHub::start().await.unwrap();
    for mode in MODES {
        let refusal = hostile(
            &datahub,
            mode,
            "hangs",
            &json!({"how": "block", "at": "create"}),
        )
        .env("TOKEN_VALIDATOR_START_TIMEOUT_SECS", "1")
        .refuse()
        .unwrap();
        assert!(
            refusal.status.code().is_some_and(|code| code > 0)
                && refusal.text.contains("did not start within 1 seconds"),
            "{mode}: {refusal:?}"
        );
    }
}

#[tokio::test]
async fn a_hanging_call_ends_at_the_deadline() {
    assert_contained("hangs", json!({"how": "wait", "trigger": "good-bad"})).await;
}

#[tokio::test]
async fn a_blocking_or_spinning_plugin_stalls_itself_alone() {
    for how in ["block", "spin"] {
        for at in ["try_validate", "validate"] {
            let options = json!({"how": how, "at": at, "trigger": "good-bad", "for_ms": 3000});
            assert_contained("hangs", options).await;
        }
    }
}

/// Whoever a plugin asks may be what is slow. Then killing its process would take from it what it
/// knows, such as a provider's keys, just when that cannot be had again.
#[tokio::test]
async fn a_process_that_waits_for_somebody_is_not_killed() {
    let datahub = StubDataHub::start().await.unwrap();
    let options = json!({"how": "wait", "trigger": "good-bad"});
    let server = hostile(&datahub, "process", "hangs", &options)
        .start()
        .unwrap();
    let mcp = server.mcp();
    // Each call lasts to its deadline of a second, so this goes on for 16 and nothing is answered.
    for round in 0..16 {
        let calls = (0..8).map(|number| {
            let (mcp, token) = (mcp.clone(), format!("good-bad-{round}-{number}"));
            async move { status(&mcp, &token).await }
        });
        let all = futures::future::join_all(calls).await;
        assert!(all.iter().all(|status| *status == 503), "{all:?}");
    }
    assert_eq!(status(&mcp, "good-after").await, 200);
    let (_, output) = server.stop().unwrap();
    assert!(!output.contains("hangs: killing it"), "{output}");
    assert!(!output.contains("died"), "{output}");
}

/// A thread that is lost for good: in process the validator is out of order until the server is
/// started anew, and the host, with what it remembers, is not. A process is killed and started anew.
#[tokio::test]
async fn a_deadlocked_plugin_is_lost_in_process_and_comes_back_in_its_own() {
    for mode in MODES {
        let datahub = StubDataHub::start().await.unwrap();
        let options = json!({"how": "deadlock", "trigger": "good-bad"});
        let server = hostile(&datahub, mode, "hangs", &options).start().unwrap();
        let mcp = server.mcp();
        assert_eq!(ask(&mcp, "good-before").await.status, 200, "{mode}");
        assert_eq!(ask(&mcp, "good-bad").await.status, 503, "{mode}");
        assert_eq!(ask(&mcp, "good-before").await.status, 200, "{mode}");
        assert!(healthy(&server).await, "{mode}");
        if mode == "process" {
            until("its process is started anew", async || {
                let asked = (0..4).map(|n| {
                    let mcp = mcp.clone();
                    async move { status(&mcp, &format!("good-{n}")).await }
                });
                let all = futures::future::join_all(asked).await;
                assert!(all.iter().all(|status| matches!(status, 200 | 503)));
                all.contains(&200)
            })
            .await;
        } else {
            assert_eq!(ask(&mcp, "good-after").await.status, 503, "{mode}");
            assert!(healthy(&server).await, "{mode}");
        }
        let (status, output) = server.stop().unwrap();
        assert!(status.success(), "{mode}: {status:?}\n{output}");
    }
}

#[tokio::test]
async fn a_leaking_plugin_serves_on() {
    assert_served_to_the_end("leaks", json!({"kib": 1024, "files": 4, "threads": 2})).await;
}

#[tokio::test]
async fn nonsense_is_refused_and_never_believed() {
    for what in [
        "empty_subject",
        "long_subject",
        "control_subject",
        "huge_claims",
        "many_scopes",
        "control_scopes",
        "no_resolved_token",
        "empty_resolved_token",
        "control_resolved_token",
        "long_resolved_token",
    ] {
        let options = json!({"what": what, "trigger": "good-bad"});
        for output in assert_contained("nonsense", options).await {
            assert!(output.len() < 1 << 20, "{what}: a flood in the log");
        }
    }
}

/// A leeway of the validator, or the moment between its check and the host's.
#[tokio::test]
async fn an_identity_that_has_ended_is_refused_and_no_fault() {
    for mode in MODES {
        let datahub = StubDataHub::start().await.unwrap();
        let options = json!({"what": "past_expiry", "trigger": "good-bad"});
        let server = hostile(&datahub, mode, "nonsense", &options)
            .start()
            .unwrap();
        assert_eq!(ask(&server.mcp(), "good-bad").await.status, 401, "{mode}");
        assert_eq!(ask(&server.mcp(), "good-one").await.status, 200, "{mode}");
    }
}

/// However many good answers it gave before: its code is on no thread that others need.
#[tokio::test]
async fn inside_the_server_a_plugin_that_turns_bad_stalls_nobody_else() {
    for how in ["block", "spin", "deadlock"] {
        for at in ["try_validate", "validate", "health"] {
            let what = format!("{how} in {at}");
            let datahub = StubDataHub::start().await.unwrap();
            let options = json!({"how": how, "at": at, "trigger": "good-bad"});
            let server = hostile(&datahub, "in-process", "hangs", &options)
                .start()
                .unwrap();
            let mcp = server.mcp();
            for number in 0..40 {
                let token = format!("good-{number}");
                assert_eq!(status(&mcp, &token).await, 200, "{what}");
            }
            let bad = (0..6).map(|number| {
                let (mcp, url) = (server.mcp(), server.url("/ready"));
                async move {
                    if at == "health" {
                        let ready = mcp.http().get(url).send().await;
                        return ready.unwrap().status().as_u16();
                    }
                    status(&mcp, &format!("good-bad-{number}")).await
                }
            });
            let bad = tokio::spawn(futures::future::join_all(bad));
            // While they hang, and after their deadline.
            while !bad.is_finished() {
                assert!(healthy(&server).await, "{what}");
                assert_eq!(status(&mcp, "good-1").await, 200, "{what}");
            }
            assert_eq!(bad.await.unwrap(), [503; 6], "{what}");
            assert!(healthy(&server).await, "{what}");
            assert_eq!(status(&mcp, "good-1").await, 200, "{what}");
            let (status, output) = server.stop().unwrap();
            assert!(status.success(), "{what}: {status:?}\n{output}");
        }
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
        for mode in MODES {
            let datahub = StubDataHub::start().await.unwrap();
            let options = json!({"what": what, "trigger": "good-bad"});
            let server = hostile(&datahub, mode, "nonsense", &options)
                .start()
                .unwrap();
            let bad = ask(&server.mcp(), "good-bad").await;
            assert!(
                matches!(bad.status, 401 | 503),
                "{mode}, {what}: {} {}",
                bad.status,
                bad.text
            );
            assert!(
                bad.headers.iter().all(|(_, value)| value.len() < 1024),
                "{mode}, {what}: {:?}",
                bad.headers
            );
            let good = ask(&server.mcp(), "good-after").await;
            assert_eq!(good.status, 200, "{mode}, {what}");
            let (_, output) = server.stop().unwrap();
            assert!(output.len() < 1 << 20, "{mode}, {what}: a flood in the log");
        }
    }
}

#[tokio::test]
async fn a_flood_of_failures_is_a_503_each() {
    assert_contained("floods", json!({"what": "errors", "trigger": "good-bad"})).await;
}

#[tokio::test]
async fn a_flood_of_log_records_is_held_back() {
    for (what, mode) in [
        ("logs", "in-process"),
        ("logs", "process"),
        ("background_logs", "in-process"),
        ("background_logs", "process"),
    ] {
        let datahub = StubDataHub::start().await.unwrap();
        let options = json!({"what": what, "count": 20_000, "bytes": 8192, "trigger": "good-bad"});
        let server = hostile(&datahub, mode, "floods", &options).start().unwrap();
        let mcp = server.mcp();
        let _ = ask(&mcp, "good-bad").await;
        until("a good token", async || {
            status(&mcp, "good-after").await == 200
        })
        .await;
        let (_, output) = server.stop().unwrap();
        assert!(
            output.len() < 16 << 20,
            "{mode}, {what}: {} bytes of log",
            output.len()
        );
    }
}

#[tokio::test]
async fn a_plugin_that_blabs_tokens_is_masked() {
    for mode in MODES {
        let datahub = StubDataHub::start().await.unwrap();
        let server = hostile(&datahub, mode, "blabs", &json!({}))
            .env("RUST_LOG", "trace")
            .start()
            .unwrap();
        let token = format!("good-{}", "Abcdefgh0123456789".repeat(4));
        let reply = ask(&server.mcp(), &token).await;
        let (_, output) = server.stop().unwrap();
        assert!(
            !output.contains(&token),
            "{mode}: status {}:\n{output}",
            reply.status
        );
    }
}

#[tokio::test]
async fn the_breaker_opens_on_a_plugin_that_keeps_panicking() {
    let datahub = StubDataHub::start().await.unwrap();
    let options = json!({"at": "first_poll", "trigger": "good-bad"});
    let server = hostile(&datahub, "in-process", "panics", &options)
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
    until("it half-opens", async || {
        ask(&mcp, "good-new").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn each_kind_of_failure_has_its_status() {
    let datahub = StubDataHub::start().await.unwrap();
    let server = hostile(&datahub, "in-process", "good", &json!({}))
        .start()
        .unwrap();
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
async fn a_server_says_once_that_plugins_have_its_rights() {
    let datahub = StubDataHub::start().await.unwrap();
    for mode in MODES {
        let server = hostile(&datahub, mode, "good", &json!({})).start().unwrap();
        assert_eq!(ask(&server.mcp(), "good-person").await.status, 200);
        let output = server.output();
        let inside = usize::from(mode == "in-process");
        let said = |words: &str| output.matches(words).count();
        assert_eq!(
            said("plugins run inside the server, without a sandbox"),
            inside,
            "{output}"
        );
        assert_eq!(
            said("is tried in a process and its sandbox first"),
            inside,
            "{output}"
        );
        assert_eq!(
            said("the process of a validator is in its sandbox"),
            1 - inside,
            "{output}"
        );
    }
}

#[tokio::test]
async fn a_chain_asks_in_order_until_the_token_is_somebody_s_kind() {
    let datahub = StubDataHub::start().await.unwrap();
    let config =
        json!({"hostile:good": {"otherwise": "not_mine"}, "hostile:options": {"issuer": "x"}});
    let server = hostile(&datahub, "in-process", "good", &config)
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
        let server = hostile(&datahub, "in-process", "good", &options)
            .start()
            .unwrap();
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

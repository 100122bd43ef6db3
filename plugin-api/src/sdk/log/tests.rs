//! The records that reach the host from a validator that logs in every way.

use serde_json::json;

use crate::sdk::{
    Failure, Identity, NoOptions, Request, TokenValidator,
    testing::{Answer, Harness, LogLine},
};

/// Panics when it is rendered into a log record.
struct Unspeakable;

impl std::fmt::Debug for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("unspeakable")
    }
}

/// Logs in the way that its token names.
struct Speaker;

impl TokenValidator for Speaker {
    type Config = NoOptions;

    fn create(_: NoOptions) -> Result<Self, Failure> {
        // As a vendor does who fetches keys before the first request.
        tokio::runtime::Handle::current().block_on(tokio::task::yield_now());
        Ok(Self)
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        let span = tracing::info_span!("refresh", issuer = "i", keys = tracing::field::Empty);
        match request.token.expose() {
            "span" => {
                let _entered = span.enter();
                span.record("keys", 3);
                let inner = tracing::info_span!("fetch", attempt = 2);
                let _inner = inner.enter();
                tracing::warn!(status = 500, "slow");
            }
            "log" => log::error!(target: "elsewhere", "from the {} crate", "log"),
            "long" => tracing::info!(rest = "y".repeat(100_000), "{}", "ä".repeat(100_000)),
            "event" => tracing::info!(value = ?Unspeakable, "never"),
            "record" => {
                let _entered = span.enter();
                span.record("keys", tracing::field::debug(Unspeakable));
            }
            _ => {}
        }
        Ok(Identity::new("x"))
    }
}

fn spoken(token: &str) -> Vec<LogLine> {
    let harness = Harness::new::<Speaker>(json!({})).unwrap();
    let _ = harness.ask(token);
    harness.logs()
}

#[test]
fn spans_lend_their_fields_to_the_records_within() {
    let logs = spoken("span");
    let line = logs.iter().find(|line| line.message == "slow").unwrap();
    assert_eq!(
        (line.level, line.fields.as_str()),
        ("warn", "status=500 attempt=2 issuer=\"i\" keys=3")
    );
}

#[test]
fn records_of_the_log_crate_are_forwarded() {
    let logs = spoken("log");
    let line = logs
        .iter()
        .find(|line| line.message == "from the log crate")
        .unwrap();
    assert_eq!(
        (line.level, line.target.as_str(), line.fields.as_str()),
        ("error", "elsewhere", "")
    );
    assert_eq!(line.request_id, "test-request");
}

#[test]
fn long_records_are_cut_between_characters() {
    let logs = spoken("long");
    let line = logs
        .iter()
        .find(|line| line.message.starts_with('ä'))
        .unwrap();
    assert_eq!(line.message.len(), 4096);
    assert_eq!(line.fields.len(), 4096);
}

#[test]
fn a_record_that_panics_is_a_panic_of_its_call_and_holds_no_lock() {
    for token in ["event", "record"] {
        let harness = Harness::new::<Speaker>(json!({})).unwrap();
        harness.ask(token).expect_panic();
        assert!(matches!(harness.ask("span"), Answer::Accepted(_)));
        assert!(harness.logs().iter().any(|line| line.message == "slow"));
    }
}

#[tokio::test]
async fn a_test_with_a_runtime_of_its_own_is_no_hindrance() {
    let harness = Harness::new::<Speaker>(json!({})).unwrap();
    assert!(matches!(
        harness.validate("span").await,
        Answer::Accepted(_)
    ));
}

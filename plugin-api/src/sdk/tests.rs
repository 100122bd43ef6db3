//! Guards, cancellation, options and log forwarding: through the boundary, in process.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    Failure, Identity, Request, Token, TokenValidator, export,
    testing::{Answer, Harness, block_on},
};

/// The point at which the subject of these tests panics or waits.
#[derive(Deserialize, JsonSchema, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Good,
    PanicInCreate,
    PanicInTry,
    PanicInFirstPoll,
    PanicInLaterPoll,
    PanicInStart,
    PanicInFutureDrop,
    PanicInDrop,
    PanicInHealth,
    PanicInShutdown,
    PanicWithBadPayload,
    Wait,
}

#[derive(Deserialize, JsonSchema)]
struct Options {
    #[serde(default)]
    mode: Mode,
    /// The index of this instance's signals, from 1; 0 for none.
    #[serde(default)]
    signals: usize,
    #[serde(default)]
    #[expect(dead_code, reason = "only its parsing is looked at")]
    limit: Option<u32>,
    #[serde(default)]
    #[expect(dead_code, reason = "only its parsing is looked at")]
    password: Option<Token>,
    #[schemars(extend("x-secret" = true))]
    #[serde(default)]
    #[expect(dead_code, reason = "only its parsing is looked at")]
    pin: Option<u32>,
}

/// The signals that a test waits for.
#[derive(Clone)]
struct Signals {
    started: mpsc::Sender<()>,
    dropped: mpsc::Sender<()>,
}

static SIGNALS: Mutex<Vec<Signals>> = Mutex::new(Vec::new());

struct Subject {
    mode: Mode,
    signals: Option<Signals>,
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("boom");
    }
}

struct Tell(Option<mpsc::Sender<()>>);

impl Drop for Tell {
    fn drop(&mut self) {
        if let Some(sender) = &self.0 {
            let _ = sender.send(());
        }
    }
}

impl TokenValidator for Subject {
    type Config = Options;

    fn create(options: Options) -> Result<Self, Failure> {
        assert!(options.mode != Mode::PanicInCreate, "create");
        tokio::runtime::Handle::current();
        let signals = SIGNALS
            .lock()
            .unwrap()
            .get(options.signals.wrapping_sub(1))
            .cloned();
        tracing::info!(answer = 42, name = "x y", "made");
        Ok(Self {
            mode: options.mode,
            signals,
        })
    }

    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        assert!(self.mode != Mode::PanicInTry, "try");
        let subject = request.token.expose().strip_prefix("fast-")?;
        Some(Ok(
            Identity::new(subject).resolved_token(request.token.expose())
        ))
    }

    // Not `async`, so that creating the future can panic too.
    fn validate(&self, request: Request) -> impl Future<Output = Result<Identity, Failure>> + Send {
        assert!(self.mode != Mode::PanicInStart, "start");
        async move {
            let _tell = Tell(self.signals.as_ref().map(|signals| signals.dropped.clone()));
            tracing::debug!("asked");
            match self.mode {
                Mode::PanicInFirstPoll => panic!("first poll"),
                Mode::PanicInLaterPoll => {
                    tokio::task::yield_now().await;
                    panic!("later poll")
                }
                Mode::PanicInFutureDrop => {
                    let _bomb = Bomb;
                    tokio::task::yield_now().await;
                }
                Mode::PanicWithBadPayload => std::panic::panic_any(Bomb),
                Mode::Wait => {
                    if let Some(signals) = &self.signals {
                        let _ = signals.started.send(());
                    }
                    std::future::pending::<()>().await;
                }
                _ => {}
            }
            match request.token.expose().strip_prefix("good-") {
                Some(subject) => Ok(Identity::new(subject).resolved_token("exchanged")),
                None => Err(Failure::rejected("no good")),
            }
        }
    }

    async fn health(&self) -> Result<(), Failure> {
        assert!(self.mode != Mode::PanicInHealth, "health");
        Err(Failure::unavailable("down").retry_after(Duration::from_secs(3)))
    }

    async fn shutdown(&self) {
        assert!(self.mode != Mode::PanicInShutdown, "shutdown");
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        assert!(self.mode != Mode::PanicInDrop, "drop");
    }
}

fn subject(mode: &str) -> Harness {
    Harness::new::<Subject>(json!({ "mode": mode })).unwrap()
}

#[test]
fn answers_cross_the_boundary() {
    let subject = subject("good");
    let served = subject.ask("good-ada").expect_served();
    assert_eq!(served.subject, "ada");
    assert_eq!(served.resolved_token.unwrap().expose(), "exchanged");
    assert_eq!(subject.ask("bad").expect_rejected().log_detail(), "no good");
    let fast = subject.try_validate("fast-bob").unwrap().expect_served();
    assert_eq!(fast.resolved_token.unwrap().expose(), "fast-bob");
    assert!(subject.try_validate("good-ada").is_none());
    let health = block_on(subject.health()).unwrap_err();
    assert!(health.is_unavailable());
    assert_eq!(health.retry_after(), Some(Duration::from_secs(3)));
}

#[test]
fn a_panic_anywhere_is_an_answer() {
    let Err(refusal) = Harness::new::<Subject>(json!({ "mode": "panic_in_create" })) else {
        panic!("made in spite of a panic");
    };
    assert!(refusal.is_panic());

    assert!(
        subject("panic_in_try")
            .try_validate("t")
            .unwrap()
            .expect_panic()
            .is_panic()
    );
    for mode in [
        "panic_in_first_poll",
        "panic_in_later_poll",
        "panic_in_start",
        "panic_with_bad_payload",
    ] {
        let subject = subject(mode);
        for _ in 0..3 {
            subject.ask("good-ada").expect_panic();
        }
    }
    assert!(
        block_on(subject("panic_in_health").health())
            .unwrap_err()
            .is_panic()
    );
    block_on(subject("panic_in_shutdown").shutdown());
    drop(subject("panic_in_drop"));
    // The panic in the drop of a local is a panic in a poll.
    subject("panic_in_future_drop")
        .ask("good-ada")
        .expect_panic();
}

#[test]
fn the_validator_is_dropped_within_the_guard_after_a_call_outlived_it() {
    let (started, has_started) = mpsc::channel();
    let (dropped, is_dropped) = mpsc::channel();
    let slot = {
        let mut signals = SIGNALS.lock().unwrap();
        signals.push(Signals { started, dropped });
        signals.len()
    };
    let harness = Harness::new::<Subject>(json!({ "mode": "wait", "signals": slot })).unwrap();
    {
        let mut call = std::pin::pin!(harness.validate("good-ada"));
        let waker = std::task::Waker::noop();
        assert!(
            call.as_mut()
                .poll(&mut std::task::Context::from_waker(waker))
                .is_pending()
        );
        has_started.recv().unwrap();
        assert!(is_dropped.try_recv().is_err());
        // Dropping the host's handle here cancels the call.
    }
    is_dropped.recv().unwrap();
}

#[test]
fn a_deadline_ends_a_call_that_hangs() {
    let harness = subject("wait");
    let answer = block_on(harness.validate_within("good-ada", Duration::from_millis(20)));
    assert!(matches!(answer, Answer::TimedOut));
}

#[test]
fn a_future_that_panics_when_it_is_cancelled_harms_nobody() {
    struct Stubborn(Arc<AtomicBool>);
    impl Drop for Stubborn {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
            panic!("cancelled");
        }
    }
    let instance = Arc::new(super::scope::Instance {
        id: "test".into(),
        host: super::testing::test_host(),
    });
    let dropped = Arc::new(AtomicBool::new(false));
    let stubborn = Stubborn(Arc::clone(&dropped));
    let call = super::guard::Guarded::new(
        async move {
            let _stubborn = stubborn;
            std::future::pending::<()>().await;
        },
        instance,
        String::new(),
        |_| (),
    );
    let mut call = Box::pin(call);
    let waker = std::task::Waker::noop();
    assert!(
        call.as_mut()
            .poll(&mut std::task::Context::from_waker(waker))
            .is_pending()
    );
    drop(call);
    assert!(dropped.load(Ordering::SeqCst));
}

#[test]
fn records_reach_the_host_with_their_origin() {
    let harness = subject("good");
    harness.ask("good-ada").expect_served();
    let logs = harness.logs();
    let made = logs.iter().find(|line| line.message == "made").unwrap();
    assert_eq!((made.level, made.request_id.as_str()), ("info", ""));
    assert_eq!(made.fields, r#"answer=42 name="x y""#);
    let asked = logs.iter().find(|line| line.message == "asked").unwrap();
    assert_eq!(
        (asked.level, asked.request_id.as_str()),
        ("debug", "test-request")
    );
    harness.expect_never_logged("good-ada");
}

#[test]
fn many_calls_at_once_get_their_own_answers() {
    let harness = Arc::new(subject("good"));
    let answered = Arc::new(AtomicU32::new(0));
    std::thread::scope(|threads| {
        for thread in 0..8 {
            let (harness, answered) = (Arc::clone(&harness), Arc::clone(&answered));
            threads.spawn(move || {
                for call in 0..50 {
                    let name = format!("p{thread}-{call}");
                    let served = harness.ask(&format!("good-{name}")).expect_served();
                    assert_eq!(served.subject, name);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(answered.load(Ordering::Relaxed), 400);
}

#[test]
fn wrong_options_are_named_and_secrets_among_them_are_not_shown() {
    let refused = |options| match Harness::new::<Subject>(options) {
        Ok(_) => panic!("accepted"),
        Err(refusal) => {
            assert!(refusal.is_misconfigured(), "{refusal:?}");
            refusal.log_detail().to_owned()
        }
    };
    assert_eq!(
        refused(json!({ "limit": "many" })),
        r#"option `limit`: invalid type: string "many", expected u32"#
    );
    assert_eq!(
        refused(json!({ "password": 4711 })),
        "option `password`: expected a string"
    );
    assert_eq!(
        refused(json!({ "pin": "4711" })),
        "option `pin`: expected u32"
    );
    assert_eq!(
        refused(json!({ "nonsense": 1 })),
        "there is no option `nonsense`"
    );
    assert!(refused(json!({ "mode": "other" })).contains("unknown variant `other`"));
    assert!(!refused(json!("hunter2")).contains("hunter2"));
}

#[test]
fn the_schema_marks_secrets() {
    let schema = Harness::schema::<Subject>();
    assert_eq!(schema["properties"]["pin"]["x-secret"], json!(true));
    assert_eq!(schema["type"], "object");
    let password = schema["properties"]["password"].to_string();
    assert!(password.contains(r#""x-secret":true"#), "{password}");
}

#[test]
fn the_symbol_is_the_one_that_hosts_look_for() {
    assert_eq!(
        abi_stable::library::ROOT_MODULE_LOADER_NAME,
        "_1as_0lib_1header_0root_bmodule_bloader"
    );
}

#[test]
fn a_library_tells_what_it_is() {
    static LIBRARY: export::Library = export::Library {
        name: "x",
        version: "1.2.3",
        factories: &[
            export::FactoryEntry::of::<Subject>("one"),
            export::FactoryEntry::of::<Subject>("two"),
        ],
    };
    let info: serde_json::Value = serde_json::from_str(&LIBRARY.info_json()).unwrap();
    assert_eq!((&info["name"], &info["api"]), (&json!("x"), &json!("1.1")));
    assert!(info["rustc"].as_str().unwrap().starts_with("rustc "));
    let names: Vec<_> = LIBRARY
        .factories()
        .into_iter()
        .map(|f| f.name.into_string())
        .collect();
    assert_eq!(names, ["one", "two"]);
}

#[test]
fn the_version_of_the_crate_is_that_of_its_newest_abi() {
    let of = |version: &str| version.rsplit_once('.').unwrap().0.to_owned();
    assert_eq!(of(env!("CARGO_PKG_VERSION")), of(crate::newest::VERSION));
}

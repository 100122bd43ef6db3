//! The C example, built by make and called as the host's adapter calls it: each call is completed
//! exactly once, cancelled or not, and nothing is left when the validator is destroyed.
#![expect(unsafe_code, reason = "a plugin in C is called through pointers")]
#![expect(
    clippy::unwrap_used,
    reason = "a test helper that fails fails the test"
)]

use std::{
    ffi::c_void,
    path::Path,
    process::Command,
    sync::{Mutex, OnceLock, mpsc},
};

use plugin_api::{
    c_v1::{self, Host, LogRecord, Outcome, Plugin, RawValidator, Request, Str},
    v1_0::FailKind,
};

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

unsafe extern "C" fn log_enabled(_: Str, _: u32, _: Str) -> u32 {
    1
}

unsafe extern "C" fn log(record: *const LogRecord) {
    // SAFETY: the plugin lends a whole record for the length of this call.
    let record = unsafe { &*record };
    LOG.lock().unwrap().push(format!(
        "{} {}",
        text(record.plugin_id),
        text(record.message)
    ));
}

static HOST: Host = Host {
    size: size_of::<Host>(),
    version: c_v1::VERSION,
    reserved: 0,
    log_enabled,
    log,
    info_json: Str::lend(r#"{"name": "test", "version": "0", "api": "1.1"}"#),
};

fn text(text: Str) -> String {
    // SAFETY: called within the call that lends the text.
    String::from_utf8(unsafe { text.bytes() }.to_vec()).unwrap()
}

/// The parts of an outcome that the host keeps.
#[derive(Debug, PartialEq)]
struct Answer {
    kind: u32,
    subject: String,
    scopes: Vec<String>,
    cache_ttl_s: Option<u64>,
    resolved_token: String,
}

/// Takes an answer. A second one for the same `ctx` would be a use after free, so the sender is
/// kept and the tests check that there is no second message.
unsafe extern "C" fn complete(ctx: *mut c_void, outcome: *const Outcome) {
    // SAFETY: `ctx` is the leaked sender of `sender()`, which lives forever; the outcome is lent.
    let (sender, outcome) = unsafe { (&*ctx.cast::<mpsc::Sender<Answer>>(), &*outcome) };
    let scopes = (0..outcome.scopes_len)
        // SAFETY: the plugin lends `scopes_len` scopes.
        .map(|at| text(unsafe { *outcome.scopes.add(at) }))
        .collect();
    let answer = Answer {
        kind: outcome.kind,
        subject: text(outcome.subject),
        scopes,
        cache_ttl_s: (outcome.has & c_v1::HAS_CACHE_TTL != 0).then_some(outcome.cache_ttl_s),
        resolved_token: text(outcome.resolved_token),
    };
    sender.send(answer).unwrap();
}

fn sender() -> (*mut c_void, mpsc::Receiver<Answer>) {
    let (sender, receiver) = mpsc::channel();
    (Box::into_raw(Box::new(sender)).cast(), receiver)
}

fn plugin() -> &'static Plugin {
    static PLUGIN: OnceLock<&'static Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| {
        // The command of the Makefile beside it, for machines with a linker and no make.
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/template/c/my_validator.c");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libvendor_c.so");
        let made = Command::new("cc")
            .args([
                "-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-fPIC", "-shared",
            ])
            .args(["-fvisibility=hidden", "-pthread", "-I"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/include"))
            .arg(source)
            .arg("-o")
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        // SAFETY: the library is built from this repository; it is never closed.
        let library = Box::leak(Box::new(unsafe { libloading::Library::new(path) }.unwrap()));
        // SAFETY: whoever defines this symbol defines it as the header declares it.
        unsafe {
            let entry = library
                .get::<c_v1::Entry>(c_v1::ENTRY_NAME_WITH_NUL)
                .unwrap();
            &*entry()
        }
    })
}

fn create(factory: &str) -> *mut RawValidator {
    let (ctx, failed) = sender();
    let create = plugin().create.unwrap();
    let (id, config) = (Str::lend("c#1"), Str::lend("{}"));
    // SAFETY: all arguments live for the call, the host for ever.
    let validator = unsafe {
        create(
            id,
            Str::lend(factory),
            config,
            &raw const HOST,
            complete,
            ctx,
        )
    };
    assert!(!validator.is_null(), "{:?}", failed.try_recv());
    validator
}

fn request(token: &str) -> Request {
    Request {
        size: size_of::<Request>(),
        token: Str::lend(token),
        request_id: Str::lend("r-1"),
        deadline_ms: 1000,
        ext_json: Str::EMPTY,
    }
}

fn destroy(validator: *mut RawValidator) {
    // SAFETY: every call of the test was completed, and the pointer is not used after this.
    unsafe { plugin().destroy.unwrap()(validator) }
}

/// Starts a call; the answer comes out of the receiver.
fn validate(validator: *mut RawValidator, call_id: u64, token: &str) -> mpsc::Receiver<Answer> {
    let (ctx, answer) = sender();
    // SAFETY: the validator is alive, the request lives for the call, `ctx` for ever.
    unsafe {
        plugin().validate.unwrap()(validator, call_id, &request(token), complete, ctx);
    }
    answer
}

#[test]
fn the_table_is_whole() {
    let plugin = plugin();
    assert_eq!(
        (plugin.size, plugin.version),
        (size_of::<Plugin>(), c_v1::VERSION)
    );
    assert!(text(plugin.info_json).contains("my_validator"));
    assert_eq!(plugin.factories_len, 2);
    // SAFETY: the plugin has two factories.
    assert_eq!(text(unsafe { &*plugin.factories }.name), "prefix");
}

#[test]
fn an_answer_from_memory_comes_within_the_call() {
    let validator = create("prefix");
    for (token, kind) in [
        ("c-ada", c_v1::ACCEPTED),
        ("c-!", FailKind::REJECTED.0),
        ("other", FailKind::NOT_MINE.0),
    ] {
        let (ctx, answer) = sender();
        let try_validate = plugin().try_validate.unwrap();
        // SAFETY: the validator is alive, the request lives for the call, `ctx` for ever.
        let done = unsafe { try_validate(validator, &request(token), complete, ctx) };
        assert_eq!(done, 1);
        let answer = answer.try_recv().unwrap();
        assert_eq!(answer.kind, kind);
        if kind == c_v1::ACCEPTED {
            assert_eq!(
                (answer.subject.as_str(), answer.cache_ttl_s),
                ("ada", Some(60))
            );
            assert_eq!(answer.scopes, ["read", "write"]);
            assert_eq!(answer.resolved_token, "c-ada");
        }
    }
    destroy(validator);
    assert!(LOG.lock().unwrap().contains(&"c#1 made in c".to_owned()));
}

#[test]
fn each_call_is_completed_once_also_where_it_is_cancelled() {
    let validator = create("slow");
    let (ctx, never) = sender();
    let try_validate = plugin().try_validate.unwrap();
    // SAFETY: as above.
    let done = unsafe { try_validate(validator, &request("slow-0-a"), complete, ctx) };
    assert_eq!(done, 0);

    let quick: Vec<_> = (0..32)
        .map(|id| validate(validator, id, &format!("slow-{id}-p{id}")))
        .collect();
    let endless: Vec<_> = (100..116)
        .map(|id| validate(validator, id, "slow-90000-ada"))
        .collect();
    for (id, answer) in quick.iter().enumerate() {
        assert_eq!(answer.recv().unwrap().subject, format!("p{id}"));
    }
    // Unknown and completed calls are ignored; the others come back at once.
    for id in (0..4).chain(100..116).chain([9999]) {
        // SAFETY: the validator is alive.
        unsafe { plugin().cancel.unwrap()(validator, id) };
    }
    for answer in &endless {
        assert_eq!(answer.recv().unwrap().kind, FailKind::UNAVAILABLE.0);
    }
    destroy(validator);
    for answer in quick.iter().chain(&endless).chain([&never]) {
        assert!(
            answer.try_recv().is_err(),
            "completed twice, or after it said no"
        );
    }
}

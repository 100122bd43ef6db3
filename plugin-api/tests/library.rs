//! A built library, loaded as a host loads it: dlopen, header, layout check, calls.
//!
//! The host's own loader checks the file first; these tests only show that the export macro
//! produces what a host looks up, and that the guards hold in a library with a standard library of
//! its own.
#![expect(unsafe_code, reason = "loading a library runs its code")]
#![expect(
    clippy::unwrap_used,
    reason = "a test helper that fails fails the test"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use plugin_api::{
    abi_stable::{
        library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL},
        prefix_type::PrefixTypeTrait as _,
        std_types::{ROption, RStr, RString},
    },
    sdk::testing::{Deadline, block_on},
    v1_0::{
        FailKind, Failure, Host, HostRef, LogLevel, LogRecord, Outcome, PluginRef, Request, Secret,
        ValidatorBox,
    },
};

/// `instance request message fields` of each record.
static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

extern "C" fn log_enabled(_: RStr<'_>, level: LogLevel, _: RStr<'_>) -> bool {
    level <= LogLevel::INFO
}

extern "C" fn log(record: &LogRecord<'_>) {
    let line = format!(
        "{} {} {} {}",
        record.plugin_id, record.request_id, record.message, record.fields
    );
    LOG.lock().unwrap().push(line);
}

fn host() -> HostRef {
    Host { log_enabled, log }.leak_into_prefix()
}

/// The library of the package `name`, built in the profile of this test.
fn library(name: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let profile_dir = exe.parent().and_then(|deps| deps.parent()).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", name]);
    if profile_dir.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success());
    profile_dir.join(format!("lib{name}.so"))
}

fn load(path: &Path) -> PluginRef {
    // SAFETY: the library is built from this repository and runs no code of note when it is opened.
    let library = unsafe { libloading::Library::new(path) }.unwrap();
    let library: &'static libloading::Library = Box::leak(Box::new(library));
    let name = ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes();
    // SAFETY: whoever defines this symbol defines it as a `LibHeader`, which starts with an
    // `AbiHeader`; `upgrade` checks its magic string.
    let header = unsafe { *library.get::<AbiHeaderRef>(name).unwrap() };
    header
        .upgrade()
        .unwrap()
        .init_root_module::<PluginRef>()
        .unwrap()
}

fn hostile() -> PluginRef {
    static PLUGIN: OnceLock<PluginRef> = OnceLock::new();
    *PLUGIN.get_or_init(|| load(&library("hostile")))
}

fn create(
    plugin: PluginRef,
    id: &str,
    factory: &str,
    config: &str,
) -> Result<ValidatorBox, Failure> {
    plugin.create()(id.into(), factory.into(), Secret::new(config), host()).into_result()
}

fn request(token: &str) -> Request {
    Request {
        token: Secret::new(token),
        request_id: "r-1".into(),
        deadline_ms: 5000,
        ext_json: RString::new(),
    }
}

fn ask(validator: &ValidatorBox, token: &str) -> Outcome {
    if let ROption::RSome(outcome) = validator.try_validate(&request(token)) {
        return outcome;
    }
    let call = validator.validate(request(token));
    block_on(Deadline::new(call, Duration::from_secs(60))).unwrap()
}

fn kind(outcome: Outcome) -> FailKind {
    outcome.into_result().unwrap_err().kind
}

#[test]
fn a_library_loads_tells_what_it_is_and_answers() {
    let plugin = hostile();
    let info = plugin.info_json()();
    assert!(info.contains(r#""name":"hostile""#), "{info}");
    let names: Vec<_> = plugin.factories()()
        .into_iter()
        .map(|f| f.name.into_string())
        .collect();
    assert!(names.contains(&"good".to_owned()), "{names:?}");

    let good = create(
        plugin,
        "good#1",
        "good",
        r#"{"log_calls": true, "ttl_s": 7}"#,
    )
    .unwrap();
    let accepted = ask(&good, "good-ada").into_result().unwrap();
    assert_eq!(accepted.subject, "ada");
    assert_eq!(accepted.cache_ttl_s, ROption::RSome(7));
    assert_eq!(accepted.resolved_token.unwrap().expose(), "good-ada");
    assert_eq!(kind(ask(&good, "nonsense")), FailKind::REJECTED);
    assert!(block_on(good.health()).is_ok());
    block_on(good.shutdown());
    drop(good);
    let log = LOG.lock().unwrap();
    assert!(
        log.contains(&"good#1 r-1 asked call=1".to_owned()),
        "{log:?}"
    );
}

#[test]
fn a_factory_that_is_not_there_is_misconfigured() {
    let refused = create(hostile(), "x", "no_such", "{}")
        .map(drop)
        .unwrap_err();
    assert_eq!(refused.kind, FailKind::MISCONFIGURED);
}

#[test]
fn panics_stay_inside_and_are_logged_without_what_was_made_at_run_time() {
    let plugin = hostile();
    let refused = create(plugin, "p#0", "panics", r#"{"at": "create"}"#)
        .map(drop)
        .unwrap_err();
    assert_eq!(refused.kind, FailKind::PANICKED);
    for at in [
        "try_validate",
        "first_poll",
        "later_poll",
        "payload",
        "log_record",
    ] {
        let config = format!(r#"{{"at": "{at}", "trigger": "canary"}}"#);
        let validator = create(plugin, "p#1", "panics", &config).unwrap();
        let failure = ask(&validator, "canary-4711").into_result().unwrap_err();
        assert_eq!(failure.kind, FailKind::PANICKED);
        assert!(
            failure.log_detail.contains("panics.rs"),
            "{}",
            failure.log_detail
        );
        assert!(ask(&validator, "good-ada").is_ok());
    }
    let validator = create(plugin, "p#2", "panics", r#"{"at": "health"}"#).unwrap();
    let failure = block_on(validator.health()).into_result().unwrap_err();
    assert_eq!(failure.kind, FailKind::PANICKED);
    drop(create(plugin, "p#3", "panics", r#"{"at": "drop"}"#).unwrap());

    let log = LOG.lock().unwrap();
    let logged = |start: &str, part: &str| {
        log.iter()
            .any(|line| line.starts_with(start) && line.contains(part))
    };
    assert!(logged("p#1 r-1 ", "hostile later poll"), "{log:?}");
    assert!(logged("p#3 ", "panics.rs"), "{log:?}");
    assert!(!logged("", "canary"), "{log:?}");
}

#[test]
fn a_library_without_the_sdk_loads_too() {
    let raw = load(&library("hostile_raw"));
    let unknown = create(raw, "raw", "unknown_kind", "{}").unwrap();
    assert_eq!(kind(ask(&unknown, "x")), FailKind(4711));
    assert!(ask(&unknown, "good-ada").is_ok());
}

/// Loads the stored library of each released ABI version: one that does not load any more breaks
/// compatibility.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[test]
fn the_stored_library_of_rung_1_0_loads_and_answers() {
    let stored = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/plugins/librung_1_0.so"
    );
    let plugin = load(Path::new(stored));
    assert!(plugin.info_json()().contains(r#""api": "1.0""#));
    for config in [r#"{"fast": true}"#, "{}"] {
        let validator = create(plugin, "stored", "fixture", config).unwrap();
        let accepted = ask(&validator, "fixture-ada").into_result().unwrap();
        assert_eq!(accepted.subject, "ada");
        assert_eq!(accepted.scopes.len(), 2);
        assert_eq!(accepted.cache_ttl_s, ROption::RSome(60));
        assert_eq!(accepted.resolved_token.unwrap().expose(), "fixture-ada");
        assert_eq!(kind(ask(&validator, "fixture-!")), FailKind::REJECTED);
        assert_eq!(kind(ask(&validator, "other")), FailKind::NOT_MINE);
        assert!(block_on(validator.health()).is_ok());
        block_on(validator.shutdown());
    }
    let log = LOG.lock().unwrap();
    assert!(
        log.contains(&"stored r-1 asked rung=1.0".to_owned()),
        "{log:?}"
    );
}

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
        library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL, RootModule},
        prefix_type::PrefixTypeTrait as _,
        std_types::{ROption, RStr, RString},
    },
    newest,
    sdk::testing::{Deadline, block_on},
    v1_0::{self, FailKind, Failure, LogLevel, LogRecord, Outcome, Request, Secret, ValidatorBox},
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

extern "C" fn info_json() -> RString {
    r#"{"name": "test", "version": "7", "api": "1.1"}"#.into()
}

/// The root module of a library, of whichever version.
trait Root: RootModule + Copy {
    fn info(self) -> String;

    fn make(self, id: &str, factory: &str, config: Secret) -> Result<ValidatorBox, Failure>;
}

impl Root for v1_0::PluginRef {
    fn info(self) -> String {
        self.info_json()().into()
    }

    fn make(self, id: &str, factory: &str, config: Secret) -> Result<ValidatorBox, Failure> {
        let host = v1_0::Host { log_enabled, log }.leak_into_prefix();
        self.create()(id.into(), factory.into(), config, host).into_result()
    }
}

impl Root for newest::PluginRef {
    fn info(self) -> String {
        self.info_json()().into()
    }

    fn make(self, id: &str, factory: &str, config: Secret) -> Result<ValidatorBox, Failure> {
        let host = newest::Host {
            log_enabled,
            log,
            info_json,
        };
        let host = host.leak_into_prefix();
        self.create()(id.into(), factory.into(), config, host).into_result()
    }
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

fn load<R: Root>(path: &Path) -> R {
    // SAFETY: the library is built from this repository and runs no code of note when it is opened.
    let library = unsafe { libloading::Library::new(path) }.unwrap();
    let library: &'static libloading::Library = Box::leak(Box::new(library));
    let name = ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes();
    // SAFETY: whoever defines this symbol defines it as a `LibHeader`, which starts with an
    // `AbiHeader`; `upgrade` checks its magic string.
    let header = unsafe { *library.get::<AbiHeaderRef>(name).unwrap() };
    header.upgrade().unwrap().init_root_module::<R>().unwrap()
}

fn hostile() -> newest::PluginRef {
    static PLUGIN: OnceLock<newest::PluginRef> = OnceLock::new();
    *PLUGIN.get_or_init(|| load(&library("hostile")))
}

fn create(
    plugin: impl Root,
    id: &str,
    factory: &str,
    config: &str,
) -> Result<ValidatorBox, Failure> {
    plugin.make(id, factory, Secret::new(config))
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
    let info = plugin.info();
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
    let raw = load::<v1_0::PluginRef>(&library("hostile_raw"));
    let unknown = create(raw, "raw", "unknown_kind", "{}").unwrap();
    assert_eq!(kind(ask(&unknown, "x")), FailKind(4711));
    assert!(ask(&unknown, "good-ada").is_ok());
}

/// Loads the stored library of each released ABI version: one that does not load any more breaks
/// compatibility.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[test]
fn the_stored_libraries_load_and_answer() {
    let stored = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/plugins");
        Path::new(folder).join(name)
    };
    answers(load::<v1_0::PluginRef>(&stored("librung_1_0.so")), "1.0");
    answers(
        load::<plugin_api::v1_1::PluginRef>(&stored("librung_1_1.so")),
        "1.1",
    );
    let log = LOG.lock().unwrap();
    let host = r#"made for {"name": "test", "version": "7", "api": "1.1"}"#;
    assert!(log.iter().any(|line| line.contains(host)), "{log:?}");
}

fn answers(plugin: impl Root, version: &str) {
    let info = plugin.info();
    let api = format!(r#""api": "{version}""#);
    assert!(info.contains(&api), "{info}");
    let id = format!("stored {version}");
    for config in [r#"{"fast": true}"#, "{}"] {
        let validator = create(plugin, &id, "fixture", config).unwrap();
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
    let line = format!("{id} r-1 asked rung={version}");
    let log = LOG.lock().unwrap();
    assert!(log.contains(&line), "{log:?}");
}

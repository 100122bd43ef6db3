//! `plugins check`: every wrong validator is found by the check that is meant for it, no right one
//! is blamed, and what was not checked is said.

use std::{
    collections::VecDeque,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, OnceLock},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use integration_tests::{
    PluginDir,
    artifacts::{artifacts, workspace_root},
    vendor,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::vendor_plugins::of_the_vendor;

pub(super) const SECRET: &str = "the secret of the faulty validator";
/// The number of validators that are checked at the same time.
const WORKERS: usize = 3;

/// A fault of `tests/faulty/faulty.c`, further options under which it shows, and the check that
/// finds it.
const WRONG: [(&str, &str, &str); 37] = [
    ("no-signature", "{}", "the bad token is refused"),
    ("two-digits", "{}", "a byte changed"),
    ("any-length", "{}", "cut short"),
    ("any-case", "{}", "other letters"),
    ("remembers-the-start", "{}", "a byte changed"),
    ("accepts-expired", "{}", "an expired token"),
    ("accepts-revoked", "{}", "a revoked token"),
    ("accepts-audience", "{}", "another audience"),
    ("one-person", "{}", "another person"),
    ("one-datahub-token", "{}", "another person"),
    ("new-names", "{}", "the good token is accepted"),
    ("mixes-persons", r#"{"slow_ms": 20}"#, "concurrent calls"),
    ("shares-its-secret", "{}", "two validators"),
    ("opens-after-calls", "{}", "each new token"),
    ("locks-out", "{}", "still accepted"),
    ("logs-token", "{}", "no secret"),
    ("logs-secret", "{}", "no secret"),
    ("prints-token", "{}", "no secret"),
    ("reason-token", "{}", "no secret"),
    ("claims-token", "{}", "no secret"),
    ("crashes-on-short", "{}", "cut short"),
    ("crashes-on-longer", "{}", "odd tokens"),
    ("exits-on-percent", "{}", "something added"),
    ("keeps-each-token", "{}", "each new token"),
    ("keeps-each-refusal", "{}", "each new token"),
    ("keeps-each-answer", "{}", "each call"),
    ("keeps-a-little", "{}", "each call"),
    ("leaks-files", "{}", "each new token"),
    ("leaves-threads", "{}", "leave nothing behind"),
    ("blocks-for-new", "{}", "does not block"),
    ("ignores-deadlines", r#"{"slow_ms": 300}"#, "the deadline"),
    ("loses-cancelled", r#"{"slow_ms": 40}"#, "cancelled calls"),
    ("completes-twice", "{}", "completed once"),
    (
        "completes-and-returns-0",
        "{}",
        "returns whether it completed",
    ),
    ("never-shuts-down", "{}", "it shuts down"),
    ("remembers-too-early", "{}", "a provider that is down"),
    ("rejects-in-outages", "{}", "a provider that is down"),
];

/// The faulty library, in a directory that the host trusts.
pub(super) fn faulty() -> &'static Path {
    static LIBRARY: OnceLock<(PluginDir, PathBuf)> = OnceLock::new();
    let (_, file) = LIBRARY.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let built = vendor::faulty_in_c(target).unwrap();
        let dir = PluginDir::with(&built).unwrap();
        let file = dir.path().join("libfaulty.so");
        (dir, file)
    });
    file
}

fn in_seconds(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + seconds
}

/// A token of the faulty validator; its source says what it is made of.
pub(super) fn mint(person: &str, ends_in: i64, secret: &str) -> String {
    let end = in_seconds(ends_in);
    let text = format!("{secret}/{person}/{end}");
    let sum = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    format!("f1.{person}.{end}.{sum:016x}")
}

/// A port of loopback that nobody listens on.
pub(super) fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

pub(super) fn check(library: &Path, arguments: &[&str]) -> Output {
    Command::new(artifacts().server())
        .args(["plugins", "check"])
        .arg(library)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

pub(super) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// The report about the faulty validator with a fault, checked with everything that the kit takes.
fn report(fault: &str, options: &str) -> (Option<i32>, Value, String) {
    let mut config = json!({"secret": SECRET, "fault": fault});
    let more: Value = serde_json::from_str(options).unwrap();
    let members = config.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let mut down = config.clone();
    down["port"] = closed_port().into();
    let ended = if more["leeway_s"].is_null() { -60 } else { -20 };
    let output = check(
        faulty(),
        &[
            // However busy this machine is.
            "--time",
            "60",
            "--json",
            "--config",
            &config.to_string(),
            "--down-config",
            &down.to_string(),
            "--good",
            &mint("ada", 86_400, SECRET),
            "--good2",
            &mint("grace", 86_400, SECRET),
            "--bad",
            &mint("ada", 86_400, "another secret"),
            "--expired",
            &mint("ada", ended, SECRET),
            "--revoked",
            &mint("gone", 86_400, SECRET),
            "--other-audience",
            &mint("elsewhere", 86_400, SECRET),
        ],
    );
    let text = said(&output);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{text}"));
    (output.status.code(), report, text)
}

/// Names of the checks with a result.
fn having(report: &Value, result: &str) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().filter(|check| check["result"] == result);
    found
        .map(|check| format!("{}: {}", check["name"], check["detail"]))
        .collect()
}

#[test]
fn every_wrong_validator_is_found_by_the_check_for_it() {
    let waiting = Mutex::new(VecDeque::from(WRONG));
    let missed = Mutex::new(Vec::new());
    faulty();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some((fault, options, check)) = waiting.lock().unwrap().pop_front() else {
                        break;
                    };
                    let (status, report, text) = report(fault, options);
                    let failed = having(&report, "fail");
                    let named = failed.iter().any(|name| name.contains(check));
                    let told = text.contains(SECRET) || text.contains("f1.ada.");
                    if status != Some(1) || !named || told || report["passed"] != false {
                        let told = format!("{fault}: {status:?}, found {failed:?}\n{text}");
                        missed.lock().unwrap().push(told);
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn right_validators_are_not_blamed() {
    for options in [
        "{}",
        // Slow, and it keeps deadlines; from threads of its own.
        r#"{"slow_ms": 150}"#,
        r#"{"slow_ms": 20}"#,
        // It remembers what it accepted.
        r#"{"slow_ms": 80, "remember": true}"#,
        // It accepts tokens for a minute after their end, which the host does not.
        r#"{"leeway_s": 60}"#,
    ] {
        let (status, report, text) = report("", options);
        assert_eq!(status, Some(0), "{options}\n{text}");
        assert_eq!(report["verdict"], "no fault found", "{options}\n{text}");
        assert_eq!(report["passed"], true, "{options}\n{text}");
    }
}

#[test]
fn opaque_tokens_of_a_list_are_not_blamed() {
    let dir = tempfile::tempdir().unwrap();
    let (good, other) = ("5f0c".repeat(12), "a1b2".repeat(12));
    let entry = |name: &str, token: &str| {
        let digest = Sha256::digest(token);
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        json!({"name": name, "sha256": sha256, "datahub_token": format!("datahub-{name}")})
    };
    let list = dir.path().join("tokens.json");
    let tokens = json!({"tokens": [entry("nightly", &good), entry("hourly", &other)]});
    fs::write(&list, tokens.to_string()).unwrap();
    fs::set_permissions(&list, fs::Permissions::from_mode(0o600)).unwrap();
    let library = PluginDir::with(&artifacts().plugin("static_tokens")).unwrap();
    let output = check(
        &library.path().join("libstatic_tokens.so"),
        &[
            "--config",
            &json!({"file": list}).to_string(),
            "--good",
            &good,
            "--good2",
            &other,
            "--bad",
            &"0000".repeat(12),
        ],
    );
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("\nno fault found, "), "{text}");
}

#[test]
fn jwts_are_not_blamed() {
    let keys = workspace_root().join("tests/vendor/rust/pem_jwt/src");
    let private = fs::read(keys.join("test_private.pem")).unwrap();
    let issuer = "https://issuer.example.com";
    let sign = |person: &str, audience: &str, ends_in: i64| {
        let claims =
            json!({"iss": issuer, "aud": audience, "sub": person, "exp": in_seconds(ends_in)});
        let key = EncodingKey::from_ec_pem(&private).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap()
    };
    let options = json!({
        "key_file": keys.join("test_public.pem"), "algorithm": "ES256",
        "issuer": issuer, "audience": "datahub",
    });
    let good = sign("ada", "datahub", 86_400);
    let library = PluginDir::with(&of_the_vendor("pem_jwt")).unwrap();
    let output = check(
        &library.path().join("libpem_jwt.so"),
        &[
            "--config",
            &options.to_string(),
            "--good",
            &good,
            "--good2",
            &sign("grace", "datahub", 86_400),
            "--bad",
            &format!("{}A", &good[..good.len() - 1].replace('.', ".A")),
            "--expired",
            &sign("ada", "datahub", -3_600),
            "--other-audience",
            &sign("ada", "another", 86_400),
        ],
    );
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("\nno fault found, "), "{text}");
}

#[test]
fn a_crash_takes_no_result_with_it_and_names_what_was_under_way() {
    let config = json!({"secret": SECRET, "fault": "crashes-on-short"}).to_string();
    let good = mint("ada", 86_400, SECRET);
    let bad = mint("ada", 86_400, "another secret");
    let output = check(
        faulty(),
        &["--config", &config, "--good", &good, "--bad", &bad],
    );
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for words in [
        "pass the good token is accepted: subject ada\n",
        "fail the good token cut short is refused: the plugin crashed its process: crashed with signal 6 \
         (SIGABRT), asked about: cut to the first 3 of ",
        "\n1 fault found: the good token cut short is refused",
    ] {
        assert!(text.contains(words), "no `{words}` in:\n{text}");
    }
}

#[test]
fn the_verdict_says_what_was_skipped_and_tokens_are_read_from_files() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, format!("{text}\n")).unwrap();
        format!("@{}", path.display())
    };
    let config = file("config", &json!({"secret": SECRET}).to_string());
    let good = file("good", &mint("ada", 86_400, SECRET));
    let bad = file("bad", &mint("ada", 86_400, "another secret"));
    let arguments = ["--config", &config, "--good", &good, "--bad", &bad];
    let output = check(faulty(), &arguments);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let verdict = "\nno fault found, 5 skipped because --good2 is not given, --expired is not given, --revoked is \
                   not given, --other-audience is not given, --down-config is not given\n";
    assert!(text.ends_with(verdict), "{text}");
    assert!(!text.contains("keeps the contract"), "{text}");

    let missing = format!("@{}/none", dir.path().display());
    let output = check(faulty(), &["--good", &missing, "--bad", "x"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("none: No such file"), "{text}");
}

#[test]
fn each_command_shows_its_own_options_and_the_manual_names_them() {
    let manual = fs::read_to_string(workspace_root().join("plugin-api/README.md")).unwrap();
    for command in ["list", "inspect", "pin", "try", "check"] {
        let output = Command::new(artifacts().server())
            .args(["plugins", command, "--help"])
            .output()
            .unwrap();
        let text = said(&output);
        assert!(text.lines().count() <= 40, "{command}:\n{text}");
        let all = "datahub-mcp serve --help";
        assert!(text.contains(all), "{command}:\n{text}");
        let options = text.lines().map(str::trim_start).filter_map(|line| {
            let option = line.strip_prefix("--")?;
            option.split([' ', ',']).next()
        });
        for option in options.filter(|_| command == "check") {
            let named = format!("`--{option}");
            assert!(manual.contains(&named), "{named} is not in the manual");
        }
    }
    // The settings are flags all the same.
    let output = Command::new(artifacts().server())
        .args(["plugins", "list", "--token-validator-plugin-dir", "/none"])
        .output()
        .unwrap();
    assert!(said(&output).contains("/none"), "{}", said(&output));
}

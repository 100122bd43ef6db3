//! `plugins check` and `plugins inspect` see a validator as the server does: with what its library declares
//! that it needs, with the options of the settings, in its own time; and say what is odd about it.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use integration_tests::{PluginDir, artifacts::artifacts, vendor};
use serde_json::{Value, json};

use crate::kit::{SECRET, check, closed_port, faulty, mint, said};

/// The faulty library with more in its description, and more options.
fn built(name: &str, info: &Value, options: &str) -> (PluginDir, std::path::PathBuf) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let info = match info {
        Value::Null => String::new(),
        needs => format!(",\"needs\":{needs}"),
    };
    let macros = [("MORE_INFO", info.as_str()), ("MORE_OPTIONS", options)];
    let file = format!("lib{name}.so");
    let library = vendor::faulty_in_c_with(target, &file, &macros).unwrap();
    let dir = PluginDir::with(&library).unwrap();
    let path = dir.path().join(file);
    (dir, path)
}

fn checked(library: &Path, options: &Value, more: &[&str]) -> (Option<i32>, String) {
    let mut config = json!({"secret": SECRET});
    let members = config.as_object_mut().unwrap();
    members.extend(options.as_object().unwrap().clone());
    let (config, good) = (config.to_string(), mint("ada", 86_400, SECRET));
    let bad = mint("ada", 86_400, "another secret");
    let mut arguments = vec!["--config", &config, "--good", &good, "--bad", &bad];
    arguments.extend(more);
    let output = check(library, &arguments);
    (output.status.code(), said(&output))
}

fn inspected(library: &Path) -> Output {
    Command::new(artifacts().server())
        .args(["plugins", "inspect"])
        .arg(library)
        .env_clear()
        .output()
        .unwrap()
}

#[test]
fn invalid_needs_are_found_before_the_server_refuses_them() {
    for (at, needs) in [
        json!({"network": "no"}),
        json!({"netwrok": false}),
        json!({"files": ["relative"]}),
    ]
    .iter()
    .enumerate()
    {
        let (_dir, library) = built(&format!("needs_wrong_{at}"), needs, "");
        let (status, text) = checked(&library, &json!({}), &[]);
        assert_eq!(status, Some(1), "{text}");
        let found = "1 fault found: its needs are valid";
        assert!(text.contains(found), "{text}");
        let output = inspected(&library);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("would load: no, the `needs`"), "{text}");
    }
}

#[test]
fn a_validator_is_checked_with_the_needs_that_it_declares() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let options = json!({"port": port});
    let (_dir, none) = built("needs_none", &json!({"network": false}), "");
    let (status, text) = checked(&none, &options, &[]);
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains("fail the good token is accepted: unavail"),
        "{text}"
    );
    let (_dir, one) = built("needs_port", &json!({"network": [port]}), "");
    let (status, text) = checked(&one, &options, &[]);
    assert_eq!(status, Some(0), "{text}");
    let inspected = said(&inspected(&one));
    let told = format!("needs network to TCP ports {port}, no files\n");
    assert!(inspected.contains(&told), "{inspected}");
    assert!(inspected.contains("\nlinks "), "{inspected}");
    assert!(inspected.contains("would load: yes"), "{inspected}");
}

#[test]
fn a_validator_that_takes_long_to_make_is_not_blamed() {
    let (status, text) = checked(faulty(), &json!({"create_ms": 2_200}), &[]);
    assert_eq!(status, Some(0), "{text}");
    let skipped = "skip validators leave nothing behind: a validator takes 2.2";
    assert!(text.contains(skipped), "{text}");
    assert!(
        text.contains("pass two validators are independent"),
        "{text}"
    );
}

/// Whatever a validator does, the checks end: what there is no time for is skipped, and said.
#[test]
fn slow_blocking_and_hanging_validators_take_no_longer() {
    // Ten seconds, on a machine that is not busy; without a limit each takes a minute, or does not end.
    const LONG: Duration = Duration::from_secs(30);
    const SKIPPED: &str = "skipped because the time for all checks was up (`--time` gives more)";

    for (options, found, told) in [
        (json!({"slow_ms": 1_500}), Some(0), SKIPPED),
        (
            json!({"slow_ms": 1, "fault": "never-answers"}),
            Some(1),
            "fail the good token is accepted: timeout: no answer within 5.0s",
        ),
        (json!({"fault": "blocks-each-time"}), Some(1), SKIPPED),
        (
            json!({"fault": "blocks-for-ever"}),
            Some(1),
            "fail the good token is accepted: the process of the plugin hung for ",
        ),
    ] {
        let started = Instant::now();
        let (status, text) = checked(faulty(), &options, &[]);
        let took = started.elapsed();
        assert_eq!(status, found, "{options}\n{text}");
        assert!(text.contains(told), "{options}\n{text}");
        assert!(took < LONG, "{options}: {took:?}\n{text}");
    }
}

#[test]
fn options_are_read_as_the_server_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let from_file = json!({"secret": format!("@{}", secret.display())});
    let (status, text) = checked(faulty(), &from_file, &[]);
    assert_eq!(status, Some(0), "{text}");

    let (good, bad) = (mint("ada", 86_400, SECRET), mint("ada", 86_400, "another"));
    let from_settings = |arguments: &[&str]| {
        Command::new(artifacts().server())
            .args(["plugins", "check"])
            .arg(faulty())
            .args(["--good", &good, "--bad", &bad])
            .args(arguments)
            .env_clear()
            .env("TOKEN_VALIDATOR_CONFIG", from_file.to_string())
            .output()
            .unwrap()
    };
    let output = from_settings(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    // What the command line says counts instead.
    let output = from_settings(&["--config", "{}"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let down = json!({"secret": SECRET, "port": closed_port()}).to_string();
    let output = from_settings(&["--down-config", &down]);
    assert!(
        said(&output).contains("pass a provider that is down"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_token_is_tried_with_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    fs::write(&token, mint("ada", 86_400, SECRET)).unwrap();
    for factory in ["", ":faulty"] {
        let output = Command::new(artifacts().server())
            .args(["plugins", "try"])
            .arg(format!("{}{factory}", faulty().display()))
            .arg("--token-file")
            .arg(&token)
            .env_clear()
            .env(
                "TOKEN_VALIDATOR_CONFIG",
                json!({"secret": SECRET}).to_string(),
            )
            .output()
            .unwrap();
        let text = said(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        for line in [
            "subject     ada\n",
            "presented   sha256 ",
            "for DataHub sha256 ",
        ] {
            assert!(text.contains(line), "no `{line}` in {text}");
        }
    }
}

#[test]
fn the_templates_have_a_secret_option_and_pass_the_end_of_tokens_on() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates");
    let mut libraries = vec![(vendor::in_c(&target).unwrap(), "c-")];
    libraries.extend(
        vendor::in_go(&target)
            .unwrap()
            .map(|library| (library, "go-")),
    );
    for (library, prefix) in libraries {
        let dir = PluginDir::with(&library).unwrap();
        let library = dir.path().join(library.file_name().unwrap());
        let of = |options: &Value, end: i64| {
            let token = dir.path().join("token");
            fs::write(&token, format!("{prefix}ada@{end}")).unwrap();
            let output = Command::new(artifacts().server())
                .args(["plugins", "try"])
                .arg(format!("{}:prefix", library.display()))
                .arg("--token-file")
                .arg(&token)
                .env_clear()
                .env("TOKEN_VALIDATOR_CONFIG", options.to_string())
                .output()
                .unwrap();
            said(&output)
        };
        let right = json!({"secret": "0123456789abcdef"});
        let accepted = of(&right, 4_000_000_000);
        assert!(accepted.contains("subject     ada\n"), "{accepted}");
        assert!(accepted.contains("expires     4000000000\n"), "{accepted}");
        let expired = of(&json!({}), 1_000);
        assert!(expired.contains("outcome     rejected\n"), "{expired}");
        let refused = of(&json!({"secret": "too short"}), 4_000_000_000);
        assert!(refused.contains("`secret`: expected"), "{refused}");
        assert!(!refused.contains("too short"), "{refused}");
    }
}

#[test]
fn one_of_several_factories_is_named() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let dir = PluginDir::with(&vendor::in_c(&target.join("several")).unwrap()).unwrap();
    let library = dir.path().join("libvendor_c.so");
    let output = check(&library, &["--good", "c-ada", "--bad", "c-!"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let named = "has several factories, name one: `vendor_c:";
    assert!(text.contains(named), "{text}");
}

#[test]
fn what_is_odd_is_said() {
    let expired = mint("ada", -60, SECRET);
    let more = ["--expired", &expired];
    let (status, text) = checked(faulty(), &json!({"fault": "no-expiry"}), &more);
    assert_eq!(status, Some(0), "{text}");
    let warned = "warn an expired token is refused: rejected, but the good token's identity has no `expires_at`";
    assert!(text.contains(warned), "{text}");

    let (good, stranger) = (mint("ada", 86_400, SECRET), "f2.ada.1.0123456789abcdef");
    let config = json!({"secret": SECRET, "fault": "not-mine"}).to_string();
    let forged = mint("ada", 86_400, "another secret");
    for (bad, told) in [
        (
            forged.as_str(),
            "warn the bad token is refused: not_mine, and it has the form of the good one",
        ),
        (
            stranger,
            "pass the bad token is refused: not_mine: no signature was checked; if your tokens have a form, give \
             `--bad` a token of that form",
        ),
    ] {
        let arguments = ["--config", &config, "--good", &good, "--bad", bad];
        let text = said(&check(faulty(), &arguments));
        assert!(text.contains(told), "{text}");
    }

    let expired = mint("ada", -20, SECRET);
    let more = ["--expired", &expired];
    let (_, text) = checked(faulty(), &json!({"leeway_s": 60}), &more);
    let told = "pass an expired token is refused: rejected by the host: the validator accepts it";
    assert!(text.contains(told), "{text}");

    let option = r#""api_key": {"type": "string"},"#;
    let (_dir, unmarked) = built("unmarked", &Value::Null, option);
    let (status, text) = checked(&unmarked, &json!({"api_key": "x"}), &[]);
    assert_eq!(status, Some(0), "{text}");
    let warned = "warn its secrets are marked: `api_key` is named like a secret";
    assert!(text.contains(warned), "{text}");
}

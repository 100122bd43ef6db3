use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use plugin_api::sdk::FailureKind;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::list::ListError;

const NOW: i64 = 1_800_000_000;
const TOKEN: &str = "mcp-canary-0123456789abcdef0123456789abcdef";

fn sha256(token: &str) -> String {
    TokenDigest::of(token)
        .bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn entry(change: impl FnOnce(&mut Value)) -> Value {
    let mut entry = json!({
        "name": "export", "sha256": sha256(TOKEN), "scopes": ["read"], "datahub_token": "@datahub",
    });
    change(&mut entry);
    entry
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A directory with a list and a DataHub token beside it.
fn files(entries: &[Value]) -> TempDir {
    let directory = TempDir::new().unwrap();
    write(&directory.path().join("datahub"), "datahub-canary\n", 0o600);
    write(
        &directory.path().join("list.json"),
        &json!({ "tokens": entries }).to_string(),
        0o640,
    );
    directory
}

fn validator(directory: &TempDir) -> Result<StaticTokens, Failure> {
    let config = Config {
        file: Some(directory.path().join("list.json")),
        reload_interval: Some(Seconds(1)),
    };
    StaticTokens::new(config, Clock::manual(NOW))
}

#[tokio::test]
async fn a_machine_is_known_by_the_hash_of_its_token() {
    let other = "another-token-that-is-long-enough";
    let entries = [
        entry(|_| {}),
        entry(|e| {
            e["name"] = "old".into();
            e["sha256"] = sha256(other).to_uppercase().into();
            e["expires_at"] = NOW.into();
        }),
    ];
    let directory = files(&entries);
    let validator = validator(&directory).unwrap();
    let identity = validator.decide(TOKEN).unwrap();
    assert_eq!(
        (identity.subject(), identity.get_scopes()),
        ("export", &["read".to_owned()][..])
    );
    assert_eq!(
        identity.get_resolved_token().unwrap().expose(),
        "datahub-canary"
    );
    assert_eq!(identity.get_cache_ttl(), Some(Duration::from_secs(1)));
    assert_eq!(
        validator.decide(other).unwrap_err().kind(),
        FailureKind::Rejected,
        "expired"
    );
    for unknown in [
        "",
        "short",
        &TOKEN[1..],
        &format!("{TOKEN} "),
        &sha256(TOKEN),
    ] {
        assert_eq!(
            validator.decide(unknown).unwrap_err().kind(),
            FailureKind::NotMine,
            "{unknown}"
        );
    }
    assert!(!format!("{validator:?}").contains("canary"));
}

#[test]
fn a_list_with_anything_wrong_is_not_used_and_quotes_nothing() {
    let cases = [
        (json!({ "name": "" }), "entry 1: `name`"),
        (json!({ "name": "a\nb" }), "entry 1: `name`"),
        (json!({ "sha256": "abc" }), "entry 1: `sha256`"),
        (json!({ "sha256": "z".repeat(64) }), "entry 1: `sha256`"),
        (json!({ "sha256": sha256("") }), "that of empty text"),
        (json!({ "datahub_token": "" }), "`datahub_token`"),
        (json!({ "datahub_token": "canary two" }), "`datahub_token`"),
        (json!({ "datahub_token": "@missing" }), "missing"),
        (json!({ "scopes": ["a b"] }), "`scopes`"),
        (json!({ "scopes": "canary" }), "line 1"),
        (json!({ "token": TOKEN }), "line 1"),
        (json!({ "expires_at": "canary" }), "line 1"),
    ];
    for (changes, why) in cases {
        let directory = files(&[entry(|e| {
            for (name, value) in changes.as_object().unwrap() {
                e[name] = value.clone();
            }
        })]);
        let error = List::load(&directory.path().join("list.json"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{changes}: {error}");
        assert!(!error.contains("canary"), "{error}");
    }
    let twice = files(&[entry(|_| {}), entry(|e| e["sha256"] = sha256("x").into())]);
    assert!(
        List::load(&twice.path().join("list.json"))
            .unwrap_err()
            .to_string()
            .contains("repeated")
    );
    let many: Vec<Value> = (0..1_001)
        .map(|n| {
            entry(|e| {
                e["name"] = n.to_string().into();
                e["sha256"] = sha256(&n.to_string()).into();
            })
        })
        .collect();
    assert!(List::load(&files(&many).path().join("list.json")).is_err());
    assert_eq!(
        List::load(&files(&many[..1_000]).path().join("list.json"))
            .unwrap()
            .0
            .len(),
        1_000
    );
}

#[test]
fn files_that_others_can_change_are_not_read() {
    let directory = files(&[entry(|_| {})]);
    let list = directory.path().join("list.json");
    let unsafe_now = || matches!(List::load(&list), Err(ListError::Unsafe { .. }));
    assert!(!unsafe_now());
    for (file, mode, refused) in [
        ("list.json", 0o660, true),
        ("list.json", 0o642, true),
        ("list.json", 0o644, false),
        ("datahub", 0o620, true),
        ("datahub", 0o400, false),
    ] {
        fs::set_permissions(directory.path().join(file), Permissions::from_mode(mode)).unwrap();
        assert_eq!(unsafe_now(), refused, "{file} {mode:o}");
    }
    // A list that holds a token itself must not be readable by everybody.
    write(
        &list,
        &json!({ "tokens": [entry(|e| e["datahub_token"] = "plain-token".into())] }).to_string(),
        0o644,
    );
    assert!(unsafe_now());
    fs::set_permissions(&list, Permissions::from_mode(0o640)).unwrap();
    assert!(!unsafe_now());
    fs::remove_file(&list).unwrap();
    fs::create_dir(&list).unwrap();
    assert!(unsafe_now());
}

#[test]
fn a_list_is_read_again_when_one_of_its_files_changes() {
    let directory = files(&[entry(|_| {})]);
    let list = directory.path().join("list.json");
    let (_, stamp) = List::load(&list).unwrap();
    assert!(list::reload(&list, &stamp).unwrap().is_none());
    write(
        &directory.path().join("datahub"),
        "another-datahub-token",
        0o600,
    );
    let (read, stamp) = list::reload(&list, &stamp).unwrap().unwrap();
    assert_eq!(
        read.find(&TokenDigest::of(TOKEN))
            .unwrap()
            .datahub_token
            .expose(),
        "another-datahub-token"
    );
    write(&list, "{ broken", 0o640);
    assert!(list::reload(&list, &stamp).is_err());
    write(&list, r#"{"tokens":[]}"#, 0o640);
    assert_eq!(list::reload(&list, &stamp).unwrap().unwrap().0.len(), 0);
}

#[tokio::test]
async fn the_running_validator_takes_a_change_and_survives_a_broken_one() {
    let directory = files(&[entry(|_| {})]);
    let validator = validator(&directory).unwrap();
    let list = directory.path().join("list.json");
    let becomes = async |known: bool| {
        let read = async {
            while validator.decide(TOKEN).is_ok() != known {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let limit = Duration::from_secs(60);
        tokio::time::timeout(limit, read).await.unwrap();
    };
    write(&list, r#"{"tokens":[]}"#, 0o640);
    becomes(false).await;
    write(
        &list,
        &json!({ "tokens": [entry(|_| {})] }).to_string(),
        0o640,
    );
    becomes(true).await;
}

#[tokio::test]
async fn a_list_that_is_not_there_stops_the_start() {
    for config in [
        Config::default(),
        Config {
            file: Some("/nowhere/list.json".into()),
            ..Config::default()
        },
    ] {
        let failure = StaticTokens::new(config, Clock::system()).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Misconfigured);
    }
}

//! `plugins.lock` and signatures: what an operator demands of a library beyond its place and its owner is
//! demanded before any of it runs, and the absence of an answer is a no.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use integration_tests::{Server, ServerBuilder, artifacts};
use serde_json::Value;

/// A public key, and a signature by it of other bytes than those of any library.
const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
    RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
    trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
    wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n";

/// A directory with two libraries.
struct Plugins {
    dir: tempfile::TempDir,
}

impl Plugins {
    fn new() -> Self {
        let plugins = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::set_permissions(plugins.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let bytes = fs::read(artifacts().plugin("datahub_token")).unwrap();
        for name in ["liblisted.so", "libother.so"] {
            plugins.put(name, &bytes, 0o644);
        }
        plugins
    }

    fn put(&self, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let file = self.dir.path().join(name);
        fs::write(&file, bytes).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    fn pin(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(artifacts().server())
            .args(["plugins", "pin"])
            .args(arguments)
            .current_dir(self.dir.path())
            .env("TOKEN_VALIDATOR_PLUGIN_DIR", self.dir.path())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    fn server(&self, factory: &str, lock: Option<&Path>) -> ServerBuilder {
        let server = Server::builder()
            .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
            .env(
                "TOKEN_VALIDATOR_PLUGIN_DIR",
                self.dir.path().display().to_string(),
            )
            .env("TOKEN_VALIDATOR_FACTORY", factory);
        match lock {
            Some(lock) => server.env("TOKEN_VALIDATOR_LOCK", lock.display().to_string()),
            None => server,
        }
    }
}

#[test]
fn only_what_the_lock_lists_is_loaded() {
    let plugins = Plugins::new();
    let report = plugins.put("report.json", b"{}", 0o644);
    let (pinned, said) = plugins.pin(&[
        "--lock",
        "plugins.lock",
        "--report",
        &format!("listed={}", report.display()),
        "listed",
    ]);
    assert!(pinned, "{said}");
    let lock = plugins.dir.path().join("plugins.lock");
    let content: Value = serde_json::from_slice(&fs::read(&lock).unwrap()).unwrap();
    let entry = &content["plugins"][0];
    assert_eq!(
        (&entry["name"], &entry["signer"]),
        (&"listed".into(), &Value::Null)
    );
    assert!(!entry["version"].as_str().unwrap().is_empty(), "{content}");
    // The SHA-256 of `{}`.
    let digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(entry["conformance"], digest);

    drop(plugins.server("listed", Some(&lock)).start().unwrap());
    let refused = plugins.server("other", Some(&lock)).refuse().unwrap();
    refused.assert_says(&[
        "TOKEN_VALIDATOR_LOCK",
        "`other` is not in",
        "plugins pin --lock",
    ]);

    let mut changed = fs::read(plugins.dir.path().join("liblisted.so")).unwrap();
    changed.extend(b"more");
    plugins.put("liblisted.so", &changed, 0o644);
    let refused = plugins.server("listed", Some(&lock)).refuse().unwrap();
    refused.assert_says(&["liblisted.so", "expected sha256", "found"]);
}

#[test]
fn a_lock_that_cannot_be_trusted_or_read_stops_the_start() {
    let plugins = Plugins::new();
    let missing = plugins.dir.path().join("missing.lock");
    let refused = plugins.server("listed", Some(&missing)).refuse().unwrap();
    refused.assert_says(&["TOKEN_VALIDATOR_LOCK", "missing.lock"]);
    let (pinned, said) = plugins.pin(&["--lock", "plugins.lock", "listed"]);
    assert!(pinned, "{said}");
    let lock = plugins.dir.path().join("plugins.lock");
    let good = fs::read_to_string(&lock).unwrap();
    for (content, mode, words) in [
        (good.clone(), 0o666, "world-writable"),
        (
            good.replace("\"format\": 1", "\"format\": 2"),
            0o644,
            "format",
        ),
        (good.replace("sha256", "sha512"), 0o644, "not a lock file"),
        (String::new(), 0o644, "not a lock file"),
    ] {
        plugins.put("plugins.lock", content.as_bytes(), mode);
        let refused = plugins.server("listed", Some(&lock)).refuse().unwrap();
        refused.assert_says(&["plugins.lock", words]);
    }
}

#[test]
fn a_signature_that_is_demanded_and_not_there_stops_the_start() {
    let plugins = Plugins::new();
    let refused = || {
        let server = plugins.server("listed", None).env("PLUGIN_SIGNERS", KEY);
        server.refuse().unwrap()
    };
    refused().assert_says(&["liblisted.so.minisig", "PLUGIN_SIGNERS", "minisign -S"]);
    plugins.put("liblisted.so.minisig", b"signed, I swear", 0o644);
    refused().assert_says(&["liblisted.so.minisig", "not a signature of minisign"]);
    plugins.put("liblisted.so.minisig", SIGNATURE.as_bytes(), 0o644);
    refused().assert_says(&["liblisted.so.minisig", "not a signature of this file"]);
    let no_key = plugins
        .server("listed", None)
        .env("PLUGIN_SIGNERS", "RWnope");
    no_key
        .refuse()
        .unwrap()
        .assert_says(&["PLUGIN_SIGNERS", "minisign.pub"]);
}

//! Every kind of file that an operator, or somebody worse, can leave in the plugin directory. None
//! of them may crash the host, hang it or be loaded; each refusal names the file and the reason.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use integration_tests::{Server, artifacts, artifacts::workspace_root, hex, server::Refusal};
use sha2::{Digest, Sha256};

/// A plugin directory of its own that only we can write to.
fn plugin_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

fn put(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let file = dir.join(name);
    fs::write(&file, bytes).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    file
}

fn good_bytes() -> Vec<u8> {
    fs::read(artifacts().plugin("datahub_token")).unwrap()
}

fn refusal(dir: &Path, factory: &str) -> Refusal {
    let refusal = Server::builder()
        .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
        .env("TOKEN_VALIDATOR_PLUGIN_DIR", dir.display().to_string())
        .env("TOKEN_VALIDATOR_FACTORY", factory)
        .refuse()
        .unwrap();
    assert!(
        refusal.status.code().is_some_and(|code| code > 0),
        "{refusal:?}"
    );
    refusal
}

#[test]
fn a_sound_file_loads() {
    let dir = plugin_dir();
    put(dir.path(), "libsound.so", &good_bytes());
    let server = Server::builder()
        .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
        .env(
            "TOKEN_VALIDATOR_PLUGIN_DIR",
            dir.path().display().to_string(),
        )
        .env("TOKEN_VALIDATOR_FACTORY", "sound")
        .start()
        .unwrap();
    drop(server);
}

#[test]
fn a_missing_file_is_named_with_what_is_there() {
    let dir = plugin_dir();
    put(dir.path(), "libnotary.so", &good_bytes());
    let refusal = refusal(dir.path(), "notray");
    refusal.assert_says(&["notray", "notary", &dir.path().display().to_string()]);
}

#[test]
fn text_is_no_plugin() {
    let dir = plugin_dir();
    put(dir.path(), "libtext.so", b"#!/bin/sh\necho surprise\n");
    refusal(dir.path(), "text").assert_says(&["libtext.so", "ELF"]);
}

#[test]
fn an_empty_file_is_no_plugin() {
    let dir = plugin_dir();
    put(dir.path(), "libempty.so", b"");
    refusal(dir.path(), "empty").assert_says(&["libempty.so"]);
}

#[test]
fn a_truncated_file_is_refused_wherever_it_was_cut() {
    let dir = plugin_dir();
    let bytes = good_bytes();
    // Cuts near the start hit the headers, the others segments and the section table.
    let mut cuts: Vec<usize> = vec![1, 16, 63, 64, 65, 120, 500, 4095, 4096, 4097];
    cuts.extend((1..14).map(|part| bytes.len() / 14 * part));
    cuts.extend([bytes.len() - 4096, bytes.len() - 64, bytes.len() - 1]);
    for cut in cuts {
        put(dir.path(), "libcut.so", &bytes[..cut]);
        let refusal = refusal(dir.path(), "cut");
        refusal.assert_says(&["libcut.so"]);
    }
}

#[test]
fn another_machine_s_library_is_refused() {
    let dir = plugin_dir();
    let mut bytes = good_bytes();
    // e_machine of the ELF header: 8 is MIPS.
    bytes[18] = 8;
    bytes[19] = 0;
    put(dir.path(), "libmips.so", &bytes);
    refusal(dir.path(), "mips").assert_says(&["libmips.so", "machine"]);
}

#[test]
fn a_library_without_the_symbol_is_refused() {
    let dir = plugin_dir();
    let libm = [
        "/lib/x86_64-linux-gnu/libm.so.6",
        "/lib/aarch64-linux-gnu/libm.so.6",
        "/lib64/libm.so.6",
    ]
    .iter()
    .find_map(|path| fs::read(path).ok())
    .expect("the C library's libm");
    put(dir.path(), "libmath.so", &libm);
    refusal(dir.path(), "math").assert_says(&["libmath.so", "symbol"]);
}

#[test]
fn a_fifo_does_not_hang_the_start() {
    let dir = plugin_dir();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        dir.path().join("libpipe.so"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    refusal(dir.path(), "pipe").assert_says(&["libpipe.so", "regular file"]);
}

#[test]
fn what_others_may_write_is_refused() {
    for mode in [0o666, 0o664] {
        let dir = plugin_dir();
        let file = put(dir.path(), "libloose.so", &good_bytes());
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        refusal(dir.path(), "loose").assert_says(&["libloose.so", "writable"]);
    }
    let dir = plugin_dir();
    put(dir.path(), "libloose.so", &good_bytes());
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    refusal(dir.path(), "loose").assert_says(&["writable"]);
}

#[test]
fn a_symlink_may_not_lead_out() {
    let outside = plugin_dir();
    let target = put(outside.path(), "libreal.so", &good_bytes());
    let dir = plugin_dir();
    symlink(&target, dir.path().join("liblink.so")).unwrap();
    refusal(dir.path(), "link").assert_says(&["liblink.so"]);
}

#[test]
fn a_symlink_may_stay_inside() {
    let dir = plugin_dir();
    put(dir.path(), "libreal-1.2.so", &good_bytes());
    symlink("libreal-1.2.so", dir.path().join("libreal.so")).unwrap();
    Server::builder()
        .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
        .env(
            "TOKEN_VALIDATOR_PLUGIN_DIR",
            dir.path().display().to_string(),
        )
        .env("TOKEN_VALIDATOR_FACTORY", "real")
        .start()
        .unwrap();
}

#[test]
fn two_files_for_one_name_are_ambiguous() {
    let dir = plugin_dir();
    put(dir.path(), "libtwin.so", &good_bytes());
    put(dir.path(), "twin.so", &good_bytes());
    refusal(dir.path(), "twin").assert_says(&["libtwin.so", "twin.so"]);
}

#[test]
fn names_cannot_leave_the_directory() {
    let dir = plugin_dir();
    for name in ["../oidc", "/etc/passwd", ".hidden", "a/b"] {
        refusal(dir.path(), name).assert_says(&["TOKEN_VALIDATOR_FACTORY"]);
    }
}

#[test]
fn an_unknown_factory_is_named_with_those_that_are_there() {
    let dir = plugin_dir();
    put(dir.path(), "libsound.so", &good_bytes());
    refusal(dir.path(), "sound:nothing").assert_says(&["nothing", "datahub_token"]);
}

#[test]
fn a_pinned_hash_must_match_and_both_are_printed() {
    let dir = plugin_dir();
    let bytes = good_bytes();
    put(dir.path(), "libpinned.so", &bytes);
    let right = hex(&Sha256::digest(&bytes));
    let wrong = "0".repeat(64);
    let builder = || {
        Server::builder()
            .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
            .env(
                "TOKEN_VALIDATOR_PLUGIN_DIR",
                dir.path().display().to_string(),
            )
            .env("TOKEN_VALIDATOR_FACTORY", "pinned")
    };
    let refusal = builder()
        .env("TOKEN_VALIDATOR_SHA256", &wrong)
        .refuse()
        .unwrap();
    refusal.assert_says(&[&right, &wrong]);
    builder()
        .env("TOKEN_VALIDATOR_SHA256", &right)
        .start()
        .unwrap();
}

#[test]
fn an_option_that_does_not_exist_is_named_once_with_those_that_do() {
    let refusal = Server::builder()
        .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
        .env("TOKEN_VALIDATOR_FACTORY", "static_tokens")
        .env("TOKEN_VALIDATOR_OPT_FIEL", "/tokens.json")
        .refuse()
        .unwrap();
    assert_eq!(refusal.status.code(), Some(64));
    refusal.assert_says(&[
        "error: `TOKEN_VALIDATOR_OPT_FIEL`: option `FIEL` is unknown",
        "the options are file, reload_interval; did you mean `file`?",
    ]);
    assert_eq!(refusal.text.matches("is unknown").count(), 1);
}

#[test]
fn a_port_that_is_taken_is_named_with_the_reason_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refusal = Server::builder()
        .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
        .env("DATAHUB_MCP_PORT", &port)
        .refuse()
        .unwrap();
    refusal.assert_says(&["cannot listen on 127.0.0.1:", &port]);
    assert_eq!(
        refusal.text.matches("in use").count(),
        1,
        "{}",
        refusal.text
    );
}

/// The stored library of ABI version 1.0 with another version in its header, which is data.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[test]
fn the_version_in_the_header_decides_and_both_versions_are_named() {
    let stored = workspace_root().join("tests/fixtures/plugins/librung_1_0.so");
    let stored = fs::read(stored).unwrap();
    let text = b"token validator1.0.0";
    let at = stored
        .windows(text.len())
        .position(|window| window == text)
        .unwrap();
    for (stated, words) in [
        ("1.9.0", ["found 1.9", "newer than this server"]),
        ("2.0.0", ["found 2.0", "another major version"]),
        ("0.9.0", ["found 0.9", "another major version"]),
        ("1.x.0", ["found a header", "without a version number"]),
    ] {
        let mut bytes = stored.clone();
        let version = at + text.len() - stated.len();
        bytes[version..version + stated.len()].copy_from_slice(stated.as_bytes());
        let dir = plugin_dir();
        put(dir.path(), "libstated.so", &bytes);
        let refusal = refusal(dir.path(), "stated");
        refusal.assert_says(&["libstated.so", "expected plugin API 1.0 to 1.1"]);
        refusal.assert_says(&words);
    }
}

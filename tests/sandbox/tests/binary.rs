//! The `sandbox` binary where the server beside it is missing or wrong. What it does with the real one
//! is tested with the server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A directory with the sandbox in it, and a server that is this shell script.
fn installed(name: &str, server: Option<&str>) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // left over from an earlier run, or not there
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    let sandbox = dir.join("sandbox");
    fs::hard_link(env!("CARGO_BIN_EXE_sandbox"), &sandbox)
        .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_sandbox"), &sandbox).map(drop))
        .unwrap();
    if let Some(script) = server {
        let path = dir.join("datahub-mcp");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    sandbox
}

fn start(sandbox: &Path) -> Child {
    Command::new(sandbox)
        .args(["--json", "--port", "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Exit code, stdout and stderr.
fn run(sandbox: &Path) -> (Option<i32>, String, String) {
    let output = start(sandbox).wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_missing_server_is_one_line_that_says_what_to_do() {
    let (code, stdout, stderr) = run(&installed("missing", None));
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("build it with `cargo build`"), "{stderr}");
}

#[test]
fn a_server_that_ends_at_once_is_reported() {
    let (code, stdout, stderr) = run(&installed("ends", Some("echo what it said; exit 3")));
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("what it said"), "{stderr}");
    assert!(
        stderr.contains("the server ended (exit status: 3)"),
        "{stderr}"
    );
}

#[test]
fn a_server_does_not_outlive_a_sandbox_that_is_killed() {
    let sandbox = installed("killed", Some("echo \"server $$\"; exec sleep 600"));
    let mut child = start(&sandbox);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let pid: u32 = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("server ")?.parse().ok())
        .unwrap();
    assert!(Path::new(&format!("/proc/{pid}")).exists());
    child.kill().unwrap();
    child.wait().unwrap();
    // the server holds the other end of stderr: the pipe ends when the server does
    assert_eq!(lines.map_while(Result::ok).count(), 0);
}

#[test]
fn a_stopped_sandbox_stops_the_server() {
    let sandbox = installed("stopped", Some("echo \"server $$\"; exec sleep 600"));
    let mut child = start(&sandbox);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("server") {
        line.clear();
        assert_ne!(
            stderr.read_line(&mut line).unwrap(),
            0,
            "no server was started"
        );
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

//! The sandbox's own command for the doctor, run as it is printed.

use std::process::Stdio;

use integration_tests::artifacts;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::{
    Settings, examine,
    sign_in::{SignIn, visit},
};
use crate::oauth_world::Visit;

/// A sandbox, and its first line.
async fn start(
    args: &[&str],
) -> (
    Child,
    tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
) {
    let mut child = Command::new(artifacts().sandbox())
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

#[tokio::test]
async fn the_doctor_walks_a_sign_in_at_the_sandbox() {
    let (_sandbox, mut lines) = start(&["--json", "--port", "0"]).await;
    let line = lines
        .next_line()
        .await
        .unwrap()
        .expect("a sandbox that starts");
    let told: Value = serde_json::from_str(&line).unwrap();
    let mut settings = Settings::new();
    for name in [
        "DATAHUB_GMS_URL",
        "DATAHUB_MCP_PORT",
        "OIDC_AUDIENCE",
        "OIDC_CLIENT_ID",
        "OIDC_ISSUER_URL",
    ] {
        settings.insert(name, told["settings"][name].as_str().unwrap().to_owned());
    }
    assert_eq!(told["settings"].as_object().unwrap().len(), settings.len());
    let examined = examine(&settings).await;
    assert_eq!(examined.status, 0, "{}", examined.text);
    let seen = examined.find("port", "ok")["seen"].to_string();
    assert!(seen.contains("answers `/health`"), "{seen}");

    let mut doctor = SignIn::start(&settings);
    let url = doctor.url().await;
    let Visit::Page { status, body, .. } = visit(&url).await else {
        panic!("not at the doctor's page");
    };
    assert_eq!(status, 200, "{body}");
    let (status, said) = doctor.end().await;
    assert_eq!(status, 0, "{said}");
    for line in [
        "`oidc:oidc` accepts the token",
        "answers as a person of its own",
    ] {
        assert!(said.contains(line), "no {line} in {said}");
    }
}

#[tokio::test]
async fn the_sandbox_prints_the_command_of_the_doctor() {
    let (_sandbox, mut lines) = start(&["--port", "0"]).await;
    let command = loop {
        let line = lines
            .next_line()
            .await
            .unwrap()
            .expect("the command of the doctor");
        if line.trim_start().starts_with("env ") {
            break line;
        }
    };
    assert!(
        command.ends_with(" doctor --sign-in --callback-port 0"),
        "{command}"
    );
    let mut doctor = Command::new("sh")
        .args(["-c", &format!("exec {}", command.trim())])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(doctor.stdout.take().unwrap()).lines();
    loop {
        let line = said.next_line().await.unwrap().expect("a URL to open");
        if line.starts_with("http://127.0.0.1:") && line.contains("code_challenge=") {
            break;
        }
    }
}

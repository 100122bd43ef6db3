//! `datahub-mcp stdio`: one person, over stdin and stdout, as a local MCP client starts it.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::symlink,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
};

use integration_tests::artifacts;
use serde_json::{Value, json};

use crate::shop_world::shop_datahub;

/// The program with nothing in its environment but a home.
fn program(home: &Path) -> Command {
    let mut command = without_command(&artifacts().server(), home);
    command.arg("stdio");
    command
}

/// The program at `path`, without a command.
fn without_command(path: &Path, home: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_clear().env("HOME", home);
    command
}

/// A conversation; the program is killed when it is dropped.
struct Conversation {
    child: Child,
    input: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Conversation {
    fn open(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut conversation = Self {
            child,
            input,
            lines: BufReader::new(output),
        };
        let hello = conversation.ask(
            "initialize",
            json!({"protocolVersion": "2025-11-25", "capabilities": {},
                   "clientInfo": {"name": "test", "version": "1"}}),
        );
        assert_eq!(hello["result"]["serverInfo"]["name"], "datahub-mcp");
        conversation.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        conversation
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input, "{message}").unwrap();
        self.input.flush().unwrap();
    }

    /// Every line of stdout is a message of the protocol, this one the answer.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}));
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in: {line}"))
    }

    fn call(&mut self, tool: &str) -> Value {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": {}}));
        answer["result"].clone()
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_or_what_datahub_init_wrote_say_who_asks() {
    let datahub = shop_datahub(|_| {}).await;
    let home = tempfile::tempdir().unwrap();
    let (editor, viewer) = (datahub.token("editor"), datahub.token("viewer"));
    fs::write(
        home.path().join(".datahubenv"),
        format!(
            "gms:\n  server: {}\n  token: {}\n",
            datahub.url(),
            editor.unwrap()
        ),
    )
    .unwrap();
    let mut as_in_file = Conversation::open(program(home.path()));
    let me = as_in_file.call("get_me");
    assert!(me.to_string().contains("urn:li:corpuser:editor"), "{me}");

    let mut command = program(home.path());
    command
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("DATAHUB_GMS_TOKEN", viewer.unwrap());
    let me = Conversation::open(command).call("get_me");
    assert!(me.to_string().contains("urn:li:corpuser:viewer"), "{me}");

    // The token in the file is for the server in the file, and for no other.
    let mut command = program(home.path());
    command.env("DATAHUB_GMS_URL", "http://127.0.0.1:9");
    let Output { status, stderr, .. } = command.output().unwrap();
    assert_eq!(status.code(), Some(64));
    let said = String::from_utf8(stderr).unwrap();
    assert!(said.contains("DATAHUB_GMS_TOKEN"), "{said}");
}

/// There is no HTTP status here that would make a client sign in: the answer says what to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_datahub_refuses_is_an_answer_that_says_so() {
    let datahub = shop_datahub(|_| {}).await;
    let home = tempfile::tempdir().unwrap();
    let mut command = program(home.path());
    command
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("DATAHUB_GMS_TOKEN", "canary-of-nobody");
    let answer = Conversation::open(command).call("get_me");
    assert_eq!(answer["isError"], true, "{answer}");
    let text = answer["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("token"), "{text}");
    assert!(!text.contains("canary-of-nobody"), "{text}");
}

#[test]
fn what_is_missing_is_said_before_anything_is_served() {
    let home = tempfile::tempdir().unwrap();
    let said = |home: &Path| {
        let output = program(home).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        assert!(output.stdout.is_empty(), "stdout is the protocol's");
        String::from_utf8(output.stderr).unwrap()
    };
    let none = said(home.path());
    assert!(none.contains("DATAHUB_GMS_URL"), "{none}");
    assert!(none.contains("datahub init"), "{none}");
    let file = home.path().join(".datahubenv");
    fs::write(&file, "gms:\n  token: canary-token\n").unwrap();
    let useless = said(home.path());
    assert!(useless.contains(".datahubenv names no server"), "{useless}");
    assert!(!useless.contains("canary-token"), "{useless}");
    fs::write(&file, [0xff, 0xfe]).unwrap();
    let garbled = said(home.path());
    assert!(garbled.contains(".datahubenv cannot be read"), "{garbled}");
}

/// As local clients start the Python server, and this one in its place.
#[test]
fn a_start_without_a_command_is_stdio_for_a_client_that_holds_the_pipe() {
    let home = tempfile::tempdir().unwrap();
    let server = artifacts().server();
    let renamed = home.path().join("mcp-server-datahub");
    symlink(&server, &renamed).unwrap();
    for (path, args) in [
        (server.as_path(), &[][..]),
        (server.as_path(), &["--debug"][..]),
        (server.as_path(), &["--transport", "stdio"][..]),
        (renamed.as_path(), &[][..]),
        (renamed.as_path(), &["--transport", "stdio", "--debug"][..]),
    ] {
        let mut command = without_command(path, home.path());
        command
            .args(args)
            .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
            .env("DATAHUB_GMS_TOKEN", "t");
        drop(Conversation::open(command));
    }
}

#[test]
fn other_starts_without_a_command_serve() {
    let home = tempfile::tempdir().unwrap();
    let server = artifacts().server();
    let renamed = home.path().join("mcp-server-datahub-http");
    symlink(&server, &renamed).unwrap();
    // A wrong setting that only `serve` reads tells which of both was started.
    let said = |mut command: Command, stdin: Stdio| {
        command.env("DATAHUB_GMS_URL", "http://127.0.0.1:9");
        let output = command.stdin(stdin).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        String::from_utf8(output.stderr).unwrap()
    };
    for (path, args, stdin) in [
        (server.as_path(), &[][..], Stdio::null()),
        (
            server.as_path(),
            &["--transport", "http"][..],
            Stdio::piped(),
        ),
        (renamed.as_path(), &["--debug"][..], Stdio::piped()),
    ] {
        let mut command = without_command(path, home.path());
        command.args(args).env("DATAHUB_MCP_HOST", "0.0.0.0");
        let said = said(command, stdin);
        assert!(said.contains("`PUBLIC_URL`"), "{args:?}: {said}");
        assert!(!said.contains("datahub init"), "{args:?}: {said}");
    }
    let mut command = without_command(&server, home.path());
    command.args(["--transport", "sse"]);
    let sse = said(command, Stdio::null());
    assert!(sse.contains("--transport http"), "{sse}");
}

/// A gateway in front of DataHub wants headers of its own.
#[test]
fn extra_headers_of_the_file_are_sent_and_other_keys_are_named() {
    let home = tempfile::tempdir().unwrap();
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = gateway.local_addr().unwrap();
    let file = home.path().join(".datahubenv");
    let text = format!(
        "gms:\n  server: http://{server}\n  token: t\n  retry_max_times: 3\n  extra_headers:\n    \
         CF-Access-Client-Id: canary-two\n"
    );
    fs::write(&file, &text).unwrap();
    let head = std::thread::spawn(move || {
        let (stream, _) = gateway.accept().unwrap();
        let lines = BufReader::new(stream).lines().map(Result::unwrap);
        lines
            .take_while(|line| !line.is_empty())
            .collect::<Vec<_>>()
    });
    let mut conversation = Conversation::open(program(home.path()));
    conversation.call("get_me");
    let head = head.join().unwrap();
    assert!(
        head.iter()
            .any(|line| line == "cf-access-client-id: canary-two"),
        "{head:?}"
    );
    drop(conversation);

    let output = program(home.path()).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("not obeyed: retry_max_times"), "{said}");
    assert!(!said.contains("canary-two"), "{said}");

    fs::write(&file, text + "  disable_ssl_verification: true\n").unwrap();
    let output = program(home.path()).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("ca_certificate_path"), "{said}");
}

//! The image: the real program with the arguments and the environment that the Dockerfile gives it. And the unit.

use std::fs;

use integration_tests::{Server, ServerBuilder, artifacts::workspace_root};

/// The program as a container of the image starts it.
fn container() -> ServerBuilder {
    let file = workspace_root().join("host/packaging/Dockerfile");
    let file = fs::read_to_string(file).unwrap();
    // As `Server::builder` starts it.
    assert!(file.contains("\nENTRYPOINT [\"/opt/datahub-mcp/datahub-mcp\"]\nCMD [\"serve\"]\n"));
    let set = file.lines().filter_map(|line| line.strip_prefix("ENV "));
    let pairs = set
        .flat_map(str::split_whitespace)
        .filter_map(|pair| pair.split_once('='));
    let builder = Server::builder()
        .env("DATAHUB_MCP_HOST", "")
        .env("DATAHUB_GMS_URL", "http://127.0.0.1:1");
    pairs.fold(builder, |builder, (name, value)| builder.env(name, value))
}

#[test]
fn a_container_lacks_one_setting_and_says_which() {
    for own in [None, Some("0.0.0.0"), Some("::")] {
        let container = match own {
            Some(host) => container().env("FASTMCP_HOST", host),
            None => container(),
        };
        let refusal = container.clone().refuse().unwrap();
        assert_eq!(refusal.status.code(), Some(64), "{refusal:?}");
        let lines: Vec<_> = refusal.text.lines().collect();
        let [line] = lines.as_slice() else {
            panic!("one line: {refusal:?}");
        };
        assert!(line.contains("`PUBLIC_URL`") && line.contains("`http://datahub-mcp:8000`"));

        let server = container.env("PUBLIC_URL", "http://datahub-mcp:8000");
        let address = server.start().unwrap().address();
        assert!(address.ip().is_unspecified(), "{address}");
    }
}

#[test]
fn a_container_may_listen_on_its_own_address_and_is_told() {
    let container = container()
        .env("FASTMCP_HOST", "127.0.0.1")
        .env("PUBLIC_URL", "http://datahub-mcp:8000");
    let server = container.start().unwrap();
    assert!(server.address().ip().is_loopback());
    let output = server.output();
    assert!(
        output.contains("which nothing outside of this container reaches"),
        "{output}"
    );
}

/// The unit lets the processes of plugins enter their sandbox, whose system calls are in no group of older
/// systemds, and live until the server has finished.
#[test]
fn the_unit_leaves_plugins_their_sandbox() {
    let unit = workspace_root().join("host/packaging/datahub-mcp.service");
    let unit = fs::read_to_string(unit).unwrap();
    let value = |name: &str| {
        let mut values = unit.lines().filter_map(|line| line.strip_prefix(name));
        let value = values.next().unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(values.next(), None, "{name}");
        value
    };
    let calls: Vec<_> = value("SystemCallFilter=").split(' ').collect();
    for call in [
        "@system-service",
        "landlock_create_ruleset",
        "landlock_add_rule",
        "landlock_restrict_self",
        "seccomp",
    ] {
        assert!(calls.contains(&call), "{call}");
    }
    assert_eq!(value("SystemCallErrorNumber="), "EPERM");
    assert_eq!(value("KillMode="), "mixed");
}

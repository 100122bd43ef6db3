//! The image: the real program with the arguments and the environment that the Dockerfile gives it.

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

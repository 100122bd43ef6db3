//! A plugin directory as an operator keeps it, for tests that put files into one.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use integration_tests::{Mcp, Server, ServerBuilder, StubDataHub};
use serde_json::{Value, json};

/// A directory that the host trusts, with one library in it.
pub(crate) struct PluginDir {
    dir: tempfile::TempDir,
    file: String,
    bytes: Vec<u8>,
}

impl PluginDir {
    /// A directory with a copy of `library` in it.
    pub(crate) fn with(library: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let name = library.file_name().unwrap().to_str().unwrap();
        let plugins = Self {
            dir,
            file: name.to_owned(),
            bytes: fs::read(library).unwrap(),
        };
        plugins.put(&plugins.bytes);
        plugins
    }

    /// The bytes of the library.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Puts a library in place as an operator should: written aside, then renamed.
    pub(crate) fn put(&self, bytes: &[u8]) {
        let aside = self.dir.path().join("new");
        fs::write(&aside, bytes).unwrap();
        fs::set_permissions(&aside, fs::Permissions::from_mode(0o644)).unwrap();
        fs::rename(&aside, self.dir.path().join(&self.file)).unwrap();
    }

    /// Puts another file of the same meaning in place: what follows the last section is not looked at.
    pub(crate) fn put_version(&self, number: u32) {
        self.put(&[self.bytes.as_slice(), &number.to_le_bytes()].concat());
    }

    /// A server with this directory and `factory`, with `options`.
    pub(crate) fn server(
        &self,
        datahub: &StubDataHub,
        factory: &str,
        options: &Value,
    ) -> ServerBuilder {
        Server::builder()
            .env("DATAHUB_GMS_URL", datahub.url())
            .env(
                "TOKEN_VALIDATOR_PLUGIN_DIR",
                self.dir.path().display().to_string(),
            )
            .env("TOKEN_VALIDATOR_FACTORY", factory)
            .env("TOKEN_VALIDATOR_CONFIG", options.to_string())
    }
}

/// The status of a request that needs nothing but a good token.
pub(crate) async fn status(mcp: &Mcp, token: &str) -> u16 {
    mcp.rpc(Some(token), "tools/list", json!({}))
        .await
        .unwrap()
        .status
}

/// Waits until `done`; another process does it, so there is nothing to wait on but time.
pub(crate) async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let wait = async {
        while !done().await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let limit = std::time::Duration::from_secs(60);
    assert!(
        tokio::time::timeout(limit, wait).await.is_ok(),
        "not within a minute: {what}"
    );
}

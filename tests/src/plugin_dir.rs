//! A plugin directory as an operator sets it up, for tests that put files into one.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::Value;

use crate::{Server, ServerBuilder, StubDataHub};

/// A directory that the host trusts, with one library in it.
#[derive(Debug)]
pub struct PluginDir {
    dir: tempfile::TempDir,
    file: PathBuf,
    bytes: Vec<u8>,
}

impl PluginDir {
    /// Creates a directory with a copy of `library` in it.
    ///
    /// # Errors
    /// If the library does not exist.
    pub fn with(library: &Path) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        let plugins = Self {
            file: dir.path().join(library.file_name().context("a file")?),
            bytes: fs::read(library).with_context(|| library.display().to_string())?,
            dir,
        };
        plugins.put(&plugins.bytes)?;
        Ok(plugins)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The bytes of the library.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Installs a library as an operator should: written to another name, then renamed.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn put(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let aside = self.dir.path().join("new");
        fs::write(&aside, bytes)?;
        fs::set_permissions(&aside, fs::Permissions::from_mode(0o644))?;
        Ok(fs::rename(&aside, &self.file)?)
    }

    /// Installs a file that differs only in bytes after the last section, which are ignored.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn put_version(&self, number: u32) -> anyhow::Result<()> {
        self.put(&[self.bytes.as_slice(), &number.to_le_bytes()].concat())
    }

    /// A server with this directory and `factory`, with `options`.
    pub fn server(&self, datahub: &StubDataHub, factory: &str, options: &Value) -> ServerBuilder {
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

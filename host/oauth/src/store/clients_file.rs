//! The file of the clients that people signed in with, and of those that the operator blocked, beside
//! the store in memory. The server and the command line both change it.
//!
//! A file that is damaged is never read as empty: nobody would be blocked any more.

#[cfg(test)]
mod tests;

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::clients::{ListedClient, MAX_LISTED};
use crate::private_file::{self, Stamp, Unreadable};

/// The file's name in the state directory.
const FILE: &str = "oauth-clients";
/// The file's first line.
const HEAD: &str = "datahub-mcp clients 1";
/// The longest line, and so the largest file, that is read.
const MAX_LINE_BYTES: u64 = 4 * 1_024;
const MAX_FILE_BYTES: u64 = (MAX_LISTED as u64 + 2) * MAX_LINE_BYTES;

/// The file of clients is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ClientsFileError {
    /// Others may read or change the file.
    #[error(
        "the list of clients {} has mode {mode:04o} and owner {owner}: only this user may read and write it\nhint: chown it to the user that runs the server and chmod 600 it",
        path.display()
    )]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The user id of its owner.
        owner: u32,
    },
    /// The file was not written by this program, or only in part.
    #[error(
        "the list of clients {} is damaged, so it is not known which were blocked\nhint: restore it, or delete it and block them again with `datahub-mcp clients block`",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or replaced.
    #[error(
        "cannot read or replace the list of clients {}: {source}\nhint: run this as the user that runs the server, with its `OAUTH_STATE_DIR`",
        path.display()
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// As many clients are blocked as are listed.
    #[error(
        "{MAX_LISTED} clients are blocked\nhint: set `OAUTH_REGISTRATION=false` and `OAUTH_CLIENT_METADATA_DOMAINS`"
    )]
    Full,
}

/// See the module.
pub(crate) struct ClientsFile {
    directory: PathBuf,
}

impl ClientsFile {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// The clients in the file; none if there is no file. Blocks.
    pub(crate) fn read(&self) -> Result<Vec<ListedClient>, ClientsFileError> {
        let path = self.path();
        match private_file::read(&path, MAX_FILE_BYTES, parse) {
            Ok(clients) => Ok(clients),
            Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(Unreadable::Io(source)) => Err(self.failed(source)),
            Err(Unreadable::Loose { mode, owner }) => {
                Err(ClientsFileError::Loose { path, mode, owner })
            }
            Err(Unreadable::Damaged) => Err(ClientsFileError::Damaged { path }),
        }
    }

    /// Changes what the file holds, which another process may have changed, and returns it. Makes the
    /// directory if it is not there. Blocks.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&mut Vec<ListedClient>),
    ) -> Result<Vec<ListedClient>, ClientsFileError> {
        let failed = |source| self.failed(source);
        let mut made = DirBuilder::new();
        made.recursive(true).mode(0o700);
        made.create(&self.directory).map_err(failed)?;
        let directory = private_file::lock(&self.directory).map_err(failed)?;
        let mut clients = self.read()?;
        change(&mut clients);
        // Blocked ones stay; of the others, those that people used last.
        clients.sort_by_key(|client| {
            std::cmp::Reverse((client.blocked_at.is_some(), client.last_sign_in))
        });
        clients.truncate(MAX_LISTED + 1);
        if let Some(last) = clients.get(MAX_LISTED) {
            if last.blocked_at.is_some() {
                return Err(ClientsFileError::Full);
            }
            clients.truncate(MAX_LISTED);
        }
        private_file::replace(&self.directory, FILE, &render(&clients)).map_err(failed)?;
        directory.sync_all().map_err(failed)?;
        Ok(clients)
    }

    /// The version of the file; none if there is no file.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        private_file::stamp(&self.path())
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    fn failed(&self, source: io::Error) -> ClientsFileError {
        ClientsFileError::Io {
            path: self.path(),
            source,
        }
    }
}

fn render(clients: &[ListedClient]) -> String {
    let lines = clients
        .iter()
        .filter_map(|client| serde_json::to_string(client).ok());
    private_file::with_digest(HEAD, lines)
}

/// `None` for anything that [`render`] does not write.
fn parse(text: &str) -> Option<Vec<ListedClient>> {
    let lines = private_file::lines(HEAD, text)?;
    lines.map(|line| serde_json::from_str(line).ok()).collect()
}

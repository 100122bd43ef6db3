//! The file of the clients that people signed in with, and of those that the operator blocked, beside
//! the store in memory. The server and the command line both change it.
//!
//! A file that is damaged is never read as empty: nobody would be blocked any more.

#[cfg(test)]
mod tests;

use std::path::Path;

use super::clients::{ListedClient, MAX_LISTED};
use crate::state_file::{self, About, Stamp, StateFile, StateFileError};

/// The file's first line.
const HEAD: &str = "datahub-mcp clients 1";
/// The longest line, and so the largest file, that is read.
const MAX_LINE_BYTES: u64 = 4 * 1_024;
static ABOUT: About = About {
    name: "oauth-clients",
    what: "list of clients",
    max_bytes: (MAX_LISTED as u64 + 2) * MAX_LINE_BYTES,
    damaged: "is damaged, so it is not known which were blocked\n\
        hint: restore it, or delete it and block them again with `datahub-mcp clients block`",
    denied: "run this as the user that runs the server, with its `OAUTH_STATE_DIR`",
    exposed: "",
};

/// The file of clients is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ClientsFileError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] StateFileError),
    /// As many clients are blocked as are listed.
    #[error(
        "{MAX_LISTED} clients are blocked\nhint: set `OAUTH_REGISTRATION=false` and `OAUTH_CLIENT_METADATA_DOMAINS`"
    )]
    Full,
}

/// See the module.
pub(crate) struct ClientsFile(StateFile);

impl ClientsFile {
    pub(crate) fn new(directory: &Path) -> Self {
        Self(StateFile::new(directory, &ABOUT))
    }

    /// The clients in the file; none if there is no file. Blocks.
    pub(crate) fn read(&self) -> Result<Vec<ListedClient>, StateFileError> {
        Ok(self.0.read(parse)?.unwrap_or_default())
    }

    /// Changes what the file holds, which another process may have changed, and returns it. Makes the
    /// directory if it is not there. Blocks.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&mut Vec<ListedClient>),
    ) -> Result<Vec<ListedClient>, ClientsFileError> {
        self.0.make_directory()?;
        let locked = self.0.lock()?;
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
        self.0.replace(&render(&clients), &locked)?;
        Ok(clients)
    }

    /// The version of the file; none if there is no file.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        self.0.stamp()
    }
}

fn render(clients: &[ListedClient]) -> String {
    let lines = clients
        .iter()
        .filter_map(|client| serde_json::to_string(client).ok());
    state_file::with_digest(HEAD, lines)
}

/// `None` for anything that [`render`] does not write.
fn parse(text: &str) -> Option<Vec<ListedClient>> {
    let lines = state_file::lines(HEAD, text)?;
    lines.map(|line| serde_json::from_str(line).ok()).collect()
}

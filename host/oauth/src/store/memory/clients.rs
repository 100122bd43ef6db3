//! The list of clients beside the store in memory: what is blocked is known at once, what the command
//! line changes within [`POLL_INTERVAL`].

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use tokio::task::spawn_blocking;

use crate::{
    state_file::{Stamp, StateFileError},
    store::{
        ClientsFileError, StoreError,
        clients::{self, ListedClient, MAX_LISTED},
        clients_file::ClientsFile,
    },
    types::ClientKey,
};

/// The time until a client that the command line blocked is blocked here.
pub(in crate::store) const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The time for which a client's last sign-in is not written again, in seconds.
const NOTED_SECS: u64 = 3_600;

/// The file, and what is known of it.
pub(super) struct Clients {
    file: ClientsFile,
    blocked: RwLock<HashSet<ClientKey>>,
    /// When each client was noted last, in seconds since 1970.
    noted: Mutex<HashMap<ClientKey, u64>>,
    stamp: Mutex<Option<Stamp>>,
}

impl Clients {
    /// Reads the file in `directory`, if there is one.
    pub(super) fn open(directory: &Path) -> Result<Self, StateFileError> {
        let clients = Self {
            file: ClientsFile::new(directory),
            blocked: RwLock::default(),
            noted: Mutex::default(),
            stamp: Mutex::default(),
        };
        clients.look()?;
        Ok(clients)
    }

    pub(super) fn is_blocked(&self, client: &ClientKey) -> bool {
        self.blocked.read().contains(client)
    }

    /// Reads the file again if it is another one. What is blocked stays so if it cannot be read.
    /// Blocks.
    pub(super) fn look(&self) -> Result<(), StateFileError> {
        let stamp = self.file.stamp();
        if stamp == *self.stamp.lock() {
            return Ok(());
        }
        self.learn(&self.file.read()?);
        *self.stamp.lock() = stamp;
        Ok(())
    }

    /// Writes that a person signed in with a client, unless that was written a moment ago.
    pub(super) async fn note(self: Arc<Self>, client: ListedClient) -> Result<(), StoreError> {
        let now = client.last_sign_in.unwrap_or_default();
        {
            let mut noted = self.noted.lock();
            let last = noted.get(&client.key()).copied();
            if last.is_some_and(|last| now < last.saturating_add(NOTED_SECS)) {
                return Ok(());
            }
            if noted.len() >= MAX_LISTED {
                noted.clear();
            }
            noted.insert(client.key(), now);
        }
        let written = spawn_blocking(move || {
            let all = self.file.change(|all| clients::note(all, client))?;
            self.learn(&all);
            Ok::<_, ClientsFileError>(())
        });
        let failed = |text: String| StoreError(text.lines().next().unwrap_or_default().to_owned());
        match written.await {
            Ok(written) => written.map_err(|error| failed(error.to_string())),
            Err(_) => Err(failed("the list of clients was not written".to_owned())),
        }
    }

    fn learn(&self, all: &[ListedClient]) {
        let blocked = all.iter().filter(|client| client.blocked_at.is_some());
        *self.blocked.write() = blocked.map(ListedClient::key).collect();
    }
}

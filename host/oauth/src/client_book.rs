//! The list of clients for the operator's command line: read and changed beside the servers, which
//! follow within seconds.
//!
//! Never opens anything else of the store.

use std::sync::Arc;

use foundation::clock::Clock;
use outbound::Authorities;
use tokio::task::spawn_blocking;

use super::{
    settings::{SettingsError, StoreSettings},
    store::{ClientsFile, ClientsFileError, ListedClient, RedisStore, set_blocked},
    types::ClientKey,
};

/// The list of clients cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ClientBookError {
    /// Clients are listed in no place that another process can read.
    #[error(
        "clients are listed nowhere\nhint: set `OAUTH_STATE_DIR` or `OAUTH_STORE_URL`, as the server has them"
    )]
    Nowhere,
    /// The file is not usable.
    #[error(transparent)]
    File(#[from] ClientsFileError),
    /// The address of the store is not usable.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The store does not answer.
    #[error("{0}\nhint: check `OAUTH_STORE_URL` with `datahub-mcp doctor`")]
    Store(String),
    /// What names a client is neither an id nor a digest.
    #[error(
        "`{0}` names no client\nhint: give the ID from `datahub-mcp clients list`, or the whole `client_id`"
    )]
    NotAClient(String),
}

enum Place {
    File(Arc<ClientsFile>),
    Redis(Arc<RedisStore>),
}

/// See the module.
pub struct ClientBook {
    place: Place,
    clock: Clock,
}

impl ClientBook {
    /// The list of the servers with this store. `issuer` is the public URL, which Redis's keys have in
    /// them; `authorities` are those that a Redis with TLS is checked by. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// If the store is the memory of a process, or its address is wrong.
    pub fn open(
        store: &StoreSettings,
        issuer: &str,
        authorities: &Authorities,
    ) -> Result<Self, ClientBookError> {
        let clock = Clock::system();
        let place = match store {
            StoreSettings::Memory => return Err(ClientBookError::Nowhere),
            StoreSettings::StateDirectory { directory, .. } => {
                Place::File(Arc::new(ClientsFile::new(directory)))
            }
            StoreSettings::Redis(url) => Place::Redis(RedisStore::new(
                url,
                issuer,
                clock.clone(),
                1,
                |_| {},
                authorities,
            )?),
        };
        Ok(Self { place, clock })
    }

    /// All clients that people signed in with or that are blocked, the last used first.
    ///
    /// # Errors
    /// If the list cannot be read.
    pub async fn list(&self) -> Result<Vec<ListedClient>, ClientBookError> {
        let mut all = match &self.place {
            Place::File(file) => {
                let file = Arc::clone(file);
                blocking(move || Ok(file.read()?)).await?
            }
            Place::Redis(redis) => redis.clients().await.map_err(store_error)?,
        };
        all.sort_by(|a, b| (b.last_sign_in, &a.id).cmp(&(a.last_sign_in, &b.id)));
        Ok(all)
    }

    /// Blocks the client that `named` names, or ends the block. Returns the digest of its id.
    ///
    /// # Errors
    /// If it names none, or the list cannot be changed.
    pub async fn set_blocked(&self, named: &str, blocked: bool) -> Result<String, ClientBookError> {
        let key = ClientKey::named(named)
            .ok_or_else(|| ClientBookError::NotAClient(named.chars().take(80).collect()))?;
        let since = blocked.then(|| self.clock.unix_millis().seconds());
        match &self.place {
            Place::File(file) => {
                let (file, key) = (Arc::clone(file), key.clone());
                blocking(move || file.change(|all| set_blocked(all, &key, since))).await?;
            }
            Place::Redis(redis) => {
                let changed = redis.set_blocked(&key, since).await;
                changed.map_err(store_error)?;
            }
        }
        Ok(key.as_str().to_owned())
    }
}

impl std::fmt::Debug for ClientBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientBook")
    }
}

fn store_error(error: super::store::StoreError) -> ClientBookError {
    ClientBookError::Store(error.to_string())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ClientsFileError> + Send + 'static,
) -> Result<T, ClientBookError> {
    let done = spawn_blocking(work).await;
    done.map_err(|_| ClientBookError::Store("the list was not read".to_owned()))?
        .map_err(Into::into)
}

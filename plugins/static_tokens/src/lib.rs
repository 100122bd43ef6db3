//! Validates tokens from a hashed list in a file, for machines that cannot sign in.
//!
//! The file holds the SHA-256 of each token instead of the token, so a token must be long and
//! random (for example from `openssl rand -hex 32`): a hash does not protect a secret that can be
//! guessed. A presented token is compared with every entry in constant time. A token that is not in
//! the list is left to the next validator of a chain.
//!
//! # Options
//! | option | variable | default | meaning |
//! | --- | --- | --- | --- |
//! | `file` | | required | the path of the list |
//! | `reload_interval` | | 5 | seconds between two checks of the file for changes |
//!
//! # The file
//! The file is JSON, owned by root or the user that runs the server, and writable by its owner
//! only:
//! ```json
//! {
//!   "tokens": [
//!     {
//!       "name": "nightly-export",
//!       "sha256": "output of: printf %s \"$TOKEN\" | sha256sum",
//!       "scopes": ["datahub:read"],
//!       "datahub_token": "@/run/secrets/datahub-nightly-export",
//!       "expires_at": 1830297600
//!     }
//!   ]
//! }
//! ```
//! `name` identifies the machine in the log; `datahub_token` is the token that is sent to DataHub
//! for this machine: the path of a file after `@`, relative to the list, or the token itself (the
//! list must then be readable by its owner and group only). `scopes` and `expires_at` (seconds
//! since the Unix epoch) may be omitted. Unknown members are an error.
//!
//! A change takes effect within `reload_interval`, and the host's cached answers expire within the
//! same time. If the list cannot be read, the last valid one stays in use and the log has an error:
//! to revoke a token, remove its entry, not the file.

mod list;

use std::{path::PathBuf, sync::Arc, time::Duration};

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::task::JoinHandle;
use validator_common::{Clock, Seconds, Swap, TokenDigest};

use self::list::{List, Stamp};

/// The shortest accepted token: a shorter one can be guessed, whatever its hash.
const MIN_TOKEN_BYTES: usize = 24;

/// The options of the validator `static_tokens`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The list of hashed tokens, a JSON file. Required.
    pub file: Option<PathBuf>,
    /// Seconds between two checks of the file for changes. Default 5.
    pub reload_interval: Option<Seconds>,
}

/// The validator.
#[derive(Debug)]
pub struct StaticTokens {
    list: Arc<Swap<List>>,
    clock: Clock,
    reload_interval: Duration,
    task: JoinHandle<()>,
}

impl StaticTokens {
    fn new(config: Config, clock: Clock) -> Result<Self, Failure> {
        let file = config
            .file
            .filter(|file| !file.as_os_str().is_empty())
            .ok_or_else(|| {
                Failure::misconfigured("`file` is not set: set it to the list of hashed tokens")
            })?;
        let (list, stamp) =
            List::load(&file).map_err(|error| Failure::misconfigured(error.to_string()))?;
        tracing::info!(tokens = list.len(), "list of static tokens read");
        let list = Arc::new(Swap::new(list));
        let reload_interval = config
            .reload_interval
            .map_or(Duration::from_secs(5), |every| {
                every.duration().max(Duration::from_secs(1))
            });
        let task = tokio::spawn(keep_fresh(file, Arc::clone(&list), stamp, reload_interval));
        Ok(Self {
            list,
            clock,
            reload_interval,
            task,
        })
    }

    fn decide(&self, token: &str) -> Result<Identity, Failure> {
        if token.len() < MIN_TOKEN_BYTES {
            return Err(Failure::not_mine("token is too short to be in the list"));
        }
        let list = self.list.load();
        let entry = list
            .find(&TokenDigest::of(token))
            .ok_or_else(|| Failure::not_mine("token is not in the list"))?;
        let identity = Identity::new(&entry.name)
            .scopes(entry.scopes.iter().cloned())
            .cache_ttl(self.reload_interval)
            .resolved_token(entry.datahub_token.expose());
        match entry.expires_at {
            Some(ends) if i64::try_from(ends).is_ok_and(|ends| ends <= self.clock.unix()) => Err(
                Failure::rejected(format!("the token `{}` has expired", entry.name)),
            ),
            Some(ends) => Ok(identity.expires_at(ends)),
            None => Ok(identity),
        }
    }
}

impl Drop for StaticTokens {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reloads the list whenever it, or a file that it refers to, has changed.
async fn keep_fresh(file: PathBuf, list: Arc<Swap<List>>, mut stamp: Stamp, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let (path, old) = (file.clone(), stamp.clone());
        let looked = tokio::task::spawn_blocking(move || list::reload(&path, &old)).await;
        match looked {
            Ok(Ok(None)) => {}
            Ok(Ok(Some((new, new_stamp)))) => {
                tracing::info!(tokens = new.len(), "list of static tokens reloaded");
                list.store(new);
                stamp = new_stamp;
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "list of static tokens is not usable, the last valid one stays in use");
            }
            Err(_) => tracing::error!("reading the list of static tokens failed"),
        }
    }
}

impl TokenValidator for StaticTokens {
    type Config = Config;

    fn create(config: Config) -> Result<Self, Failure> {
        Self::new(config, Clock::system())
    }

    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        Some(self.decide(request.token.expose()))
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        self.decide(request.token.expose())
    }
}

plugin_api::export_token_validators! { "static_tokens" => StaticTokens }

#[cfg(test)]
mod tests;

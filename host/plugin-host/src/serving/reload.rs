//! Reload: loads the newest files as new copies, checks them, and replaces the serving validators
//! without failing a request.
//!
//! A file that cannot be loaded or is unhealthy changes nothing: the old validators keep serving.

use std::{
    collections::BTreeMap, os::unix::fs::MetadataExt, path::PathBuf, sync::Arc, time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};

use super::{
    chain::Chain,
    service::Inner,
    shadow::{self, Difference},
};
use crate::{LoadError, Sha256Digest, Validators, library::find};

/// New validators that do not serve yet, and retire unless they are kept.
struct Undecided<'a> {
    inner: &'a Inner,
    new: Option<Arc<Chain>>,
}

impl Drop for Undecided<'_> {
    fn drop(&mut self) {
        if let Some(new) = self.new.take() {
            self.inner.retire(new);
        }
    }
}

/// Compares `new` with the validators that serve, where the operator asks for that, and gives it back.
async fn shadowed(inner: &Inner, new: Arc<Chain>) -> Result<Arc<Chain>, ReloadError> {
    let tokens = inner.loader.settings.limits.shadow;
    if tokens == 0 || inner.chain.load().validators.is_empty() {
        return Ok(new);
    }
    let longest = shadow::LONGEST;
    tracing::info!(
        new = new.names(),
        tokens,
        seconds = longest.as_secs(),
        "the new validators are compared with those that serve"
    );
    let mut undecided = Undecided {
        inner,
        new: Some(Arc::clone(&new)),
    };
    let agreed = inner.shadow.compare(&new, tokens, longest).await;
    let agreed = agreed.map_err(ReloadError::Different)?;
    undecided.new = None;
    tracing::info!(agreed, tokens, "no difference was found");
    Ok(new)
}

/// The interval at which watched files are checked.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// The result of a reload.
#[derive(Debug, Clone)]
pub struct Reloaded {
    /// The validators that serve now.
    pub validators: Vec<ReloadedValidator>,
    /// The number of library copies that are mapped into the process; none is ever unloaded.
    pub mappings: usize,
}

/// One validator after a reload.
#[derive(Debug, Clone)]
pub struct ReloadedValidator {
    /// `library:factory`.
    pub name: String,
    /// The checksum of its library.
    pub sha256: Sha256Digest,
    /// True if the file has changed.
    pub changed: bool,
}

/// The reason nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// A new validator could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A new validator reports that it could not answer.
    #[error("validator `{validator}` is unhealthy after loading: {problem}")]
    Unhealthy {
        /// The validator.
        validator: String,
        /// The problem that it reports.
        problem: String,
    },
    /// The new validators do not decide as those that serve (`PLUGIN_RELOAD_SHADOW`).
    #[error("{0}")]
    Different(Difference),
    /// The loading thread ended.
    #[error("loading ended early: {0}")]
    Ended(String),
}

impl Validators {
    /// Loads the newest files and swaps them in. One reload at a time.
    ///
    /// # Errors
    /// If any new validator is wrong; the old validators then keep serving.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let result = self.load_and_swap().await;
        let outcome = if result.is_ok() { "taken" } else { "refused" };
        metrics::counter!("datahub_mcp_plugin_reloads_total", "outcome" => outcome).increment(1);
        result
    }

    async fn load_and_swap(&self) -> Result<Reloaded, ReloadError> {
        let inner = &self.inner;
        let _one_at_a_time = inner.reloading.lock().await;
        let loader = Arc::clone(inner);
        let made = tokio::task::spawn_blocking(move || loader.loader.chain()).await;
        let chain = made.map_err(|error| ReloadError::Ended(error.to_string()))??;
        let chain = Arc::new(Chain::new(chain));
        for validator in &chain.validators {
            if let Err(failure) = validator.health().await {
                let error = ReloadError::Unhealthy {
                    validator: validator.name().to_owned(),
                    problem: failure.to_string(),
                };
                inner.retire(chain);
                return Err(error);
            }
        }
        let chain = shadowed(inner, chain).await?;
        let before: Vec<Sha256Digest> = inner
            .chain
            .load()
            .validators
            .iter()
            .map(|validator| validator.origin.sha256)
            .collect();
        let validators = chain
            .validators
            .iter()
            .map(|validator| ReloadedValidator {
                name: validator.name().to_owned(),
                sha256: validator.origin.sha256,
                changed: !before.contains(&validator.origin.sha256),
            })
            .collect();
        let old = inner.put(chain);
        inner.begin_trial(old);
        Ok(Reloaded {
            validators,
            mappings: inner.loader.mappings(),
        })
    }

    /// Reloads at each SIGHUP, when another file is in the place of one that a process was given to
    /// read, and, if `watch` is set, when a library of the chain has changed.
    /// Runs until it is dropped.
    pub async fn keep_fresh(self, watch: bool) {
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => hangup,
            Err(error) => {
                tracing::error!(%error, "SIGHUP cannot be received: no reload");
                return;
            }
        };
        let mut seen = self.fingerprints();
        let mut pending = None;
        let mut held = self.held_files();
        let mut tick = tokio::time::interval(WATCH_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                received = hangup.recv() => {
                    if received.is_none() {
                        return;
                    }
                    seen = self.fingerprints();
                    // Before: what is replaced while the validators are made is seen afterwards.
                    held = self.held_files();
                    self.reload_and_log("SIGHUP").await;
                }
                _ = tick.tick() => {
                    let now = self.held_files();
                    if now.iter().any(|(file, id)| id.is_some() && held.get(file) != Some(id)) {
                        held = now;
                        self.reload_and_log("replaced file of an option or of the system").await;
                    }
                    if !watch {
                        continue;
                    }
                    let now = self.fingerprints();
                    // A file that is being written looks different each time: wait until it stays
                    // the same.
                    if now != seen && pending.as_ref() == Some(&now) {
                        seen = now;
                        pending = None;
                        held = self.held_files();
                        self.reload_and_log("changed file").await;
                    } else {
                        pending = (now != seen).then_some(now);
                    }
                }
            }
        }
    }

    async fn reload_and_log(&self, cause: &str) {
        match self.reload().await {
            Ok(Reloaded {
                validators,
                mappings,
            }) => {
                for validator in validators {
                    tracing::info!(
                        cause, validator = %validator.name, sha256 = %validator.sha256,
                        changed = validator.changed, mappings, "validator reloaded"
                    );
                }
            }
            Err(ReloadError::Different(difference)) => {
                tracing::warn!(
                    cause, %difference,
                    "reload not taken: the old validators keep serving; where the difference is meant, restart the server"
                );
            }
            Err(error) => {
                tracing::error!(cause, %error, "reload failed: the old validators keep serving");
            }
        }
    }

    /// The files that the processes of the chain hold on to, with what tells one from another in its
    /// place.
    fn held_files(&self) -> BTreeMap<PathBuf, Option<(u64, u64)>> {
        let chain = self.inner.chain.load();
        let files = chain
            .validators
            .iter()
            .flat_map(|one| &one.origin.held_files);
        files
            .map(|file| {
                let metadata = std::fs::metadata(file).ok();
                (file.clone(), metadata.map(|file| (file.dev(), file.ino())))
            })
            .collect()
    }

    /// The metadata of the chain's files, to detect changes.
    fn fingerprints(&self) -> BTreeMap<String, Option<[u64; 6]>> {
        let settings = &self.inner.loader.settings;
        let look = |library: &str| {
            let path = find::library(&settings.directories, library).ok()?.path();
            let metadata = std::fs::metadata(path).ok()?;
            let plain = |number: i64| u64::from_ne_bytes(number.to_ne_bytes());
            Some([
                metadata.dev(),
                metadata.ino(),
                metadata.len(),
                plain(metadata.mtime()),
                plain(metadata.mtime_nsec()),
                plain(metadata.ctime_nsec()),
            ])
        };
        settings
            .validators
            .iter()
            .map(|spec| (spec.library.clone(), look(&spec.library)))
            .collect()
    }
}

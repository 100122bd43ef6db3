//! Writes down which refresh tokens were used: a stolen one is not good again after a restart.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use foundation::clock::UnixMillis;
use parking_lot::Mutex;
use tokio::task::spawn_blocking;

use crate::{
    state_file::StateFileError,
    store::used_file::{AllUsed, Mark, Used, UsedFile, is_long},
    types::FamilyId,
};

/// The file, and what was written to it.
#[derive(Debug)]
pub(super) struct UsedTokens {
    file: UsedFile,
    read: Mutex<Mark>,
    appended: AtomicUsize,
    failing: AtomicBool,
}

impl UsedTokens {
    /// Opens the file in `directory`, and returns what it holds.
    pub(super) fn open(
        directory: &Path,
        now: UnixMillis,
    ) -> Result<(Self, AllUsed), StateFileError> {
        let file = UsedFile::new(directory);
        file.tidy(now)?;
        let mut read = Mark::default();
        let known = file.news(&mut read)?;
        let used = Self {
            file,
            read: Mutex::new(read),
            appended: AtomicUsize::new(0),
            failing: AtomicBool::new(false),
        };
        Ok((used, known))
    }

    /// What was written since the last look, here or by another process. Blocks.
    pub(super) fn look(&self) -> Result<AllUsed, StateFileError> {
        self.file.news(&mut self.read.lock())
    }

    /// Returns once what became of a sign-in is in the file. Where that fails, the refresh is answered all the
    /// same: this process knows it, and the person would be signed out otherwise.
    pub(super) async fn keep(self: Arc<Self>, family: FamilyId, used: Used, now: UnixMillis) {
        let writer = Arc::clone(&self);
        let written = spawn_blocking(move || writer.write(&family, &used, now)).await;
        let result = written.unwrap_or(Ok(()));
        let was_failing = self.failing.swap(result.is_err(), Ordering::Relaxed);
        if let Err(error) = result
            && !was_failing
        {
            tracing::error!(%error, "a restart forgets which refresh tokens were used");
        }
    }

    fn write(&self, family: &FamilyId, used: &Used, now: UnixMillis) -> Result<(), StateFileError> {
        self.file.append(family, used, now)?;
        if is_long(self.appended.fetch_add(1, Ordering::Relaxed) + 1) {
            self.appended.store(0, Ordering::Relaxed);
            self.file.tidy(now)?;
        }
        Ok(())
    }
}

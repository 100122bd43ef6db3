//! Writes the sign-ins that have ended to their file: one write for all who wait for one.

use std::{path::Path, sync::Arc};

use foundation::clock::UnixMillis;
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::store::{
    EndedFileError, StoreError,
    ended_file::{Ended, EndedFile},
};

/// The file, and the number of ends that it has.
pub(super) struct Lasting {
    file: EndedFile,
    kept: Mutex<u64>,
    observe: fn(bool),
}

impl Lasting {
    /// Opens the file in `directory`, and returns what it holds.
    pub(super) fn open(
        directory: &Path,
        now: UnixMillis,
        observe: fn(bool),
    ) -> Result<(Self, Ended), EndedFileError> {
        let (file, ended) = EndedFile::open(directory, now)?;
        observe(true);
        let kept = Mutex::new(0);
        Ok((
            Self {
                file,
                kept,
                observe,
            },
            ended,
        ))
    }

    /// Returns once end number `end` is in the file; `all` are the ends so far and their number.
    pub(super) async fn keep(
        self: Arc<Self>,
        end: u64,
        all: impl FnOnce() -> (u64, Ended),
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let mut kept = self.kept.lock().await;
        if *kept >= end {
            return Ok(());
        }
        let (ends, ended) = all();
        let writer = Arc::clone(&self);
        let written = spawn_blocking(move || writer.file.add(&ended, now)).await;
        let result = match written {
            Ok(written) => written.map(|_| ()).map_err(|error| error.to_string()),
            Err(_) => Err("the list of ended sign-ins was not written".to_owned()),
        };
        (self.observe)(result.is_ok());
        // The first line: the hint after it is for the start.
        result.map_err(|text| StoreError(text.lines().next().unwrap_or_default().to_owned()))?;
        *kept = ends;
        Ok(())
    }
}

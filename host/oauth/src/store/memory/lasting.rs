//! Writes the sign-ins that have ended to their file: one write for all who wait for one.

use std::{path::Path, sync::Arc};

use foundation::clock::UnixMillis;
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{
    state_file::Stamp,
    store::{
        EndedFileError, StoreError,
        ended_file::{Ended, EndedFile},
    },
};

/// The file, and the number of ends that it has.
pub(super) struct Lasting {
    file: EndedFile,
    kept: Mutex<u64>,
    /// The version of the file that was read last.
    stamp: parking_lot::Mutex<Option<Stamp>>,
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
        let stamp = parking_lot::Mutex::new(file.stamp());
        Ok((
            Self {
                file,
                kept,
                stamp,
                observe,
            },
            ended,
        ))
    }

    /// What the file holds, if it is another one than that of the last look: another process, such as the next one
    /// in a rolling update, writes it too. Blocks.
    pub(super) fn look(&self) -> Result<Option<Ended>, EndedFileError> {
        let stamp = self.file.stamp();
        if stamp == *self.stamp.lock() {
            return Ok(None);
        }
        let ended = self.file.read()?;
        *self.stamp.lock() = stamp;
        Ok(Some(ended))
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

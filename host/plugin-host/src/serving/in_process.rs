//! Validators inside this process: the libraries that are mapped, and the making of a validator, which
//! may hang although it did not in a process of its own.
//!
//! Never holds a lock while the code of a plugin runs.

use std::{
    collections::HashMap,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use secrecy::SecretString;

use super::load_error::Cause;
use crate::{
    LibraryError, Limits, Sha256Digest,
    boundary::{
        Failure, FailureKind, Instance, Library, last_line, load, redact, sealed::SealedLibrary,
    },
};

/// Every library that was ever mapped. None is unloaded, so the same content is used again.
#[derive(Debug, Default)]
pub(super) struct InProcess(Mutex<Mappings>);

#[derive(Debug, Default)]
struct Mappings {
    libraries: HashMap<Sha256Digest, Mapped>,
    /// True if one of them is written in Go.
    go: bool,
}

/// The result of mapping a library.
#[derive(Debug)]
enum Mapped {
    Loaded(Arc<dyn Library>),
    /// Its initialisers have run, so it stays; the same bytes are refused again, for this reason.
    Refused(String),
}

impl InProcess {
    /// The number of library copies that are mapped into this process.
    pub(super) fn mappings(&self) -> usize {
        self.0.lock().libraries.len()
    }

    /// Says once what it means that plugins are in this process.
    pub(super) fn warn(&self) {
        if self.mappings() == 0 {
            tracing::warn!(
                "`PLUGIN_ISOLATION` is `in-process`: plugins run inside the server, without a sandbox, and may do and \
                 read whatever it may"
            );
        }
    }

    /// Makes the validator `name`, and says by which version of the API. Blocks, but no longer than
    /// the time limit.
    pub(super) fn make(
        &self,
        limits: &Limits,
        file: Arc<SealedLibrary>,
        name: String,
        factory: String,
        options: SecretString,
    ) -> Result<(Arc<dyn Instance>, String), Cause> {
        let library = self.library(limits, file)?;
        let abi_version = library.abi_version();
        let made = in_time(limits.start, &name.clone(), move || {
            library.create(&name, &factory, &options)
        })?;
        let instance = made.map_err(|failure| Cause::Create(in_words(&failure)))?;
        Ok((instance, abi_version))
    }

    fn library(
        &self,
        limits: &Limits,
        file: Arc<SealedLibrary>,
    ) -> Result<Arc<dyn Library>, Cause> {
        let go = file.symbols.go;
        let sha256 = file.sha256;
        {
            let mapped = self.0.lock();
            match mapped.libraries.get(&sha256) {
                Some(Mapped::Loaded(library)) => return Ok(Arc::clone(library)),
                Some(Mapped::Refused(reason)) => return Err(Cause::Refused(reason.clone())),
                None => {}
            }
            let count = mapped.libraries.len();
            if count >= limits.mappings {
                return Err(Cause::Mappings(count));
            }
            if go && mapped.go {
                return Err(Cause::SecondGo(file.path.clone()));
            }
        }
        let path = file.path.display().to_string();
        last_line::inside(&path);
        let loaded = in_time(limits.start, &path, move || load::load(&file));
        let (mapping, result) = match loaded {
            Ok(Ok(library)) => (Mapped::Loaded(Arc::clone(&library)), Ok(library)),
            // Nothing was mapped.
            Ok(Err(
                error @ (LibraryError::MissingSymbol { .. }
                | LibraryError::Copy { .. }
                | LibraryError::Dlopen { .. }),
            )) => return Err(error.into()),
            Ok(Err(error)) => (Mapped::Refused(error.to_string()), Err(error.into())),
            Err(cause) => (Mapped::Refused(format!("{path}: {cause}")), Err(cause)),
        };
        let mut mapped = self.0.lock();
        mapped.libraries.insert(sha256, mapping);
        mapped.go |= go;
        result
    }
}

/// Runs `work` of the plugin on a thread of its own, which is left behind if it hangs.
fn in_time<T: Send + 'static>(
    limit: Duration,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Cause> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let validator = name.to_owned();
    thread::Builder::new()
        .name(format!("start {name}").chars().take(32).collect())
        .spawn(move || {
            last_line::runs(&validator);
            // If it took too long, the receiver is gone.
            let _ = sender.send(work());
        })?;
    match receiver.recv_timeout(limit) {
        Ok(done) => Ok(done),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Cause::Slow(limit)),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Err(Cause::Create("panicked outside its panic guard".to_owned()))
        }
    }
}

/// A plugin's refusal to make a validator, as a reason.
pub(super) fn in_words(failure: &Failure) -> String {
    let detail = redact::for_log(&failure.log_detail);
    match failure.kind {
        FailureKind::Misconfigured => detail,
        FailureKind::Unavailable => format!("cannot start now: {detail}"),
        kind => format!("does not start ({}): {detail}", kind.name()),
    }
}

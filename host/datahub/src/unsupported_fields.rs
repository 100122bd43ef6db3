//! The documents that are sent to this DataHub with fields removed, because it does not know all of
//! them. Learned once for each document, forgotten when DataHub's version changes, and after a
//! while.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{answer::FieldError, document::Document, server::ServerInfo};

/// The time after which the whole document is tried again: a fork may gain a field without a new
/// version.
const GOOD_FOR: Duration = Duration::from_secs(15 * 60);
/// There are about seventy documents; more than this is a fault.
const MAX_DOCUMENTS: usize = 256;
/// The number of fields that are named to the model; the rest are counted.
const MAX_NAMES: usize = 8;

/// A document without the fields that DataHub does not know.
#[derive(Debug)]
pub(super) struct Pruned {
    pub(super) document: Document,
    pub(super) left_out: Vec<String>,
}

impl Pruned {
    /// `sent` without the selections on these lines; `before` lists what is already left out.
    pub(super) fn new(sent: &Document, lines: &[usize], before: &[String]) -> Option<Self> {
        let (document, new) = sent.without(lines)?;
        let left_out = before.iter().cloned().chain(new).collect();
        Some(Self { document, left_out })
    }

    /// The warning that the model sees.
    pub(super) fn warning(&self) -> FieldError {
        let shown = self.left_out.iter().take(MAX_NAMES).cloned();
        let mut names = shown.collect::<Vec<_>>().join(", ");
        if self.left_out.len() > MAX_NAMES {
            names.push_str(&format!(" and {} more", self.left_out.len() - MAX_NAMES));
        }
        FieldError {
            path: String::new(),
            message: format!("left out, because this DataHub does not know it: {names}"),
        }
    }
}

struct Learned {
    cut: Arc<Pruned>,
    server: Option<ServerInfo>,
    at: Instant,
}

/// The cuts, by the name of their document.
#[derive(Default)]
pub(super) struct UnsupportedFields(Mutex<HashMap<String, Learned>>);

impl UnsupportedFields {
    /// True if there is any; a cheap check.
    pub(super) fn has(&self, document: &str) -> bool {
        self.0.lock().contains_key(document)
    }

    /// The cut of this document for this server, if it is still good.
    pub(super) fn get(&self, document: &str, server: Option<&ServerInfo>) -> Option<Arc<Pruned>> {
        let mut unsupported = self.0.lock();
        let learned = unsupported.get(document)?;
        if learned.server.as_ref() == server && learned.at.elapsed() < GOOD_FOR {
            return Some(Arc::clone(&learned.cut));
        }
        unsupported.remove(document);
        None
    }

    pub(super) fn learn(&self, document: &str, server: Option<ServerInfo>, cut: Arc<Pruned>) {
        let mut unsupported = self.0.lock();
        if unsupported.len() >= MAX_DOCUMENTS {
            unsupported.clear();
        }
        let at = Instant::now();
        unsupported.insert(document.to_owned(), Learned { cut, server, at });
    }
}

impl std::fmt::Debug for UnsupportedFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.lock().keys()).finish()
    }
}

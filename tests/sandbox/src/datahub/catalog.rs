//! The catalog: every entity by urn, in order of arrival.
//!
//! A catalog is a value. Reading works on a snapshot that never changes; a write clones the map (of
//! shared records), changes the clone and puts it in place.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;

use super::formats;
use super::lineage::Graph;
use super::record::{Change, Record};

/// Metadata in memory, as read from DataHub's metadata files.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    records: IndexMap<Arc<str>, Arc<Record>>,
    graph: OnceLock<Arc<Graph>>,
}

/// The reason why a metadata file was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file is not JSON.
    #[error("`{name}` is not JSON: {source}")]
    Json {
        /// The file.
        name: String,
        /// The error, with its position.
        source: serde_json::Error,
    },
    /// An entry is neither a proposal nor a snapshot.
    #[error("`{name}`, entry {index} (counted from 0): {reason}")]
    Entry {
        /// The file.
        name: String,
        /// The index of the entry in the array.
        index: usize,
        /// The problem with it.
        reason: String,
    },
}

impl Catalog {
    /// Reads files of metadata change proposals or of snapshots (or both, mixed), in this order; a
    /// later aspect replaces an earlier one.
    ///
    /// # Errors
    /// A file that cannot be read, is not JSON, or has an entry that is neither.
    pub fn load_files<P: AsRef<Path>>(paths: &[P]) -> Result<Self, LoadError> {
        let mut catalog = Self::default();
        for path in paths {
            let path = path.as_ref();
            let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
                path: path.to_owned(),
                source,
            })?;
            catalog.add_str(&path.display().to_string(), &text)?;
        }
        Ok(catalog)
    }

    /// The same from text; `name` is what errors call it.
    ///
    /// # Errors
    /// The text is not JSON, or has an entry that is neither proposal nor snapshot.
    pub fn load_str(name: &str, text: &str) -> Result<Self, LoadError> {
        let mut catalog = Self::default();
        catalog.add_str(name, text)?;
        Ok(catalog)
    }

    /// Adds the entries of another file.
    ///
    /// # Errors
    /// As [`Self::load_str`]; entries before the wrong one are in.
    pub fn add_str(&mut self, name: &str, text: &str) -> Result<(), LoadError> {
        let changes = formats::parse(name, text)?;
        for change in changes {
            self.put(change);
        }
        Ok(())
    }

    /// The number of entities.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True if there is no entity.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The urns, in order of arrival.
    pub fn urns(&self) -> impl Iterator<Item = &str> {
        self.records.keys().map(|urn| &**urn)
    }

    /// The present value of an aspect.
    pub fn aspect(&self, urn: &str, aspect: &str) -> Option<&serde_json::Value> {
        self.records.get(urn)?.aspect(aspect)
    }

    pub(crate) fn get(&self, urn: &str) -> Option<&Arc<Record>> {
        self.records.get(urn)
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.values()
    }

    /// The graph of relationships; built on the first use after a write.
    pub(crate) fn graph(&self) -> &Graph {
        self.graph.get_or_init(|| Arc::new(Graph::build(self)))
    }

    /// Sets one aspect. The urn is well formed: formats and writes have checked it.
    pub(crate) fn put(&mut self, change: Change) {
        self.graph = OnceLock::new();
        let entity_type = super::kinds::urn_type(&change.urn)
            .unwrap_or_default()
            .to_owned();
        let record = self
            .records
            .entry(change.urn.as_str().into())
            .or_insert_with(|| Arc::new(Record::new(&change.urn, &entity_type)));
        Arc::make_mut(record).put(change);
    }

    /// Removes one aspect.
    pub(crate) fn remove_aspect(&mut self, urn: &str, aspect: &str) {
        self.graph = OnceLock::new();
        if let Some(record) = self.records.get_mut(urn) {
            Arc::make_mut(record).remove(aspect);
        }
    }

    /// Removes an entity. The order of the others is kept.
    pub(crate) fn remove(&mut self, urn: &str) {
        self.graph = OnceLock::new();
        self.records.shift_remove(urn);
    }
}

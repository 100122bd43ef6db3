//! What a loaded library says of itself, as the process that loaded it tells the one that asked.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BadLibrary, Library};

/// A library in its own words.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Description {
    /// The version of the API that it was loaded by.
    pub api: String,
    /// What it says of itself.
    pub info: Map<String, Value>,
    /// Its factories: name and schema of the options.
    pub factories: Vec<(String, Value)>,
}

impl Description {
    /// Asks `library`.
    pub(crate) fn of(library: &dyn Library) -> Result<Self, BadLibrary> {
        let factories = library.factories()?.into_iter();
        Ok(Self {
            api: library.abi_version().to_owned(),
            info: library.info()?,
            factories: factories
                .map(|factory| (factory.name, factory.schema))
                .collect(),
        })
    }
}

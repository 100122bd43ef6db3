//! The self-description of a loaded library, as the loading process passes it to the one that
//! asked.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BadLibrary, Factory, Library};

/// A library's own description.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Description {
    /// The version of the API that it was loaded by.
    pub api: String,
    /// Its own description.
    pub info: Map<String, Value>,
    /// Its factories: name and schema of the options.
    pub factories: Vec<(String, Value)>,
}

impl Description {
    /// Reads the description of `library`.
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

    /// The validators that the library can make.
    ///
    /// # Errors
    /// If the description of one is invalid.
    pub(crate) fn factories(&self) -> Result<Vec<Factory>, BadLibrary> {
        let each = self.factories.iter();
        let list = each.map(|(name, schema)| super::factory(name.clone(), &schema.to_string()));
        super::factories(list.collect::<Result<_, _>>()?)
    }

    /// The schema of the options of `factory`; null if there is no such factory.
    pub(crate) fn schema(&self, factory: &str) -> &Value {
        let found = self.factories.iter().find(|(name, _)| name == factory);
        found.map_or(&Value::Null, |(_, schema)| schema)
    }
}

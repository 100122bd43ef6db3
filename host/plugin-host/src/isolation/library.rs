//! A library that is loaded in processes of its own only.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::{
    process::{Bounds, Process},
    remote::Remote,
    sandbox::{self, Policy},
    supervisor::{self, Recipe},
};
use crate::{
    boundary::{
        self, BadLibrary, Factory, Failure, FailureKind, Instance, Library,
        description::Description, redact,
    },
    library::check::CheckedFile,
};

/// A library that is loaded in processes of its own only.
struct Isolated {
    file: Arc<CheckedFile>,
    bounds: Bounds,
    description: Description,
}

impl std::fmt::Debug for Isolated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Library({}, isolated)", self.description.api)
    }
}

/// Loads `file` in a process of its own, which reports the library's description and ends.
///
/// # Errors
/// The reason it would not load; a crash is one of them.
pub(crate) fn library(file: CheckedFile, bounds: Bounds) -> Result<Arc<dyn Library>, BadLibrary> {
    let file = Arc::new(file);
    let sandbox = Policy::describing(bounds.sandbox);
    let (process, description, _) = Process::load(&file, bounds, &sandbox).map_err(BadLibrary)?;
    process.end();
    Ok(Arc::new(Isolated {
        file,
        bounds,
        description,
    }))
}

impl Library for Isolated {
    fn abi_version(&self) -> String {
        // The process runs the plugin's code and may have said anything.
        format!("{}, isolated", redact::for_log(&self.description.api))
    }

    fn info(&self) -> Result<Map<String, Value>, BadLibrary> {
        Ok(self.description.info.clone())
    }

    fn factories(&self) -> Result<Vec<Factory>, BadLibrary> {
        let list = self
            .description
            .factories
            .iter()
            .map(|(name, schema)| boundary::factory(name.clone(), &schema.to_string()));
        boundary::factories(list.collect::<Result<_, _>>()?)
    }

    fn create(
        &self,
        id: &str,
        factory: &str,
        config: &SecretString,
    ) -> Result<Arc<dyn Instance>, Failure> {
        let description = &self.description;
        let schema = description.schema(factory);
        let sandbox = sandbox::policy(
            self.bounds.sandbox,
            &description.info,
            schema,
            config.expose_secret(),
        )
        .map_err(|wrong| Failure::new(FailureKind::Internal, wrong))?;
        let recipe = Recipe {
            file: Arc::clone(&self.file),
            bounds: self.bounds,
            sandbox,
            id: id.to_owned(),
            factory: factory.to_owned(),
            config: config.clone(),
        };
        let process = recipe.start()?;
        let shared = supervisor::start(recipe, process)
            .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))?;
        Ok(Arc::new(Remote::new(shared)))
    }
}

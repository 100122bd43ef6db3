//! A library that is open in a process of its own.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{
    process::Bounds,
    remote::Remote,
    sandbox::{self, Policy},
    supervisor::{NotMade, Supervisor},
};
use crate::boundary::{
    BadLibrary, Factory, Failure, Instance, description::Description, redact, sealed::SealedLibrary,
};
use crate::settings::Isolation;

/// A library that was opened in a process of its own, which has described it and ended.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) file: Arc<SealedLibrary>,
    bounds: Bounds,
    description: Description,
}

impl Described {
    /// Opens `file` in a process without rights, for its description. Blocks.
    ///
    /// # Errors
    /// The reason it did not open within the time limit; a crash is one of them.
    pub(crate) fn describe(file: Arc<SealedLibrary>, bounds: Bounds) -> Result<Self, BadLibrary> {
        let policy = Policy::describing(bounds.sandbox);
        let started = Supervisor::start(Arc::clone(&file), bounds, policy);
        let (supervisor, opened) = started.map_err(BadLibrary)?;
        supervisor.end();
        Ok(Self {
            file,
            bounds,
            description: opened.description,
        })
    }

    /// The version of the library, as it reports it.
    pub(crate) fn version(&self) -> &str {
        let version = self.description.info.get("version");
        version.and_then(Value::as_str).unwrap_or_default()
    }

    /// The validators that it can make.
    ///
    /// # Errors
    /// If the description of one is invalid.
    pub(crate) fn factories(&self) -> Result<Vec<Factory>, BadLibrary> {
        self.description.factories()
    }

    /// The rights that the validator `factory` needs with these options.
    ///
    /// # Errors
    /// The fault in what the library declares.
    pub(crate) fn policy(&self, factory: &str, options: &SecretString) -> Result<Policy, String> {
        let Description { info, .. } = &self.description;
        let schema = self.description.schema(factory);
        sandbox::policy(self.bounds.sandbox, info, schema, options.expose_secret())
    }
}

/// A library that is open in a process of its own: for good, or for a trial before this process
/// opens it.
pub(crate) struct Isolated {
    supervisor: Arc<Supervisor>,
    api: String,
}

/// The reason a process made no validator.
#[derive(Debug)]
pub(crate) enum CreateError {
    /// The plugin refused.
    Refused(Failure),
    /// The process crashed, ended or hung.
    Process(String),
}

impl std::fmt::Debug for Isolated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Isolated({})", self.api)
    }
}

impl Isolated {
    /// Opens a library in a process with the rights of `policy`, for good or for a trial. Blocks.
    ///
    /// # Errors
    /// The reason it did not open within the time limit.
    pub(crate) fn open(
        library: &Described,
        policy: Policy,
        isolation: Isolation,
    ) -> Result<Self, String> {
        let file = Arc::clone(&library.file);
        let (supervisor, opened) = Supervisor::start(file, library.bounds, policy)?;
        match isolation {
            Isolation::Process => opened.level.announce(supervisor.name()),
            Isolation::InProcess => opened.level.announce_trial(supervisor.name()),
        }
        Ok(Self {
            supervisor: Arc::new(supervisor),
            // The process runs the plugin's code and may have said anything.
            api: format!("{}, isolated", redact::for_log(&opened.description.api)),
        })
    }

    /// The version of the API that the library speaks.
    pub(crate) fn abi_version(&self) -> String {
        self.api.clone()
    }

    /// Makes a validator in the process, which lives until the last of its validators is dropped.
    /// Blocks.
    ///
    /// # Errors
    /// The reason there is none within the time limit.
    pub(crate) fn create(
        &self,
        id: &str,
        factory: &str,
        config: &SecretString,
    ) -> Result<Arc<dyn Instance>, CreateError> {
        let made = self.supervisor.make(id, factory, config);
        let number = made.map_err(|not| match not {
            NotMade::Refused(failure) => CreateError::Refused(failure),
            NotMade::Process(reason) => CreateError::Process(reason),
        })?;
        Ok(Arc::new(Remote::new(Arc::clone(&self.supervisor), number)))
    }

    /// Ends the process, if no validator of it is left, and waits for its end.
    pub(crate) fn end(self) {
        if let Some(supervisor) = Arc::into_inner(self.supervisor) {
            supervisor.end();
        }
    }
}

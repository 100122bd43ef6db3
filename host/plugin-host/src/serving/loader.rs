//! From settings to a chain of validators: find, check, load, choose the factory, assemble
//! the options, create.
//!
//! Used at start and at each reload. Never changes the serving chain: a new chain is handed
//! over complete or not at all.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use foundation::suggest;
use parking_lot::Mutex;
use serde_json::Value;

use super::validator::{Origin, Validator};
use crate::{
    CheckError, FindError, Isolation, LibraryError, OptionError, PinError, Settings, Sha256Digest,
    ValidatorSpec,
    boundary::{Factory, Failure, FailureKind, Instance, Library, load, redact},
    isolation,
    library::{check, find},
    options::assemble,
};

/// The reason the validators could not be loaded: one line that says what to change.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No validator is named.
    #[error("no validator is named; set `TOKEN_VALIDATOR_FACTORY`")]
    Nothing,
    /// `TOKEN_VALIDATOR_SHA256` does not fit the chain.
    #[error("`TOKEN_VALIDATOR_SHA256`: {0}")]
    Pins(#[from] PinError),
    /// An override that matches no validator's options.
    #[error("`TOKEN_VALIDATOR_OPT_{name}`: {source}")]
    Override {
        /// The name after `TOKEN_VALIDATOR_OPT_`.
        name: String,
        /// The problem, and the options that exist.
        source: OptionError,
    },
    /// One validator could not be loaded.
    #[error("validator `{validator}`: {cause}")]
    Validator {
        /// The validator as the chain names it.
        validator: String,
        /// The reason.
        cause: Box<Cause>,
    },
}

/// The reason one validator could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Its file was not found.
    #[error(transparent)]
    Find(#[from] FindError),
    /// Its file is not trusted, or is not a library.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The library is not a token validator that this host can load.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The same bytes were mapped before, and were not a token validator that this host can load.
    #[error("{0}")]
    Refused(String),
    /// The library has no such factory.
    #[error("{path}: has no factory `{wanted}`; it has {there}{}", suggest::hint(.near))]
    NoFactory {
        /// The file.
        path: PathBuf,
        /// The factory that was asked for.
        wanted: String,
        /// The factories that it has.
        there: String,
        /// Those with similar names.
        near: Vec<String>,
    },
    /// The library has several factories and none is named.
    #[error("{path}: has several factories, name one: {choices}")]
    WhichFactory {
        /// The file.
        path: PathBuf,
        /// The values that would select one.
        choices: String,
    },
    /// Its options are wrong.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// The plugin refused to make a validator.
    #[error("{0}")]
    Create(String),
    /// The plugin did not make a validator in time.
    #[error("did not start within {} seconds", .0.as_secs())]
    Slow(Duration),
    /// The maximum number of copies is mapped.
    #[error(
        "{0} copies of libraries are mapped, as many as `TOKEN_VALIDATOR_MAX_MAPPINGS` allows, and \
         none is ever unloaded: restart the server"
    )]
    Mappings(usize),
    /// Go does not support two of its runtimes in one process.
    #[error(
        "{0}: is written in Go, and this process holds another library in Go already: restart the \
         server, or set `PLUGIN_ISOLATION` to `process`"
    )]
    SecondGo(PathBuf),
    /// The operating system could not start a thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

/// Makes chains of validators from the settings.
#[derive(Debug)]
pub(crate) struct Loader {
    pub(crate) settings: Settings,
    mapped: Mutex<Mappings>,
}

/// Every library that was ever mapped. None is unloaded, so the same content is used again.
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

/// A validator of the chain with its library loaded.
struct Prepared {
    spec: ValidatorSpec,
    path: PathBuf,
    sha256: Sha256Digest,
    library: Arc<dyn Library>,
    version: String,
    factory: Factory,
}

impl Loader {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            mapped: Mutex::default(),
        }
    }

    /// The number of library copies that are mapped into this process.
    pub(crate) fn mappings(&self) -> usize {
        self.mapped.lock().libraries.len()
    }

    /// Loads the validators that the settings name. Blocks.
    ///
    /// # Errors
    /// The first validator that cannot be loaded, and why.
    pub(crate) fn chain(&self) -> Result<Vec<Arc<Validator>>, LoadError> {
        let chain = &self.settings.validators;
        if chain.is_empty() {
            return Err(LoadError::Nothing);
        }
        self.settings.pins.fit(chain)?;
        let blame = |spec: &ValidatorSpec, cause: Cause| LoadError::Validator {
            validator: spec.to_string(),
            cause: Box::new(cause),
        };
        let mut prepared = Vec::new();
        for spec in chain {
            prepared.push(self.prepare(spec).map_err(|cause| blame(spec, cause))?);
        }
        self.overrides_are_known(&prepared)?;
        let mut validators = Vec::new();
        for one in prepared {
            let spec = one.spec.clone();
            let validator = self.create(one).map_err(|cause| blame(&spec, cause))?;
            validators.push(Arc::new(validator));
        }
        Ok(validators)
    }

    /// Finds, checks and loads the library of `spec` and chooses its factory.
    fn prepare(&self, spec: &ValidatorSpec) -> Result<Prepared, Cause> {
        let found = find::library(&self.settings.directories, &spec.library)?;
        let file = check::check(&found, self.settings.pins.of(&spec.library))?;
        let (path, sha256) = (file.path.clone(), file.sha256);
        let library = self.library(file)?;
        let bad = |bad| LibraryError::description(&path, &bad);
        let info = library.info().map_err(bad)?;
        let factories = library.factories().map_err(bad)?;
        let factory = choose(spec, factories, &path)?;
        let version = info
            .get("version")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Ok(Prepared {
            spec: spec.clone(),
            version: redact::for_log(version),
            path,
            sha256,
            library,
            factory,
        })
    }

    fn library(&self, file: check::CheckedFile) -> Result<Arc<dyn Library>, Cause> {
        if self.settings.isolation == Isolation::Process {
            // Nothing is mapped into this process: the validator's own process ends with it.
            let path = file.path.clone();
            let bounds = isolation::Bounds {
                start: self.settings.limits.start,
                memory: self.settings.limits.process_memory,
                sandbox: self.settings.sandbox,
            };
            let loaded = isolation::library(file, bounds);
            return Ok(loaded.map_err(|bad| LibraryError::description(&path, &bad))?);
        }
        let mut mapped = self.mapped.lock();
        match mapped.libraries.get(&file.sha256) {
            Some(Mapped::Loaded(library)) => return Ok(Arc::clone(library)),
            Some(Mapped::Refused(reason)) => return Err(Cause::Refused(reason.clone())),
            None => {}
        }
        let count = mapped.libraries.len();
        if count >= self.settings.limits.mappings {
            return Err(Cause::Mappings(count));
        }
        let go = load::is_in_go(&file);
        if go && mapped.go {
            return Err(Cause::SecondGo(file.path));
        }
        let loaded = load::load(&file);
        let mapping = match &loaded {
            Ok(library) => Mapped::Loaded(Arc::clone(library)),
            // Nothing was mapped.
            Err(
                LibraryError::MissingSymbol { .. }
                | LibraryError::Copy { .. }
                | LibraryError::Dlopen { .. },
            ) => {
                return Ok(loaded?);
            }
            Err(refused) => Mapped::Refused(refused.to_string()),
        };
        mapped.libraries.insert(file.sha256, mapping);
        mapped.go |= go;
        Ok(loaded?)
    }

    fn overrides_are_known(&self, chain: &[Prepared]) -> Result<(), LoadError> {
        for name in self.settings.options.overrides.keys() {
            let known =
                |one: &Prepared| assemble::option_named(&one.factory.schema, name).is_some();
            if !chain.iter().any(known)
                && let Some(first) = chain.first()
            {
                return Err(LoadError::Override {
                    name: name.to_ascii_uppercase(),
                    source: assemble::unknown(&first.factory.schema, name),
                });
            }
        }
        Ok(())
    }

    fn create(&self, one: Prepared) -> Result<Validator, Cause> {
        let sources = &self.settings.options;
        let own = assemble::config_of(&one.spec, &self.settings.validators, &sources.config)?;
        let options = assemble::assemble(&one.factory.schema, own, sources)?;
        let name = format!("{}:{}", one.spec.library, one.factory.name);
        for (option, from) in &options.origins {
            tracing::debug!(validator = %name, option, from, "validator option set");
        }
        let instance = self.instance(&one, &name, options)?;
        let origin = Origin {
            name,
            path: one.path,
            sha256: one.sha256,
            abi_version: one.library.abi_version(),
            version: one.version,
        };
        tracing::info!(
            validator = %origin.name, path = %origin.path.display(), sha256 = %origin.sha256,
            api = origin.abi_version, version = %origin.version, "validator loaded"
        );
        let Settings { limits, clock, .. } = &self.settings;
        Ok(Validator::new(origin, instance, limits, clock.clone())?)
    }

    /// Lets the plugin make its validator, on a thread of its own: it may hang.
    fn instance(
        &self,
        one: &Prepared,
        name: &str,
        options: assemble::Options,
    ) -> Result<Arc<dyn Instance>, Cause> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let (library, id) = (Arc::clone(&one.library), name.to_owned());
        let factory = one.factory.name.clone();
        thread::Builder::new()
            .name(format!("start {id}").chars().take(32).collect())
            .spawn(move || {
                // If it took too long, the receiver is gone.
                let _ = sender.send(library.create(&id, &factory, &options.json));
            })?;
        let limit = self.settings.limits.start;
        match receiver.recv_timeout(limit) {
            Ok(Ok(instance)) => Ok(instance),
            Ok(Err(failure)) => Err(Cause::Create(in_words(&failure))),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(Cause::Slow(limit)),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                Err(Cause::Create("panicked outside its panic guard".to_owned()))
            }
        }
    }
}

fn choose(
    spec: &ValidatorSpec,
    mut factories: Vec<Factory>,
    path: &std::path::Path,
) -> Result<Factory, Cause> {
    let names: Vec<String> = factories
        .iter()
        .map(|factory| factory.name.clone())
        .collect();
    match &spec.factory {
        Some(wanted) => match names.iter().position(|name| name == wanted) {
            Some(at) => Ok(factories.swap_remove(at)),
            None => Err(Cause::NoFactory {
                path: path.to_path_buf(),
                wanted: wanted.clone(),
                near: suggest::offers(wanted, names.iter().map(String::as_str)),
                there: names.join(", "),
            }),
        },
        None if factories.len() == 1 => Ok(factories.swap_remove(0)),
        // A library's main factory may have the library's name.
        None => match names.iter().position(|name| *name == spec.library) {
            Some(at) => Ok(factories.swap_remove(at)),
            None => {
                let choices: Vec<_> = names
                    .iter()
                    .map(|name| format!("`{}:{name}`", spec.library))
                    .collect();
                Err(Cause::WhichFactory {
                    path: path.to_path_buf(),
                    choices: choices.join(", "),
                })
            }
        },
    }
}

fn in_words(failure: &Failure) -> String {
    let detail = redact::for_log(&failure.log_detail);
    match failure.kind {
        FailureKind::Misconfigured => detail,
        FailureKind::Unavailable => format!("cannot start now: {detail}"),
        kind => format!("does not start ({}): {detail}", kind.name()),
    }
}

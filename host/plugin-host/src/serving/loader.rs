//! From settings to a chain of validators: find, check, load, choose the factory, assemble
//! the options, create.
//!
//! Used at start and at each reload. Never changes the serving chain: a new chain is handed
//! over complete or not at all.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::PathBuf,
    sync::Arc,
};

use foundation::suggest;
use secrecy::SecretString;

use super::{
    in_process::{self, InProcess},
    load_error::{Cause, LoadError},
    validator::{Origin, Validator},
};
use crate::{
    Isolation, LibraryError, Settings, Sha256Digest, ValidatorSpec,
    boundary::{Factory, Instance, redact, sealed::SealedLibrary},
    isolation::{self, CreateError, Described, Isolated, Policy},
    library::{check, find},
    options::assemble,
};

/// Makes chains of validators from the settings.
#[derive(Debug)]
pub(crate) struct Loader {
    pub(crate) settings: Settings,
    in_process: InProcess,
}

/// A validator of the chain whose library has described itself.
struct Prepared {
    spec: ValidatorSpec,
    library: Arc<Described>,
    factory: Factory,
}

/// A prepared validator with its options.
struct Assembled {
    spec: ValidatorSpec,
    library: Arc<Described>,
    factory: String,
    name: String,
    options: SecretString,
    policy: Policy,
}

/// A validator that was made where it is to run.
struct Made {
    spec: ValidatorSpec,
    origin: Origin,
    instance: Arc<dyn Instance>,
}

/// The validators of a chain, and the processes that made them, which live as long as their
/// validators.
struct MadeChain {
    validators: Vec<Made>,
    processes: Vec<Isolated>,
}

impl Loader {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            in_process: InProcess::default(),
        }
    }

    /// The number of library copies that are mapped into this process.
    pub(crate) fn mappings(&self) -> usize {
        self.in_process.mappings()
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
        let mut prepared = Vec::new();
        let mut described = HashMap::new();
        for spec in chain {
            let one = self.prepare(spec, &mut described);
            prepared.push(one.map_err(|cause| blame(spec, cause))?);
        }
        self.overrides_are_known(&prepared)?;
        let mut assembled = Vec::new();
        for one in prepared {
            let spec = one.spec.clone();
            let one = self.assemble(one).map_err(|cause| blame(&spec, cause))?;
            assembled.push(one);
        }
        let mut made = make_isolated(&assembled, self.settings.isolation)?;
        if self.settings.isolation == Isolation::InProcess {
            // That was a trial. Its end is waited for: it may hold what the next one needs, such as a
            // port or a lock.
            made.end();
            self.in_process.warn();
            made = self.make_here(assembled)?;
        }
        let validators = made.validators.into_iter().map(|one| {
            let spec = one.spec.clone();
            let validator = self.guard(one).map_err(|cause| blame(&spec, cause))?;
            Ok(Arc::new(validator))
        });
        validators.collect()
    }

    /// Finds and checks the library of `spec`, lets it describe itself in a process of its own, and
    /// chooses the factory.
    fn prepare(
        &self,
        spec: &ValidatorSpec,
        described: &mut HashMap<Sha256Digest, Arc<Described>>,
    ) -> Result<Prepared, Cause> {
        let found = find::library(&self.settings.directories, &spec.library)?;
        let file = check::check(&found, self.settings.pins.of(&spec.library))?;
        self.settings.demands.check(&spec.library, &file)?;
        let bad = |bad| LibraryError::description(&file.path, &bad);
        let library = match described.get(&file.sha256) {
            Some(library) => Arc::clone(library),
            None => {
                let sealed = SealedLibrary::of(&file).map_err(|source| LibraryError::Copy {
                    path: file.path.clone(),
                    source,
                })?;
                let library = Described::describe(Arc::new(sealed), self.bounds());
                let library = Arc::new(library.map_err(bad)?);
                described.insert(file.sha256, Arc::clone(&library));
                library
            }
        };
        let factory = choose(spec, library.factories().map_err(bad)?, &file.path)?;
        Ok(Prepared {
            spec: spec.clone(),
            library,
            factory,
        })
    }

    fn bounds(&self) -> isolation::Bounds {
        let Settings {
            limits, sandbox, ..
        } = &self.settings;
        isolation::Bounds {
            start: limits.start,
            deadline: limits.deadline,
            memory: limits.process_memory,
            sandbox: *sandbox,
        }
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

    /// Collects the options of a validator, and the rights that follow from them.
    fn assemble(&self, one: Prepared) -> Result<Assembled, Cause> {
        let sources = &self.settings.options;
        let own = assemble::config_of(&one.spec, &self.settings.validators, &sources.config)?;
        let options = assemble::assemble(&one.factory.schema, own, sources)?;
        let name = format!("{}:{}", one.spec.library, one.factory.name);
        for (option, from) in &options.origins {
            tracing::debug!(validator = %name, option, from, "validator option set");
        }
        let policy = one.library.policy(&one.factory.name, &options.json);
        Ok(Assembled {
            policy: policy.map_err(|reason| process_failed(&one.library, reason))?,
            spec: one.spec,
            library: one.library,
            factory: one.factory.name,
            name,
            options: options.json,
        })
    }

    /// Makes the validators in this process.
    fn make_here(&self, chain: Vec<Assembled>) -> Result<MadeChain, LoadError> {
        let limits = &self.settings.limits;
        let validators = chain.into_iter().map(|one| {
            let file = Arc::clone(&one.library.file);
            let made = self.in_process.make(
                limits,
                file,
                one.name.clone(),
                one.factory.clone(),
                one.options.clone(),
            );
            let (instance, abi_version) = made.map_err(|cause| blame(&one.spec, cause))?;
            Ok(one.made(abi_version, instance, Vec::new()))
        });
        Ok(MadeChain {
            validators: validators.collect::<Result<_, LoadError>>()?,
            processes: Vec::new(),
        })
    }

    /// Puts the host's safeguards around a validator.
    fn guard(&self, made: Made) -> Result<Validator, Cause> {
        let Made {
            origin, instance, ..
        } = made;
        tracing::info!(
            validator = %origin.name, path = %origin.path.display(), sha256 = %origin.sha256,
            api = origin.abi_version, version = %origin.version, "validator loaded"
        );
        let Settings { limits, clock, .. } = &self.settings;
        Ok(Validator::new(origin, instance, limits, clock.clone())?)
    }
}

fn blame(spec: &ValidatorSpec, cause: Cause) -> LoadError {
    LoadError::Validator {
        validator: spec.to_string(),
        cause: Box::new(cause),
    }
}

/// Makes the validators in processes of their own: one for each library, however many validators it
/// makes, with the rights that any of them needs. That is a trial if `isolation` is in-process.
fn make_isolated(chain: &[Assembled], isolation: Isolation) -> Result<MadeChain, LoadError> {
    let mut open: HashMap<Sha256Digest, Isolated> = HashMap::new();
    let mut validators = Vec::new();
    for one in chain {
        let failed = |reason| blame(&one.spec, process_failed(&one.library, reason));
        let sha256 = one.library.file.sha256;
        let process = match open.entry(sha256) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => {
                let of_library = |other: &&Assembled| other.library.file.sha256 == sha256;
                let policies = chain.iter().filter(of_library);
                let policy =
                    policies.fold(one.policy.clone(), |all, one| all.or(one.policy.clone()));
                place.insert(Isolated::open(&one.library, policy, isolation).map_err(failed)?)
            }
        };
        let made = process.create(&one.name, &one.factory, &one.options);
        let instance = made.map_err(|error| match error {
            CreateError::Refused(failure) => {
                blame(&one.spec, Cause::Create(in_process::in_words(&failure)))
            }
            CreateError::Process(reason) => failed(reason),
        })?;
        validators.push(one.made(process.abi_version(), instance, one.policy.held_files()));
    }
    Ok(MadeChain {
        validators,
        processes: open.into_values().collect(),
    })
}

fn process_failed(library: &Described, reason: String) -> Cause {
    Cause::Process {
        path: library.file.path.clone(),
        reason,
    }
}

impl Assembled {
    fn made(
        &self,
        abi_version: String,
        instance: Arc<dyn Instance>,
        held_files: Vec<PathBuf>,
    ) -> Made {
        Made {
            spec: self.spec.clone(),
            origin: Origin {
                name: self.name.clone(),
                path: self.library.file.path.clone(),
                sha256: self.library.file.sha256,
                abi_version,
                version: redact::for_log(self.library.version()),
                held_files,
            },
            instance,
        }
    }
}

impl MadeChain {
    /// Ends the processes of the validators and waits for their end.
    fn end(self) {
        drop(self.validators);
        self.processes.into_iter().for_each(Isolated::end);
    }
}

/// The factory that `spec` names, or the only one, or the one of the library's name.
///
/// # Errors
/// If there is no such factory, or several to choose from.
pub(crate) fn choose(
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

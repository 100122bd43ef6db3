//! The settings of the plugin host, as plain validated values.
//!
//! Owns the parsing of a chain (`library[:factory],...`) and of checksum pins. Never reads the
//! environment: the variables that a plugin's options may use come in as an [`EnvView`].

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use foundation::{clock::Clock, suggest};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Demands, Sha256Digest};

/// The longest name of a library or a factory, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// The settings of the plugin host.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directories searched for libraries. A name found in two places is an error.
    pub directories: Vec<PathBuf>,
    /// The validators, asked in this order until one recognizes the token.
    pub validators: Vec<ValidatorSpec>,
    /// The options of the validators.
    pub options: OptionSources,
    /// The checksums that libraries must have.
    pub pins: Pins,
    /// What else is demanded of them.
    pub demands: Demands,
    /// Time-outs and bounds.
    pub limits: Limits,
    /// The process that runs the plugins' code.
    pub isolation: Isolation,
    /// The sandbox of a plugin's own process.
    pub sandbox: SandboxMode,
    /// The source of time.
    pub clock: Clock,
}

impl Settings {
    /// Settings with every bound at its default.
    pub fn new(directories: Vec<PathBuf>, validators: Vec<ValidatorSpec>) -> Self {
        Self {
            directories,
            validators,
            options: OptionSources::default(),
            pins: Pins::default(),
            demands: Demands::default(),
            limits: Limits::default(),
            isolation: Isolation::default(),
            sandbox: SandboxMode::default(),
            clock: Clock::system(),
        }
    }
}

/// The process that runs the code of the plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// In this process: a little faster, and a crash of a plugin is a crash of the server.
    InProcess,
    /// In a child process for each library: a crash costs the requests under way a 503.
    #[default]
    Process,
}

/// The sandbox of a process that runs the code of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// A plugin does not run where a layer of the sandbox is missing.
    Required,
    /// The layers that the kernel has.
    #[default]
    BestEffort,
    /// No sandbox: for debuggers and profilers.
    Off,
}

impl SandboxMode {
    /// Every mode by the word that sets it.
    pub const BY_NAME: [(&'static str, Self); 3] = [
        ("required", Self::Required),
        ("best-effort", Self::BestEffort),
        ("off", Self::Off),
    ];

    /// The word that sets it.
    pub fn name(self) -> &'static str {
        let found = Self::BY_NAME.iter().find(|(_, mode)| *mode == self);
        found.map_or("", |(name, _)| name)
    }
}

/// Time-outs and bounds of the plugin host.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time limit for checking one token, shared by all validators of the chain.
    pub deadline: Duration,
    /// Time limit for making one validator at start or reload.
    pub start: Duration,
    /// Time limit for shutting down one validator.
    pub shutdown: Duration,
    /// Time limit of a request: for so long it keeps a replaced validator that let it in from
    /// revoking what it gave.
    pub request: Duration,
    /// The maximum number of concurrent calls of one validator.
    pub in_flight: usize,
    /// The longest time an accepted token is cached.
    pub cache_ttl: Duration,
    /// The maximum number of accepted tokens in the cache.
    pub cache_entries: u64,
    /// The time for which a rejected token is cached; zero: not at all.
    pub negative_ttl: Duration,
    /// The maximum number of requests that wait for the check of the same token.
    pub waiters_per_token: usize,
    /// The maximum number of library copies that may be mapped over the life of the process.
    pub mappings: usize,
    /// The number of new tokens about which new validators are compared with the serving ones before a
    /// reload is taken; 0: none.
    pub shadow: usize,
    /// The memory limit of an isolated validator's process, in bytes; `None`: no limit.
    pub process_memory: Option<u64>,
    /// The circuit breaker for a validator that panics or hangs.
    pub breaker: BreakerSettings,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            start: Duration::from_secs(30),
            shutdown: Duration::from_secs(5),
            request: Duration::from_secs(60),
            in_flight: 512,
            cache_ttl: Duration::from_secs(300),
            cache_entries: 10_000,
            negative_ttl: Duration::from_secs(5),
            waiters_per_token: 1_024,
            mappings: 256,
            shadow: 0,
            process_memory: Some(1 << 30),
            breaker: BreakerSettings::default(),
        }
    }
}

/// The conditions under which a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// This many panics and time-outs ...
    pub faults: usize,
    /// ... within this time open the breaker ...
    pub window: Duration,
    /// ... for this long; then one call at a time is a probe.
    pub open_for: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            faults: 5,
            window: Duration::from_secs(30),
            open_for: Duration::from_secs(10),
        }
    }
}

/// One validator of the chain: a library and one of its factories.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ValidatorSpec {
    /// The library's name, without `lib` and `.so`.
    pub library: String,
    /// The factory; may be omitted if the library has only one.
    pub factory: Option<String>,
}

/// The reason a name in `TOKEN_VALIDATOR_FACTORY` is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Nothing is named.
    #[error("`TOKEN_VALIDATOR_FACTORY` is empty; expected `library[:factory]`, comma-separated")]
    Empty,
    /// A name is empty, as in `a,,b` or `oidc:`.
    #[error("`{0}` in `TOKEN_VALIDATOR_FACTORY` has an empty name; expected `library[:factory]`")]
    EmptyName(String),
    /// A name could leave the plugin directories.
    #[error(
        "`{0}` in `TOKEN_VALIDATOR_FACTORY` is not a name of a library: `/`, control characters and a leading dot are not \
         allowed. Name the file without `lib` and `.so`; its directory is set by \
         `TOKEN_VALIDATOR_PLUGIN_DIR`"
    )]
    BadLibrary(String),
    /// A factory's name contains characters that are not allowed.
    #[error("`{0}` is not a name of a factory: use ASCII letters, digits, `_` and `-`")]
    BadFactory(String),
    /// A name is too long.
    #[error("a name is longer than {MAX_NAME_BYTES} bytes")]
    TooLong,
    /// The same validator is named twice.
    #[error("`{0}` is named twice in `TOKEN_VALIDATOR_FACTORY`")]
    Twice(String),
}

impl ValidatorSpec {
    /// Reads `library[:factory]`, split at the last colon.
    ///
    /// # Errors
    /// If a name is empty or could leave the plugin directories.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let (library, factory) = match text.rsplit_once(':') {
            Some((library, factory)) => (library, Some(factory)),
            None => (text, None),
        };
        if library.is_empty() || factory.is_some_and(str::is_empty) {
            return Err(SpecError::EmptyName(text.escape_default().to_string()));
        }
        if library.len() > MAX_NAME_BYTES || factory.is_some_and(|f| f.len() > MAX_NAME_BYTES) {
            return Err(SpecError::TooLong);
        }
        if !is_library_name(library) {
            return Err(SpecError::BadLibrary(library.escape_default().to_string()));
        }
        if let Some(factory) = factory.filter(|factory| !is_factory_name(factory)) {
            return Err(SpecError::BadFactory(factory.escape_default().to_string()));
        }
        Ok(Self {
            library: library.to_owned(),
            factory: factory.map(str::to_owned),
        })
    }

    /// Reads a chain: specs separated by commas, spaces around them ignored.
    ///
    /// # Errors
    /// If one of them is not a spec, or is repeated.
    pub fn parse_chain(text: &str) -> Result<Vec<Self>, SpecError> {
        if text.trim().is_empty() {
            return Err(SpecError::Empty);
        }
        let mut chain = Vec::new();
        for part in text.split(',') {
            let part = part.trim();
            if part.is_empty() {
                return Err(SpecError::EmptyName(text.escape_default().to_string()));
            }
            let spec = Self::parse(part)?;
            if chain.contains(&spec) {
                return Err(SpecError::Twice(spec.to_string()));
            }
            chain.push(spec);
        }
        Ok(chain)
    }
}

impl fmt::Display for ValidatorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.library)?;
        match &self.factory {
            Some(factory) => write!(f, ":{factory}"),
            None => Ok(()),
        }
    }
}

/// True if `name` is a valid name of a library, which becomes part of a file name.
pub(crate) fn is_library_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.starts_with('.')
        && !name.chars().any(|c| c == '/' || c.is_control())
}

/// True if `name` is a valid name of a factory.
pub(crate) fn is_factory_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The sources of the validators' options, in increasing precedence: an environment variable that
/// the option names (`x-env`), then [`Self::config`], then [`Self::overrides`].
#[derive(Clone, Default)]
pub struct OptionSources {
    /// `TOKEN_VALIDATOR_CONFIG`. With one validator, its options; with several, an object
    /// with the options of each, named as in the chain.
    pub config: Map<String, Value>,
    /// `TOKEN_VALIDATOR_OPT_<NAME>`: the option's name in any case, and its value as text. With
    /// several validators, each takes those that it knows.
    pub overrides: BTreeMap<String, SecretString>,
    /// The variables that options may name by `x-env`.
    pub env: EnvView,
}

impl fmt::Debug for OptionSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OptionSources")
            .field("config", &self.config.keys().collect::<Vec<_>>())
            .field("overrides", &self.overrides.keys().collect::<Vec<_>>())
            .field("env", &self.env)
            .finish()
    }
}

/// Environment variables (and flags of the same meaning) by name. An empty value counts as unset.
#[derive(Clone, Default)]
pub struct EnvView(BTreeMap<String, SecretString>);

impl EnvView {
    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(ExposeSecret::expose_secret)
    }

    /// Sets `name`, as a flag does.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        if value.is_empty() {
            self.0.remove(&name);
        } else {
            self.0.insert(name, SecretString::from(value));
        }
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for EnvView {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut view = Self::default();
        for (name, value) in pairs {
            view.insert(name, value);
        }
        view
    }
}

impl fmt::Debug for EnvView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values may be secrets, and the names are the whole environment: neither is shown.
        write!(f, "EnvView({} variables)", self.0.len())
    }
}

/// The SHA-256 checksums that libraries must have, by the library's name in the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins {
    by_library: BTreeMap<String, Sha256Digest>,
    any: Option<Sha256Digest>,
}

/// The reason `TOKEN_VALIDATOR_SHA256` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Not 64 hexadecimal digits.
    #[error(
        "`{0}` is not a SHA-256 checksum (64 hexadecimal digits); \
         `datahub-mcp plugins pin FILE` prints the value to use"
    )]
    NotAChecksum(String),
    /// One library, two checksums.
    #[error("`{0}` is pinned twice")]
    Twice(String),
    /// A bare checksum, and more than one library that it could belong to.
    #[error("a bare checksum needs exactly one validator; write `library=checksum` for each")]
    Bare,
    /// A pin for a library that is not in the chain.
    #[error("`{library}` is pinned but not in `TOKEN_VALIDATOR_FACTORY`{}", suggest::hint(.near))]
    NotInChain {
        /// The name in the pin.
        library: String,
        /// Similar names in the chain.
        near: Vec<String>,
    },
}

impl Pins {
    /// Reads `library=hex`, comma-separated, or one bare `hex`.
    ///
    /// # Errors
    /// If a checksum is invalid or a library is repeated.
    pub fn parse(text: &str) -> Result<Self, PinError> {
        let mut pins = Self::default();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (library, hex) = match part.split_once('=') {
                Some((library, hex)) => (Some(library.trim()), hex.trim()),
                None => (None, part),
            };
            let digest = Sha256Digest::parse(hex)
                .ok_or_else(|| PinError::NotAChecksum(hex.escape_default().to_string()))?;
            let before = match library {
                Some(library) => pins.by_library.insert(library.to_owned(), digest),
                None => pins.any.replace(digest),
            };
            if before.is_some() {
                let name = library.unwrap_or(hex);
                return Err(PinError::Twice(name.escape_default().to_string()));
            }
        }
        Ok(pins)
    }

    /// Checks that every pin belongs to a library of `chain`.
    ///
    /// # Errors
    /// If one does not, or a bare checksum could belong to several.
    pub fn fit(&self, chain: &[ValidatorSpec]) -> Result<(), PinError> {
        let mut libraries: Vec<&str> = chain.iter().map(|spec| spec.library.as_str()).collect();
        libraries.sort_unstable();
        libraries.dedup();
        if self.any.is_some() && (libraries.len() != 1 || !self.by_library.is_empty()) {
            return Err(PinError::Bare);
        }
        match self
            .by_library
            .keys()
            .find(|name| !libraries.contains(&name.as_str()))
        {
            None => Ok(()),
            Some(name) => Err(PinError::NotInChain {
                library: name.escape_default().to_string(),
                near: suggest::offers(name, libraries.iter().copied()),
            }),
        }
    }

    /// The checksum that `library` must have.
    pub fn of(&self, library: &str) -> Option<Sha256Digest> {
        self.by_library.get(library).copied().or(self.any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_last_colon() {
        let spec = ValidatorSpec::parse("a:b:c").unwrap();
        assert_eq!(
            (spec.library.as_str(), spec.factory.as_deref()),
            ("a:b", Some("c"))
        );
        let spec = ValidatorSpec::parse("oidc").unwrap();
        assert_eq!((spec.library.as_str(), spec.factory), ("oidc", None));
    }

    #[test]
    fn refuses_names_that_leave_the_directory() {
        for bad in ["../x", "/etc/x", ".x", "a/b", "a\0b", "a\nb", ""] {
            assert!(ValidatorSpec::parse(bad).is_err(), "{bad:?}");
        }
        for bad in ["oidc:", ":x", "oidc:a/b", "oidc:a b"] {
            assert!(ValidatorSpec::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            ValidatorSpec::parse(&"x".repeat(129)),
            Err(SpecError::TooLong)
        );
    }

    #[test]
    fn a_chain_is_comma_separated() {
        let chain = ValidatorSpec::parse_chain(" oidc , notary:strict ").unwrap();
        let names: Vec<_> = chain.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["oidc", "notary:strict"]);
        for bad in ["", " ", "a,,b", "a,", "a,a"] {
            assert!(ValidatorSpec::parse_chain(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn pins_name_libraries_or_stand_alone() {
        let hex = "ab".repeat(32);
        let chain = ValidatorSpec::parse_chain("oidc,notary").unwrap();
        let pins = Pins::parse(&format!("oidc={hex}, notary={}", hex.to_uppercase())).unwrap();
        pins.fit(&chain).unwrap();
        assert_eq!(pins.of("oidc"), pins.of("notary"));
        assert_eq!(pins.of("other"), None);

        let bare = Pins::parse(&hex).unwrap();
        assert_eq!(bare.fit(&chain), Err(PinError::Bare));
        bare.fit(&chain[..1]).unwrap();
        assert!(bare.of("oidc").is_some());

        let stray = Pins::parse(&format!("odic={hex}"))
            .unwrap()
            .fit(&chain)
            .unwrap_err();
        assert!(stray.to_string().contains("did you mean `oidc`"), "{stray}");
        for bad in ["oidc=12", "zz", "oidc="] {
            assert!(
                matches!(Pins::parse(bad), Err(PinError::NotAChecksum(_))),
                "{bad}"
            );
        }
        assert!(matches!(
            Pins::parse(&format!("a={hex},a={hex}")),
            Err(PinError::Twice(_))
        ));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let mut sources = OptionSources::default();
        sources
            .config
            .insert("client_secret".to_owned(), "canary".into());
        sources
            .overrides
            .insert("x".to_owned(), SecretString::from("canary"));
        sources.env.insert("Y", "canary");
        assert!(!format!("{sources:?}").contains("canary"));
    }

    #[test]
    fn an_empty_variable_is_an_unset_one() {
        let env: EnvView = [("A", ""), ("B", "b")].into_iter().collect();
        assert_eq!((env.get("A"), env.get("B")), (None, Some("b")));
    }
}

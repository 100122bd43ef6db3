//! The reasons for which validators are not loaded, each one line that says what to change.

use std::{io, path::PathBuf, time::Duration};

use foundation::suggest;

use crate::{CheckError, DemandError, FindError, LibraryError, OptionError, PinError};

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
    /// Its file has no signature that counts, or is not in the lock.
    #[error(transparent)]
    Demand(#[from] DemandError),
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
    /// The process that was to open the library, or to make the validator, crashed, ended or hung.
    #[error("{path}: {reason}")]
    Process {
        /// The file.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The plugin did not make a validator in time.
    #[error(
        "did not start within {} seconds inside the server, although it did in a process of its \
         own; unset `PLUGIN_ISOLATION`",
        .0.as_secs()
    )]
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

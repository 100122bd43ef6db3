//! The plugin host: finds validator libraries, checks them, loads them through the stable ABI,
//! calls them with deadlines and remembers their answers.
//!
//! Never names a concrete plugin, never trusts what one returns.

pub(crate) mod boundary;
#[cfg(test)]
mod fake;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod isolation;
mod library;
mod options;
mod serving;
mod settings;
pub mod tools;

pub use self::isolation::{
    child::run as run_isolated, harden::seal_memory, process::is_validator_process,
};
pub use self::{
    boundary::{last_line::leave, load::LibraryError},
    library::{
        check::CheckError,
        demands::{DemandError, Demands},
        digest::Sha256Digest,
        elf::ElfError,
        find::FindError,
        linkage::LinkError,
        lock::{Lock, LockError, Locked},
        ownership::OwnershipError,
        signature::{SignatureError, SignerError, Signers},
    },
    options::{assemble::OptionError, violation::Violation},
    serving::{
        load_error::{Cause, LoadError},
        reload::{ReloadError, Reloaded, ReloadedValidator},
        service::{Health, ValidatorHealth, Validators},
        shadow::Difference,
    },
    settings::{
        BreakerSettings, EnvView, Isolation, Limits, OptionSources, PinError, Pins, SandboxMode,
        Settings, SpecError, ValidatorSpec,
    },
};

//! Tools for operators and vendors: list the libraries, inspect one, try a token with it, look for
//! faults in it.
//!
//! Returns reports as values, which the command line prints. Never shows a secret.

mod attempt;
mod confine;
mod conformance;
mod describe;
mod inspect;
mod list;

use std::path::{Path, PathBuf};

pub use self::{
    attempt::{Attempt, attempt},
    confine::{Ground, confine},
    conformance::{
        CheckResult, Conformance, Events, Finding, Plan, Watched, bind_to_parent, conform, watch,
    },
    describe::{begin_child, describe, enter_sandbox},
    inspect::{FactoryReport, Inspection, OptionReport, inspect},
    list::{Listed, list, lock, pin, sandbox_level},
};
pub use super::boundary::description::Description;
use super::{FindError, library::find};
pub use crate::isolation::crash as crashed;

/// Time limit for a child process that examines a library.
const CHILD_LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// The file that `name` refers to: a path, or a library in the plugin directories.
fn resolve(directories: &[PathBuf], name: &str) -> Result<find::Found, FindError> {
    let path = Path::new(name);
    if (name.contains('/') || path.symlink_metadata().is_ok())
        && let Some(found) = find::Found::at(path)
    {
        return Ok(found);
    }
    find::library(directories, name)
}

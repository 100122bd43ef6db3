//! The sandbox of `plugins check`, whose process loads the library several times and makes validators
//! of several options.

use std::path::PathBuf;

use super::{Plan, resolve};
use crate::{
    Settings,
    isolation::sandbox::{self, Network, Policy},
};

/// Enters the sandbox with this process, for good. Call it before there is a second thread. The library may use the network, and read what the options of `plan` name.
///
/// # Errors
/// The layers that are missing and required.
pub fn confine(settings: &Settings, plan: &Plan) -> Result<(), String> {
    let mut files: Vec<PathBuf> = settings.directories.clone();
    if let Ok(found) = resolve(&settings.directories, &plan.library) {
        files.push(found.path());
    }
    for config in [Some(&plan.config), plan.down_config.as_ref()] {
        files.extend(config.into_iter().flat_map(sandbox::files_in));
    }
    let policy = Policy {
        mode: settings.sandbox,
        network: Network::Any,
        files,
        copies: true,
    };
    sandbox::enter(&policy).map(drop)
}

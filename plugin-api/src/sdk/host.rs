//! The host as it describes itself to its plugins.

use serde::Deserialize;

use super::log;

/// The host that created this library's validators.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct HostInfo {
    /// The name of the program.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The newest version of the ABI that it loads.
    pub api: String,
}

impl HostInfo {
    /// The host of the validator whose method runs, or of the newest one. `None` before the first
    /// `create`.
    pub fn current() -> Option<Self> {
        let json = log::with_origin(|instance, _| instance.host.info_json()())?;
        serde_json::from_str(&json).ok()
    }
}

//! ABI version 1.1: what it adds to [`crate::v1_0`], and the rest of that version under the same names.
//! Frozen like it.
//!
//! - [`Host::info_json`]: the host describes itself to its plugins.
//! - [`Plugin::info_json`] may have a member `needs`: what the library needs of the system. A host of
//!   1.1 reads it in libraries of 1.0 too, where it had no meaning before.

use abi_stable::{
    StableAbi,
    library::RootModule,
    sabi_types::VersionStrings,
    std_types::{RResult, RStr, RString, RVec},
};

pub use crate::v1_0::{
    Accepted, Factory, FailKind, Failure, LogLevel, LogRecord, Outcome, Request, Secret, Validator,
    Validator_TO, ValidatorBox,
};

/// This ABI version, as a plugin's header states it before any code of the plugin runs.
pub const VERSION: &str = "1.1.0";

/// The root module of a plugin library; as [`crate::v1_0::Plugin`] where nothing else is said.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRef, prefix_fields = PluginFields)))]
#[sabi(missing_field(panic))]
pub struct Plugin {
    /// The description of the library, as in 1.0. New is the member `needs`, an object:
    ///
    /// - `network`: `true` (the default), `false`, or a list of the TCP ports that it connects to. The
    ///   ports of URLs in its options are added by the host.
    /// - `files`: a list of absolute paths of files that it reads, which everybody on the machine can read. The
    ///   files that its options name are added by the host.
    ///
    /// A host with a sandbox allows nothing else.
    pub info_json: extern "C" fn() -> RString,

    /// The validators that this library can create.
    pub factories: extern "C" fn() -> RVec<Factory>,

    /// Creates a validator.
    #[sabi(last_prefix_field)]
    pub create: extern "C" fn(
        plugin_id: RString,
        factory: RString,
        config_json: Secret,
        host: HostRef,
    ) -> RResult<ValidatorBox, Failure>,
}

impl RootModule for PluginRef {
    abi_stable::declare_root_module_statics! {PluginRef}
    const BASE_NAME: &'static str = "datahub_mcp_token_validator";
    const NAME: &'static str = "datahub-mcp token validator";
    const VERSION_STRINGS: VersionStrings = VersionStrings::new(VERSION);
}

/// The functions that the host offers to its plugins.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = HostRef, prefix_fields = HostFields)))]
#[sabi(missing_field(panic))]
pub struct Host {
    /// As in 1.0.
    pub log_enabled: extern "C" fn(plugin_id: RStr<'_>, level: LogLevel, target: RStr<'_>) -> bool,

    /// As in 1.0.
    pub log: extern "C" fn(record: &LogRecord<'_>),

    /// The description of the host, as a JSON object: `name` and `version` of the program, and
    /// `api`, the newest ABI version that it loads. Cheap; may be called at any time.
    #[sabi(last_prefix_field)]
    pub info_json: extern "C" fn() -> RString,
}

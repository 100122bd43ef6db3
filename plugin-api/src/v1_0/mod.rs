//! The frozen types of ABI version 1.0: everything that crosses the boundary between the host and a
//! plugin.
//!
//! Owns layouts, nothing else: no behaviour beyond wiping secrets. Nothing here may change once
//! released, neither a field nor its name nor the order: a host checks the whole layout when it
//! loads a plugin. Additions of a later minor version become a module of their own (`v1_1`), and
//! the host loads a library by the version that its header states.
//!
//! # Rules of the boundary
//! - **Allocation.** [`RString`], [`RVec`] and [`ValidatorBox`] free what they own through the
//!   allocator of the side that made them. Values may be moved across freely.
//! - **Threads.** Every function may be called on any thread, several at once.
//! - **Panics.** No function of either side may unwind into the other: it would end the process.
//!   A plugin answers [`FailKind::PANICKED`]. The functions of [`Host`] never unwind.
//! - **Lifetime.** A library is never unloaded, so [`PluginRef`] and [`HostRef`] are valid until
//!   the process ends.
//! - **Text** is UTF-8. A field named `..._json` holds one JSON object, or nothing (the empty
//!   string) if it has no content. Both sides ignore unknown members, so this ABI version can grow
//!   without a new layout.
//! - **Numbers in newtypes** ([`FailKind`], [`LogLevel`]) are open: a reader may receive
//!   numbers that it does not know, and each type states how to treat them.
#![expect(
    unsafe_code,
    reason = "the derives of abi_stable implement unsafe traits and build vtables"
)]

mod data;
mod secret;
mod validator;

use abi_stable::{
    StableAbi,
    library::RootModule,
    sabi_types::VersionStrings,
    std_types::{RResult, RStr, RString, RVec},
};

pub use self::{
    data::{Accepted, FailKind, Failure, Outcome, Request},
    secret::Secret,
    validator::{Validator, Validator_TO, ValidatorBox},
};

/// This ABI version, as a plugin's header states it before any code of the plugin runs.
pub const VERSION: &str = "1.0.0";

/// The root module of a plugin library: its description, its validators, and their constructor.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRef, prefix_fields = PluginFields)))]
#[sabi(missing_field(panic))]
pub struct Plugin {
    /// The description of the library, as a JSON object of strings: `name` and `version` of the
    /// plugin, and, if known, `api` (the ABI version, `1.0`), `sdk` (the version of the SDK, or
    /// `none`), `rustc` (the compiler), `profile` (`debug` or `release`). May be called before
    /// anything else and any number of times.
    pub info_json: extern "C" fn() -> RString,

    /// The validators that this library can create. Never empty; names are unique.
    pub factories: extern "C" fn() -> RVec<Factory>,

    /// Creates a validator.
    ///
    /// `plugin_id` is the host's name for the instance, returned in every [`LogRecord`];
    /// `factory` is one of [`Self::factories`]; `config_json` is a JSON object that fits that
    /// factory's schema. May block, up to the host's start-up limit. Fails with
    /// [`FailKind::MISCONFIGURED`] if the options are wrong, with [`FailKind::UNAVAILABLE`] if a
    /// service that it depends on cannot be reached.
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

/// One kind of validator that a library can create.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct Factory {
    /// Its name: ASCII letters, digits, `_` and `-`. An operator selects it as `library:name`.
    pub name: RString,
    /// The JSON Schema (draft 2020-12) of its options: an object schema. Beyond the standard
    /// keywords, a property may carry `x-env` (a string: the environment variable that fills it;
    /// or a list of them, of which the first that is set counts) and `x-secret` (`true`: never printed).
    pub schema_json: RString,
    /// Reserved for extensions; empty in this ABI version.
    pub ext_json: RString,
}

/// The functions that the host offers to its plugins.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = HostRef, prefix_fields = HostFields)))]
#[sabi(missing_field(panic))]
pub struct Host {
    /// Says whether the host would write a record of this level and target from this instance.
    /// Cheap enough to be called before each record is rendered.
    pub log_enabled: extern "C" fn(plugin_id: RStr<'_>, level: LogLevel, target: RStr<'_>) -> bool,

    /// Writes a record to the host's log. The host copies what it needs before it returns,
    /// truncates long records and drops records above its rate limit.
    #[sabi(last_prefix_field)]
    pub log: extern "C" fn(record: &LogRecord<'_>),
}

/// One line for the host's log. Borrowed for the length of the call.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct LogRecord<'a> {
    /// The instance that logs, as the host named it in [`Plugin::create`].
    pub plugin_id: RStr<'a>,
    /// The request that the record belongs to; empty if it belongs to none.
    pub request_id: RStr<'a>,
    /// The severity.
    pub level: LogLevel,
    /// The part of the plugin that logs, usually a module path.
    pub target: RStr<'a>,
    /// The text. Never holds a token.
    pub message: RStr<'a>,
    /// The fields of the record as `name=value name=value`; may be empty.
    pub fields: RStr<'a>,
}

/// The severity of a log record. Open: a number above [`Self::TRACE`] is a trace, zero an error.
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogLevel(pub u32);

impl LogLevel {
    /// Something failed.
    pub const ERROR: Self = Self(1);
    /// Something is wrong and was handled.
    pub const WARN: Self = Self(2);
    /// Something of interest to an operator.
    pub const INFO: Self = Self(3);
    /// Something of interest to a developer.
    pub const DEBUG: Self = Self(4);
    /// Every step.
    pub const TRACE: Self = Self(5);
}

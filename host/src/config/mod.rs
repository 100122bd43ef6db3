//! Settings: from flags and environment variables to the validated values that each module owns.
//!
//! Two types, on purpose: [`Raw`] holds the values as given, [`Settings`] holds validated ones. All
//! problems are reported together, one line each. No other module reads the environment.

mod command;
mod datahub;
mod datahub_env;
mod error;
mod id_tokens;
mod listen;
mod logs;
mod misnomers;
mod names;
mod near;
mod network;
mod options;
mod preset;
mod presets;
mod python;
mod raw;
mod reader;
mod reference;
mod secrets;
mod service_links;
mod setting;
mod settings;
mod signin;
mod store_url;
pub mod table;
#[cfg(test)]
mod tests;
mod tools;
mod unfilled;
mod validators;
mod value_file;

pub use self::{
    command::{with_hidden_settings, with_settings},
    error::{ConfigError, Problem},
    preset::Preset,
    raw::{Environment, Raw, Source},
    reference::reference,
    setting::Setting,
    settings::{
        ClientListSettings, LocalSettings, Settings, client_list, environment, local, masked,
        plugins_only,
    },
};
pub(crate) use self::{
    options::{option_text, single_option, validator_option},
    presets::spelled as spelled_issuer,
    secrets::secret_texts,
};

/// The exit status for wrong settings (`EX_USAGE` of sysexits.h).
pub const EXIT_USAGE: u8 = 64;

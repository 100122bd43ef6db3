//! Environment variables that look like settings of this server but are not: nearly always a
//! misspelt name, which would otherwise silently leave a default in force.

use std::collections::BTreeMap;

use foundation::suggest;

use super::{error::Problem, misnomers, near, service_links, setting::Setting, table};

/// Prefixes that belong to this program alone. Other `DATAHUB_*` variables belong to other
/// DataHub tools, so they are ignored.
const PREFIXES: &[&str] = &[
    "TOKEN_VALIDATOR_",
    "OIDC_",
    "OAUTH_",
    "DATAHUB_MCP_",
    "DATAHUB_GMS_",
    "PLUGIN_",
    "OUTBOUND_",
];

/// Names under our prefixes that other programs use.
const FOREIGN: &[&str] = &[
    "DATAHUB_GMS_HOST",
    "DATAHUB_GMS_PORT",
    "DATAHUB_GMS_PROTOCOL",
    "DATAHUB_GMS_BASE_PATH",
];

/// The prefix of the options of a plugin.
pub(super) const OPTION_PREFIX: &str = "TOKEN_VALIDATOR_OPT_";

/// True for names under our prefixes and for other names of settings.
pub(super) fn is_ours(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || is_known(name)
}

/// A problem for each unknown variable under one of our prefixes.
pub(super) fn unknown(environment: &BTreeMap<String, String>) -> Vec<Problem> {
    environment
        .keys()
        .filter(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
        .filter(|name| !is_known(name))
        .map(|name| {
            let near = || {
                let known = table::ALL.iter().map(|setting| setting.name);
                let near = suggest::names(name, known, 1);
                near.first().map(|near| (*near).to_owned())
            };
            let misnomer = misnomers::meant(name).map(|(_, meant)| meant);
            let hint = match misnomer.or_else(near) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "unset it".to_owned(),
            };
            Problem::line(format!("`{name}` is not a setting of this version; {hint}"))
        })
        .collect()
}

/// A name under no prefix of ours that is a slip away from a setting.
pub(super) struct Slip {
    /// The setting.
    pub(super) setting: &'static Setting,
    /// The variable, and what may be wrong with it.
    pub(super) line: String,
}

/// Variables that are nearly named like a setting, or as people call one by mistake. If the setting
/// itself is set, another program's variable only happens to be close.
pub(super) fn slips(environment: &BTreeMap<String, String>) -> Vec<Slip> {
    environment
        .iter()
        .filter(|(name, value)| !is_ours(name) && !service_links::is_link(name, value))
        .filter_map(|(name, _)| {
            let (setting, meant) = misnomers::meant(name).or_else(|| near::meant(name))?;
            let line = format!(
                "`{name}` is not a setting of this version; did you mean `{meant}`? If another program reads it, \
                 set `{meant}` as well"
            );
            Some(Slip { setting, line })
        })
        .collect()
}

fn is_known(name: &str) -> bool {
    FOREIGN.contains(&name)
        || name.len() > OPTION_PREFIX.len() && name.starts_with(OPTION_PREFIX)
        || table::ALL.iter().any(|setting| {
            setting.name == name
                || setting.alias == Some(name)
                || setting.file_name().as_deref() == Some(name)
        })
}

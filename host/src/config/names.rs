//! Variables of the environment that look like settings of ours and are none: nearly always a
//! misspelt name, which would otherwise silently leave a default in force.

use super::{error::Problem, raw::Environment, table};

/// Prefixes that belong to this program alone. Other `DATAHUB_*` variables are those of other
/// DataHub tools, so they are left in peace.
const PREFIXES: &[&str] = &[
    "TOKEN_VALIDATOR_",
    "OIDC_",
    "OAUTH_",
    "DATAHUB_MCP_",
    "DATAHUB_GMS_",
    "PLUGIN_",
    "OUTBOUND_",
];

/// Names under our prefixes that others use.
const FOREIGN: &[&str] = &[
    "DATAHUB_GMS_HOST",
    "DATAHUB_GMS_PORT",
    "DATAHUB_GMS_PROTOCOL",
    "DATAHUB_GMS_BASE_PATH",
];

/// The prefix of the options of a plugin.
pub(super) const OPTION_PREFIX: &str = "TOKEN_VALIDATOR_OPT_";

/// A problem for each unknown variable under one of our prefixes.
pub(super) fn unknown(environment: &Environment) -> Vec<Problem> {
    environment
        .keys()
        .filter(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
        .filter(|name| !is_known(name))
        .map(|name| {
            let hint = match nearest(name) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "unset it".to_owned(),
            };
            Problem::line(format!("`{name}` is no setting of this version; {hint}"))
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

/// The setting whose name is nearest, if it is near at all.
fn nearest(name: &str) -> Option<&'static str> {
    table::ALL
        .iter()
        .map(|setting| {
            (
                strsim::normalized_damerau_levenshtein(name, setting.name),
                setting.name,
            )
        })
        .filter(|(likeness, _)| *likeness > 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

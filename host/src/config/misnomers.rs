//! What people call our settings by mistake: words that other programs have for the same thing, and
//! our own words under another prefix of ours.
//!
//! A list on purpose. Names that are only somewhat close belong to other programs too often, and a
//! name of theirs must never stop the start.

use super::{setting::Setting, table as t};

/// Each setting with the names that are meant to be it. None of them is a common name of other
/// programs.
const MISNOMERS: &[(&Setting, &[&str])] = &[
    (
        &t::OIDC_ISSUER_URL,
        &[
            "OIDC_URL",
            "OIDC_AUTHORITY",
            "OIDC_BASE_URL",
            "OIDC_SERVER_URL",
            "OIDC_DISCOVERY_URL",
            "OIDC_WELL_KNOWN_URL",
            "OAUTH_URL",
            "OAUTH_AUTHORITY",
        ],
    ),
    (&t::OIDC_CLIENT_ID, &["OIDC_CLIENT", "OIDC_ID", "OAUTH_ID"]),
    (
        &t::OIDC_CLIENT_SECRET,
        &["OIDC_SECRET", "OAUTH_SECRET", "OIDC_CLIENT_PASSWORD"],
    ),
    (
        &t::OAUTH_DEFAULT_SCOPE,
        &["OIDC_SCOPE", "OIDC_SCOPES", "OAUTH_SCOPE", "OAUTH_SCOPES"],
    ),
    (
        &t::OAUTH_AUTHORIZE_ENDPOINT,
        &[
            "OAUTH_AUTHORIZATION_ENDPOINT",
            "OIDC_AUTHORIZATION_ENDPOINT",
            "OAUTH_AUTHORIZE_URL",
            "OAUTH_AUTH_URL",
            "OIDC_AUTH_URL",
        ],
    ),
    (
        &t::OAUTH_TOKEN_ENDPOINT,
        &["OAUTH_TOKEN_URL", "OIDC_TOKEN_URL"],
    ),
    (
        &t::OAUTH_TOKEN_KEYS,
        &[
            "OAUTH_KEY",
            "OAUTH_KEYS",
            "OIDC_KEYS",
            "OAUTH_SECRET_KEY",
            "OAUTH_SEALING_KEY",
            "OAUTH_SEALING_KEYS",
            "OAUTH_ENCRYPTION_KEY",
            "OAUTH_ENCRYPTION_KEYS",
        ],
    ),
    (
        &t::OAUTH_STORE_URL,
        &["OAUTH_STORE", "OAUTH_REDIS", "OAUTH_REDIS_URL"],
    ),
    (
        &t::PUBLIC_URL,
        &[
            "OAUTH_REDIRECT_URI",
            "OAUTH_REDIRECT_URL",
            "OIDC_REDIRECT_URI",
            "OIDC_REDIRECT_URL",
            "OAUTH_CALLBACK_URL",
            "DATAHUB_MCP_URL",
            "DATAHUB_MCP_BASE_URL",
            "DATAHUB_MCP_SERVER_URL",
            "PUBLIC_SERVER_URL",
            "SERVER_PUBLIC_URL",
        ],
    ),
    (
        &t::OUTBOUND_CA_FILE,
        &["OIDC_CA_FILE", "OAUTH_CA_FILE", "DATAHUB_GMS_CA_FILE"],
    ),
    (
        &t::TOKEN_VALIDATOR_FACTORY,
        &[
            "TOKEN_VALIDATOR",
            "TOKEN_VALIDATORS",
            "TOKEN_VALIDATOR_PLUGIN",
            "TOKEN_VALIDATOR_LIBRARY",
        ],
    ),
    (
        &t::TOKEN_VALIDATOR_PLUGIN_DIR,
        &["TOKEN_VALIDATOR_DIR", "PLUGIN_DIR"],
    ),
    (
        &t::TRUSTED_PROXIES,
        &[
            "TRUSTED_PROXY",
            "TRUSTED_PROXY_ADDRESSES",
            "TRUSTED_PROXY_CIDR",
            "TRUSTED_PROXY_CIDRS",
            "TRUSTED_PROXIES_CIDR",
            "TRUSTED_PROXIES_CIDRS",
            "TRUSTED_PROXY_IP",
            "TRUSTED_PROXY_IPS",
            "TRUSTED_PROXIES_IPS",
            "TRUSTED_PROXY_NETWORKS",
            "TRUSTED_PROXY_RANGES",
        ],
    ),
    (
        &t::PROXY_PROTOCOL,
        &[
            "PROXY_PROTO",
            "PROXY_PROTOCOL_ENABLED",
            "PROXY_PROTOCOL_MODE",
            "PROXY_PROTOCOL_REQUIRED",
            "ENABLE_PROXY_PROTOCOL",
            "REQUIRE_PROXY_PROTOCOL",
            "USE_PROXY_PROTOCOL",
        ],
    ),
    (
        &t::ALLOWED_HOSTS,
        &["ALLOWED_HOSTNAMES", "ALLOWED_HOST_NAMES"],
    ),
    (
        &t::TOOLS,
        &[
            "ALLOWED_TOOLS",
            "ENABLED_TOOLS",
            "TOOLS_ALLOWED",
            "TOOLS_ALLOWLIST",
            "TOOLS_ENABLED",
            "TOOL_ALLOWLIST",
        ],
    ),
    (
        &t::TOOL_SCOPES,
        &[
            "REQUIRED_TOOL_SCOPES",
            "SCOPES_FOR_TOOLS",
            "TOOL_REQUIRED_SCOPES",
            "TOOL_SCOPES_REQUIRED",
            "TOOLS_REQUIRED_SCOPES",
        ],
    ),
    (&t::ACCESS_LOG_PERCENT, &["ACCESS_LOG_PERCENTAGE"]),
    (
        &t::TOOLS_IS_MUTATION_ENABLED,
        &[
            "IS_MUTATION_ENABLED",
            "MUTATION_ENABLED",
            "MUTATIONS_ENABLED",
            "MUTATION_TOOLS_ENABLED",
            "ENABLE_MUTATION_TOOLS",
            "TOOLS_MUTATION",
            "TOOLS_MUTATIONS",
        ],
    ),
    (&t::TOOLS_IS_USER_ENABLED, &["USER_TOOLS_ENABLED"]),
    (&t::SAVE_DOCUMENT_TOOL_ENABLED, &["SAVE_DOCUMENT_ENABLED"]),
    (
        &t::SAVE_DOCUMENT_PARENT_TITLE,
        &[
            "SAVE_DOCUMENT_PARENT",
            "SAVE_DOCUMENT_FOLDER",
            "SAVE_DOCUMENT_TITLE",
        ],
    ),
];

/// The prefix of some settings, which people put before the others.
const OWN: &str = "DATAHUB_MCP_";
/// Prefixes of other programs as well, which people put before settings that none of them has.
const SHARED: [&str; 2] = ["DATAHUB_", "MCP_"];
/// Settings with a name that programs with those prefixes have.
const COMMON: [&Setting; 4] = [&t::RUST_LOG, &t::LOG_LEVEL, &t::LOG_FORMAT, &t::TOOLS];
/// The prefixes that people mix up.
const PROTOCOLS: [(&str, &str); 2] = [("OAUTH_", "OIDC_"), ("OIDC_", "OAUTH_")];

/// The setting that `name` is a wrong name of, and the name that was meant.
pub(super) fn meant(name: &str) -> Option<(&'static Setting, String)> {
    let name = name.to_uppercase();
    if let Some(setting) = setting(&name) {
        return Some((setting, setting.name.to_owned()));
    }
    let setting = setting(name.strip_suffix("_FILE")?)?;
    Some((setting, setting.file_name()?))
}

fn setting(name: &str) -> Option<&'static Setting> {
    let other_prefix = PROTOCOLS.iter().find_map(|(wrong, right)| {
        let rest = name.strip_prefix(wrong)?;
        named(&format!("{right}{rest}"))
    });
    let own_prefix = || {
        let rest = name.strip_prefix(OWN)?;
        named(rest).or_else(|| listed(rest))
    };
    listed(name)
        .or(other_prefix)
        .or_else(own_prefix)
        .or_else(|| {
            let rest = SHARED.iter().find_map(|prefix| name.strip_prefix(prefix))?;
            named(rest).filter(|setting| !COMMON.contains(setting))
        })
}

fn listed(name: &str) -> Option<&'static Setting> {
    let mut all = MISNOMERS.iter();
    let (setting, _) = all.find(|(_, names)| names.contains(&name))?;
    Some(setting)
}

fn named(name: &str) -> Option<&'static Setting> {
    t::ALL.iter().copied().find(|setting| setting.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misnomers_are_known_with_what_was_meant() {
        for (name, right) in [
            ("OIDC_SCOPES", "OAUTH_DEFAULT_SCOPE"),
            ("OAUTH_SCOPES", "OAUTH_DEFAULT_SCOPE"),
            ("OIDC_DEFAULT_SCOPE", "OAUTH_DEFAULT_SCOPE"),
            ("OAUTH_CLIENT_ID", "OIDC_CLIENT_ID"),
            ("OAUTH_CLIENT_SECRET", "OIDC_CLIENT_SECRET"),
            ("OAUTH_CLIENT_SECRET_FILE", "OIDC_CLIENT_SECRET_FILE"),
            ("OAUTH_AUDIENCE", "OIDC_AUDIENCE"),
            ("OIDC_TOKEN_ENDPOINT", "OAUTH_TOKEN_ENDPOINT"),
            ("OIDC_SECRET", "OIDC_CLIENT_SECRET"),
            ("OIDC_SECRET_FILE", "OIDC_CLIENT_SECRET_FILE"),
            ("OIDC_URL", "OIDC_ISSUER_URL"),
            ("OAUTH_KEYS", "OAUTH_TOKEN_KEYS"),
            ("OAUTH_KEYS_FILE", "OAUTH_TOKEN_KEYS_FILE"),
            ("DATAHUB_MCP_PUBLIC_URL", "PUBLIC_URL"),
            ("DATAHUB_MCP_LOG_LEVEL", "LOG_LEVEL"),
            ("DATAHUB_MCP_TRUSTED_PROXIES", "TRUSTED_PROXIES"),
            ("DATAHUB_MCP_TRUSTED_PROXY", "TRUSTED_PROXIES"),
            ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
            ("TRUSTED_PROXY_CIDRS", "TRUSTED_PROXIES"),
            ("PROXY_PROTO", "PROXY_PROTOCOL"),
            ("USE_PROXY_PROTOCOL", "PROXY_PROTOCOL"),
            ("MCP_TOOL_SCOPES", "TOOL_SCOPES"),
            ("DATAHUB_TOOL_SCOPES", "TOOL_SCOPES"),
            ("MCP_OIDC_CLIENT_SECRET_FILE", "OIDC_CLIENT_SECRET_FILE"),
            ("DATAHUB_ALLOWED_HOSTS", "ALLOWED_HOSTS"),
            ("ALLOWED_TOOLS", "TOOLS"),
            ("DATAHUB_MCP_ENABLED_TOOLS", "TOOLS"),
            ("TOKEN_VALIDATOR", "TOKEN_VALIDATOR_FACTORY"),
            ("TOKEN_VALIDATORS", "TOKEN_VALIDATOR_FACTORY"),
            ("IS_MUTATION_ENABLED", "TOOLS_IS_MUTATION_ENABLED"),
            ("is_mutation_enabled", "TOOLS_IS_MUTATION_ENABLED"),
            ("MUTATION_TOOLS_ENABLED", "TOOLS_IS_MUTATION_ENABLED"),
            ("DATAHUB_MCP_MUTATION_ENABLED", "TOOLS_IS_MUTATION_ENABLED"),
            ("SAVE_DOCUMENT_PARENT", "SAVE_DOCUMENT_PARENT_TITLE"),
        ] {
            let found = meant(name).map(|(_, meant)| meant);
            assert_eq!(found.as_deref(), Some(right), "{name}");
        }
        for name in [
            "",
            "_FILE",
            "OIDC_",
            "DATAHUB_MCP_",
            "DATAHUB_MCP_FILE",
            "DATAHUB_",
            "DATAHUB_LOG_LEVEL",
            "MCP_LOG_LEVEL",
            "MCP_TOOLS",
            "PROXY",
            "OAUTH_FILE",
        ] {
            assert_eq!(meant(name), None, "{name}");
        }
    }

    #[test]
    fn no_setting_is_a_misnomer() {
        for setting in t::ALL {
            let names = [Some(setting.name), setting.alias];
            for name in names.into_iter().flatten() {
                assert_eq!(listed(name), None, "{name}");
            }
        }
    }
}

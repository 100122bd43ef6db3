//! Settings of the sign-in proxy, which is on if `OIDC_CLIENT_ID` is set.

use std::{net::IpAddr, path::PathBuf};

use oauth::{
    ClientMetadataSettings, ConfiguredClient, KeySource, LimitSettings, Settings, StoreSettings,
    TokenMode, UpstreamAuth, UpstreamSettings, UpstreamToken,
};
use outbound::Network;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{preset::Preset, reader::Reader, setting::Setting, store_url, table as t, unfilled};

/// Settings that have a meaning only while the proxy is on.
const ONLY_WITH_PROXY: &[&Setting] = &[
    &t::OIDC_CLIENT_SECRET,
    &t::OAUTH_AUTHORIZE_ENDPOINT,
    &t::OAUTH_TOKEN_ENDPOINT,
    &t::OAUTH_ISSUER_URL,
    &t::OAUTH_TOKEN_MODE,
    &t::OAUTH_TOKEN_KEYS,
    &t::OAUTH_STORE_URL,
    &t::OAUTH_CLIENTS,
];

/// The forms of the store's URL.
const STORE_FORMS: &str = "set it to `redis://host:6379/0`, `redis+sentinel://host:26379,host2:26379/mymaster/0` or `redis+cluster://host:6379,host2:6379` (`rediss` for TLS), or unset it for one replica";

/// `network` and `allow_http` are those of the whole server.
pub(super) fn read(
    reader: &mut Reader<'_>,
    network: Network,
    allow_http: bool,
) -> Option<Settings> {
    let settings = all(reader, network, allow_http);
    if !reader.is_set(&t::OIDC_CLIENT_ID) {
        for setting in ONLY_WITH_PROXY {
            // The validators look for the document there, too.
            let shared = *setting == &t::OAUTH_ISSUER_URL && reader.is_set(&t::OIDC_ISSUER_URL);
            if reader.is_set(setting) && !shared {
                reader.missing(
                    setting,
                    "is set, but the sign-in proxy is off",
                    "set `OIDC_CLIENT_ID` to turn it on, or unset this",
                );
            }
        }
        if reader.is_set(&t::OAUTH_SEALED_ONLY) && reader.switch(&t::OAUTH_SEALED_ONLY) {
            reader.missing(
                &t::OAUTH_SEALED_ONLY,
                "is set, but nobody can sign in here: the tokens of other programs would be served",
                "set `OIDC_CLIENT_ID` to turn the sign-in on, or unset this",
            );
        }
        return None;
    }
    settings
}

/// Reads all of it even if the proxy is off, so that a wrong value never goes unnoticed.
fn all(reader: &mut Reader<'_>, network: Network, allow_http: bool) -> Option<Settings> {
    let upstream = upstream(reader, allow_http);
    let (keys, memory) = kept_here(reader);
    let token_mode = reader.choice(
        &t::OAUTH_TOKEN_MODE,
        &[("sealed", TokenMode::Sealed), ("relay", TokenMode::Relay)],
    );
    let store = match reader.secret(&t::OAUTH_STORE_URL) {
        Some(url) => redis(reader, url),
        None => memory,
    };
    let clients = clients(reader);
    let limits = LimitSettings {
        address_burst: reader.small(&t::OAUTH_ADDRESS_BURST, 1..=1_000_000),
        address_per_minute: reader.small(&t::OAUTH_ADDRESS_PER_MINUTE, 1..=1_000_000),
        sign_in_burst: reader.small(&t::OAUTH_CLIENT_BURST, 1..=1_000_000),
        sign_in_per_minute: reader.small(&t::OAUTH_CLIENT_PER_MINUTE, 1..=1_000_000),
    };
    let rest = Rest {
        default_scopes: reader.list(&t::OAUTH_DEFAULT_SCOPE),
        registration: reader.switch(&t::OAUTH_REGISTRATION),
        registration_ttl: registration_ttl(reader),
        client_metadata: ClientMetadataSettings {
            enabled: reader.switch(&t::OAUTH_CLIENT_METADATA),
            allowed_domains: domains(reader, &t::OAUTH_CLIENT_METADATA_DOMAINS),
        },
        remember_consent: reader.switch(&t::OAUTH_REMEMBER_CONSENT),
        redirect_schemes: reader.list(&t::OAUTH_REDIRECT_SCHEMES),
        access_ttl: reader.seconds(&t::OAUTH_ACCESS_TOKEN_TTL_SECS, 60..=86_400),
        refresh_ttl: reader.seconds(&t::OAUTH_REFRESH_TOKEN_TTL_SECS, 300..=31_536_000),
    };
    let sealed_only = reader.switch(&t::OAUTH_SEALED_ONLY);
    if sealed_only && token_mode == Some(TokenMode::Relay) {
        reader.wrong(
            &t::OAUTH_SEALED_ONLY,
            "no token is sealed with `OAUTH_TOKEN_MODE=relay`",
            "unset one of the two",
        );
    }
    Some(Settings {
        token_mode: token_mode?,
        sealed_only,
        store,
        clients,
        limits,
        default_scopes: rest.default_scopes,
        registration: rest.registration,
        registration_ttl: rest.registration_ttl,
        client_metadata: rest.client_metadata,
        remember_consent: rest.remember_consent,
        redirect_schemes: rest.redirect_schemes,
        access_ttl: rest.access_ttl,
        refresh_ttl: rest.refresh_ttl,
        network,
        ..Settings::new(upstream?, keys)
    })
}

fn upstream(reader: &mut Reader<'_>, allow_http: bool) -> Option<UpstreamSettings> {
    let client_secret = reader.client_secret(&t::OIDC_CLIENT_SECRET);
    let auth = match reader.is_set(&t::OAUTH_CLIENT_AUTH) {
        true => reader.choice(
            &t::OAUTH_CLIENT_AUTH,
            &[
                ("none", UpstreamAuth::None),
                ("basic", UpstreamAuth::Basic),
                ("post", UpstreamAuth::Post),
            ],
        )?,
        false if client_secret.is_some() => UpstreamAuth::Basic,
        false => UpstreamAuth::None,
    };
    if auth != UpstreamAuth::None && client_secret.is_none() {
        reader.wrong(
            &t::OAUTH_CLIENT_AUTH,
            "a method that needs a client secret",
            "set `OIDC_CLIENT_SECRET`, or this to `none`",
        );
    }
    let authorize_endpoint = url_text(reader, &t::OAUTH_AUTHORIZE_ENDPOINT);
    let token_endpoint = url_text(reader, &t::OAUTH_TOKEN_ENDPOINT);
    let discovery_url = url_text(reader, &t::OAUTH_ISSUER_URL);
    let issuer = reader
        .quiet_text(&t::OIDC_ISSUER_URL)
        .or_else(|| discovery_url.clone());
    let client_id = reader.text(&t::OIDC_CLIENT_ID);
    let preset = reader.raw().preset();
    // Any other preset asks for the issuer itself.
    if client_id.is_some()
        && preset == Preset::Generic
        && issuer.is_none()
        && (authorize_endpoint.is_none() || token_endpoint.is_none())
    {
        reader.wrong(
            &t::OIDC_CLIENT_ID,
            "given, but no identity provider is set",
            "set `OIDC_ISSUER_URL`, or both `OAUTH_AUTHORIZE_ENDPOINT` and `OAUTH_TOKEN_ENDPOINT`",
        );
    }
    let token = reader.choice(
        &t::OAUTH_UPSTREAM_TOKEN,
        &[
            ("access_token", UpstreamToken::AccessToken),
            ("id_token", UpstreamToken::IdToken),
        ],
    );
    Some(UpstreamSettings {
        client_id: client_id.unwrap_or_default(),
        client_secret,
        auth,
        authorize_endpoint,
        token_endpoint,
        issuer,
        discovery_url,
        allow_http,
        authorize_params: parameters(reader, &t::OAUTH_AUTHORIZE_PARAMS),
        token_params: parameters(reader, &t::OAUTH_TOKEN_PARAMS),
        forward_resource: reader.switch(&t::OAUTH_FORWARD_RESOURCE),
        token: token?,
        offline_access: preset.takes_offline_access(),
        api_scopes: preset.api_scopes(&reader.list(&t::OAUTH_DEFAULT_SCOPE)),
    })
}

/// The settings of the proxy that are copied as they are, grouped to keep functions short.
struct Rest {
    default_scopes: Vec<String>,
    registration: bool,
    registration_ttl: Option<std::time::Duration>,
    client_metadata: ClientMetadataSettings,
    remember_consent: bool,
    redirect_schemes: Vec<String>,
    access_ttl: std::time::Duration,
    refresh_ttl: std::time::Duration,
}

/// The lifetime of a registration, if one is set.
fn registration_ttl(reader: &mut Reader<'_>) -> Option<std::time::Duration> {
    let setting = &t::OAUTH_REGISTRATION_TTL_SECS;
    let is_set = reader.is_set(setting);
    is_set.then(|| reader.seconds(setting, 60..=315_360_000))
}

/// The place of the list of clients, for the commands that look at it.
pub(super) fn store(reader: &mut Reader<'_>) -> (StoreSettings, Option<std::time::Duration>) {
    let (_, memory) = kept_here(reader);
    let store = match reader.secret(&t::OAUTH_STORE_URL) {
        Some(url) => redis(reader, url),
        None => memory,
    };
    (store, registration_ttl(reader))
}

/// A URL, byte for byte as it was given.
fn url_text(reader: &mut Reader<'_>, setting: &Setting) -> Option<String> {
    let _checked = reader.http_url(setting, "https://login.example.com/oauth2/authorize")?;
    reader.text(setting)
}

/// The source of the keys, and the store if it is not Redis.
fn kept_here(reader: &mut Reader<'_>) -> (KeySource, StoreSettings) {
    let chosen = reader.text(&t::OAUTH_STATE_DIR).map(PathBuf::from);
    let required = chosen.is_some();
    let directory = chosen.or_else(|| usual_state(reader));
    let Some(keys) = reader.secret(&t::OAUTH_TOKEN_KEYS) else {
        let directory = directory.unwrap_or_else(|| "/var/lib/datahub-mcp".into());
        let memory = StoreSettings::StateDirectory {
            directory: directory.clone(),
            required: true,
        };
        return (KeySource::StateDirectory(directory), memory);
    };
    let memory = directory.map_or(StoreSettings::Memory, |directory| {
        StoreSettings::StateDirectory {
            directory,
            required,
        }
    });
    (KeySource::Given(keys), memory)
}

/// The directory for the state of the service: systemd's, otherwise that of the user.
fn usual_state(reader: &Reader<'_>) -> Option<PathBuf> {
    let environment = reader.raw().environment();
    let from = |name: &str| environment.get(name).map(PathBuf::from);
    from("STATE_DIRECTORY")
        .or_else(|| from("XDG_STATE_HOME").map(|dir| dir.join("datahub-mcp")))
        .or_else(|| from("HOME").map(|dir| dir.join(".local/state/datahub-mcp")))
}

/// Domains, of which a part in another form would never match a host.
fn domains(reader: &mut Reader<'_>, setting: &Setting) -> Vec<String> {
    let words = reader.list(setting);
    if let Some(word) = words.iter().find(|word| !is_domain(word)) {
        let meant = host_in(word).unwrap_or("example.com");
        let wrong = format!("contains {word:?}, which is not a domain and never matches one");
        let fix = format!(
            "name domains without scheme, port and path, such as `{meant}`; each stands for its subdomains as well"
        );
        reader.wrong(setting, &wrong, &fix);
    }
    words.iter().map(|word| word.to_ascii_lowercase()).collect()
}

fn is_domain(word: &str) -> bool {
    let label = |label: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        !label.is_empty() && label.bytes().all(plain)
    };
    word.split('.').all(label) && word.parse::<IpAddr>().is_err()
}

/// The domain in what somebody wrote instead of one.
fn host_in(word: &str) -> Option<&str> {
    let rest = word.split_once("://").map_or(word, |(_, rest)| rest);
    let host = rest.split(['/', ':', '?', '#']).next()?;
    let host = host.trim_start_matches(['*', '.']).trim_end_matches('.');
    Some(host).filter(|host| is_domain(host))
}

fn redis(reader: &mut Reader<'_>, url: SecretString) -> StoreSettings {
    let url = store_url::of_redis(url);
    if let Err(why) = oauth::check_store_url(&url) {
        reader.wrong(&t::OAUTH_STORE_URL, &why.to_string(), STORE_FORMS);
        return StoreSettings::Redis(url);
    }
    match store_url::settled(url.expose_secret()) {
        Ok(settled) => StoreSettings::Redis(settled.into()),
        Err((wrong, fix)) => {
            reader.wrong(&t::OAUTH_STORE_URL, wrong, fix);
            StoreSettings::Redis(url)
        }
    }
}

fn parameters(reader: &mut Reader<'_>, setting: &Setting) -> Vec<(String, String)> {
    let text = reader.text(setting).unwrap_or_default();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect();
    if pairs
        .iter()
        .any(|(name, value)| name.is_empty() || value.is_empty())
    {
        reader.wrong(
            setting,
            "not a list of parameters with values",
            "set it to `name=value&name=value`",
        );
    }
    pairs
}

/// A client in `OAUTH_CLIENTS`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientEntry {
    client_id: String,
    #[serde(default)]
    client_secret: Option<SecretString>,
    #[serde(default)]
    name: Option<String>,
    redirect_uris: Vec<String>,
}

impl ClientEntry {
    fn is_unfilled(&self) -> bool {
        let secret = self.client_secret.as_ref().map(ExposeSecret::expose_secret);
        secret.is_some_and(unfilled::is_placeholder)
    }
}

fn clients(reader: &mut Reader<'_>) -> Vec<ConfiguredClient> {
    let Some(text) = reader.text(&t::OAUTH_CLIENTS) else {
        return Vec::new();
    };
    match serde_json::from_str::<Vec<ClientEntry>>(&text) {
        Ok(entries) if entries.iter().any(ClientEntry::is_unfilled) => {
            let wrong = "a list with a `client_secret` that is a variable that was not filled in";
            let fix = "give it a value, or leave it out for a public client";
            reader.wrong(&t::OAUTH_CLIENTS, wrong, fix);
            Vec::new()
        }
        Ok(entries) => entries
            .into_iter()
            .map(|entry| ConfiguredClient {
                name: entry.name.unwrap_or_else(|| entry.client_id.clone()),
                client_id: entry.client_id,
                client_secret: entry.client_secret,
                redirect_uris: entry.redirect_uris,
            })
            .collect(),
        Err(why) => {
            // Only the position: the value may hold secrets.
            let wrong = format!(
                "not a list of clients (line {}, column {})",
                why.line(),
                why.column()
            );
            let fix = "set it to `[{\"client_id\": \"..\", \"redirect_uris\": [\"https://..\"]}]`, or to `@/path/to/file`";
            reader.wrong(&t::OAUTH_CLIENTS, &wrong, fix);
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_name_and_nothing_else() {
        for word in [
            "example.com",
            "a_b.Example-1.com",
            "localhost",
            "xn--bcher-kva.example",
        ] {
            assert!(is_domain(word), "{word}");
        }
        for (word, meant) in [
            ("https://example.com", Some("example.com")),
            ("https://example.com:8443/x", Some("example.com")),
            ("example.com/client.json", Some("example.com")),
            ("*.example.com", Some("example.com")),
            (".example.com", Some("example.com")),
            ("example.com.", Some("example.com")),
            ("example.com:443", Some("example.com")),
            ("192.0.2.1", None),
            ("b\u{fc}cher.example", None),
            ("*", None),
        ] {
            assert!(!is_domain(word), "{word}");
            assert_eq!(host_in(word), meant, "{word}");
        }
    }
}

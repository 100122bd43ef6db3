//! All settings together, checked.

use std::{ffi::OsString, net::SocketAddr, path::Path};

use foundation::public_url::{PublicUrl, PublicUrlError};
use oauth::UpstreamToken;
use secrecy::{ExposeSecret, SecretString};

use super::{
    datahub,
    datahub_env::DatahubEnv,
    error::{ConfigError, Problem, mask_userinfo},
    id_tokens, listen, logs, network,
    raw::{Environment, Raw, Source},
    reader::Reader,
    signin, table, tools, validators,
};
use crate::server;

/// All settings of the server, in the types of the modules that own them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Logs.
    pub telemetry: telemetry::Settings,
    /// The listening side.
    pub server: server::Settings,
    /// The public URL, if it was given; otherwise that of the loopback address is used.
    pub public_url: Option<PublicUrl>,
    /// Validators.
    pub plugins: plugin_host::Settings,
    /// Reload plugins when their files change.
    pub watch_plugins: bool,
    /// DataHub.
    pub datahub: ::datahub::Settings,
    /// The tools.
    pub mcp: mcp::Settings,
    /// The token of requests that have none.
    pub shared_token: Option<SecretString>,
    /// The sign-in proxy, if it is on.
    pub oauth: Option<oauth::Settings>,
}

impl Settings {
    /// Checks everything. `program` is the path of the running executable: plugins are looked for
    /// beside it if no directory is set.
    ///
    /// # Errors
    /// All problems, one line each.
    pub fn check(raw: &Raw, program: &Path) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(raw);
        let telemetry = logs::read(&mut reader);
        let way_out = network::read(&mut reader);
        let datahub = datahub::read(&mut reader, &way_out);
        let server = listen::read(&mut reader);
        let public_url = listen::public_url(&mut reader, server.as_ref().map(|s| s.address));
        let shared_token = datahub::shared_token(&mut reader, server.as_ref().map(|s| s.address));
        let plugins = validators::read(&mut reader, program);
        let mcp = tools::read(&mut reader);
        let watch_plugins = reader.switch(&table::WATCH_PLUGINS);
        let options = plugins.as_ref().map(|plugins| &plugins.options);
        let allow_http = network::allow_http(&mut reader, options);
        let mut oauth = signin::read(&mut reader, way_out, allow_http);
        if let Some(oauth) = &mut oauth {
            oauth.writes = mcp::offers_writes(&mcp);
            if oauth.upstream.token == UpstreamToken::IdToken {
                id_tokens::check(&mut reader, &oauth.default_scopes, plugins.as_ref());
            }
        }
        let proxy_wanted = reader.is_set(&table::OIDC_CLIENT_ID);
        let problems = reader.finish();
        match (telemetry, datahub, server, plugins) {
            (Some(telemetry), Some(datahub), Some(server), Some(mut plugins))
                if problems.is_empty() && oauth.is_some() == proxy_wanted =>
            {
                plugins.limits.request = server.limits.request_timeout;
                Ok(Self {
                    telemetry,
                    server,
                    public_url,
                    plugins,
                    watch_plugins,
                    datahub,
                    mcp,
                    shared_token,
                    oauth,
                })
            }
            _ => Err(ConfigError(problems)),
        }
    }

    /// The URL that people use: the one that was given, otherwise that of the loopback address
    /// `bound`.
    ///
    /// # Errors
    /// If the bound address cannot be part of a URL.
    pub fn public_url_at(&self, bound: SocketAddr) -> Result<PublicUrl, PublicUrlError> {
        match &self.public_url {
            Some(url) => Ok(url.clone()),
            None => PublicUrl::parse(&format!("http://{bound}")),
        }
    }
}

/// The settings of the plugin host alone, for the commands that look at plugins: they need no
/// DataHub and no address.
///
/// # Errors
/// All problems with the settings of the plugins, one line each.
pub fn plugins_only(raw: &Raw, program: &Path) -> Result<plugin_host::Settings, ConfigError> {
    let mut reader = Reader::new(raw);
    let plugins = validators::read(&mut reader, program);
    let problems = reader.finish();
    match plugins {
        Some(plugins) if problems.is_empty() => Ok(plugins),
        _ => Err(ConfigError(problems)),
    }
}

/// The settings of `clients`: the place of the list alone.
#[derive(Debug, Clone)]
pub struct ClientListSettings {
    /// The store.
    pub store: oauth::StoreSettings,
    /// The public URL of the servers, which Redis's keys have in them.
    pub issuer: String,
    /// The authorities that a Redis with TLS is checked by.
    pub authorities: outbound::Authorities,
    /// The lifetime of a registration.
    pub registration_ttl: Option<std::time::Duration>,
}

/// Reads the settings of `clients`.
///
/// # Errors
/// All problems, one line each.
pub fn client_list(raw: &Raw) -> Result<ClientListSettings, ConfigError> {
    let mut reader = Reader::new(raw);
    let way_out = network::read(&mut reader);
    let (store, registration_ttl) = signin::store(&mut reader);
    let public_url = listen::public_url(&mut reader, None);
    if public_url.is_none() && matches!(store, oauth::StoreSettings::Redis(_)) {
        reader.missing(
            &table::PUBLIC_URL,
            "is not set, and the list of clients in Redis is that of one public URL",
            "set it as the server has it",
        );
    }
    let problems = reader.finish();
    if !problems.is_empty() {
        return Err(ConfigError(problems));
    }
    Ok(ClientListSettings {
        store,
        issuer: public_url.map_or(String::new(), |url| url.issuer().to_owned()),
        authorities: way_out.authorities,
        registration_ttl,
    })
}

/// The settings of `stdio`: no address, no validators, one token.
#[derive(Debug, Clone)]
pub struct LocalSettings {
    /// Logs.
    pub telemetry: telemetry::Settings,
    /// DataHub.
    pub datahub: ::datahub::Settings,
    /// The tools.
    pub mcp: mcp::Settings,
    /// The person's own DataHub token.
    pub token: SecretString,
    /// Lines for the log about what was given and is not obeyed.
    pub warnings: Vec<String>,
}

/// Reads the settings of `stdio`. If no URL is given, `datahub_env` (`~/.datahubenv`, as DataHub's
/// own command line writes it) names DataHub and the token.
///
/// # Errors
/// All problems, one line each.
pub fn local(raw: &Raw, datahub_env: Option<&Path>) -> Result<LocalSettings, ConfigError> {
    let mut raw = raw.clone();
    if raw.get(&table::DATAHUB_GMS_URL).is_none()
        && let Some(path) = datahub_env
    {
        let found = DatahubEnv::load(path).map_err(|error| {
            let why = format!("is not set, and {error}");
            let fix = "run `datahub init`, or set `DATAHUB_GMS_URL` and `DATAHUB_GMS_TOKEN`";
            ConfigError(vec![Problem::new(&table::DATAHUB_GMS_URL, None, &why, fix)])
        })?;
        if let Some(file) = found {
            fill_from(&mut raw, file, path);
        }
    }
    let mut reader = Reader::new(&raw);
    let telemetry = logs::read(&mut reader);
    let way_out = network::read(&mut reader);
    let datahub = datahub::read(&mut reader, &way_out);
    let token = datahub::shared_token(&mut reader, None);
    if token.is_none() {
        reader.missing(
            &table::DATAHUB_GMS_TOKEN,
            "is not set",
            "set it to your DataHub token, or run `datahub init` to write ~/.datahubenv; \
             `datahub-mcp serve` serves HTTP instead",
        );
    }
    let mcp = tools::read(&mut reader);
    let problems = reader.finish();
    match (telemetry, datahub, token) {
        (Some(telemetry), Some(datahub), Some(token)) if problems.is_empty() => Ok(LocalSettings {
            telemetry,
            datahub,
            mcp,
            token,
            warnings: raw.warnings().to_vec(),
        }),
        _ => Err(ConfigError(problems)),
    }
}

/// Fills in what `~/.datahubenv` says and nothing else does.
fn fill_from(raw: &mut Raw, file: DatahubEnv, path: &Path) {
    raw.fill(&table::DATAHUB_GMS_URL, file.server.to_string());
    if let Some(token) = file.token {
        raw.fill(&table::DATAHUB_GMS_TOKEN, token.expose_secret().to_owned());
    }
    if !file.headers.is_empty() {
        let headers = serde_json::Value::Object(file.headers).to_string();
        raw.fill(&table::DATAHUB_GMS_EXTRA_HEADERS, headers);
    }
    if let Some(ca_file) = file.ca_file {
        raw.fill(&table::OUTBOUND_CA_FILE, ca_file);
    }
    if let Some(seconds) = file.timeout_secs {
        raw.fill(&table::DATAHUB_MCP_GMS_TIMEOUT_SECS, seconds);
    }
    if file.unverified {
        raw.refuse(Problem::line(format!(
            "`disable_ssl_verification` in {} is not offered: certificates are always checked; name the \
             authority with `ca_certificate_path` there or with `OUTBOUND_CA_FILE`",
            path.display()
        )));
    }
    if !file.not_obeyed.is_empty() {
        raw.warn(format!(
            "keys of {} that are not obeyed: {}",
            path.display(),
            file.not_obeyed.join(", ")
        ));
    }
}

/// The environment of this process. Bytes that are not UTF-8 become U+FFFD, so that the check of
/// the setting sees them.
pub fn environment(variables: impl Iterator<Item = (OsString, OsString)>) -> Environment {
    let text = |bytes: OsString| bytes.to_string_lossy().into_owned();
    variables
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// Each setting that was given or has a default, as `NAME=value` with secrets masked, and its
/// source.
pub fn masked(raw: &Raw) -> Vec<String> {
    table::ALL
        .iter()
        .filter_map(|setting| {
            let (value, from) = match raw.get(setting) {
                Some((source, value)) => (value, Some(source)),
                None => (setting.default?, None),
            };
            let from = match from {
                None => "default".to_owned(),
                Some(Source::Flag) => "flag".to_owned(),
                Some(Source::Environment) => "environment".to_owned(),
                Some(Source::File) => "file".to_owned(),
                Some(Source::Preset(preset)) => format!("preset {}", preset.name()),
                Some(Source::Completed(preset)) => {
                    format!("completed by preset {}", preset.name())
                }
            };
            let hidden = setting.secret || setting.name == table::TOKEN_VALIDATOR_CONFIG.name;
            let value = if hidden {
                "***".to_owned()
            } else {
                mask_userinfo(value)
            };
            Some(format!("{}={value}  # {from}", setting.name))
        })
        .chain(
            raw.option_names()
                .map(|name| format!("{name}=***  # environment")),
        )
        .collect()
}

//! Settings of the plugin host.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use plugin_host::{
    BreakerSettings, Demands, EnvView, Isolation, Limits, OptionSources, Pins, SandboxMode,
    Settings, Signers, ValidatorSpec,
};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{names::OPTION_PREFIX, python, reader::Reader, table as t};

/// The validator for tokens of an identity provider, and the one for DataHub's own tokens: the
/// defaults of `TOKEN_VALIDATOR_FACTORY`.
pub(super) const WITH_ISSUER: &str = "oidc";
const WITHOUT_ISSUER: &str = "datahub_token";
/// Fills the option `allow_id_tokens`; not a setting.
const ACCEPT_ID_TOKENS: &str = "OAUTH_ACCEPT_ID_TOKENS";

pub(super) fn read(reader: &mut Reader<'_>, program: &Path) -> Option<Settings> {
    let validators = chain(reader);
    let directories = directories(reader, program);
    let pins = pins(reader, validators.as_deref());
    let demands = demands(reader);
    let limits = limits(reader);
    let isolation = reader.choice(
        &t::PLUGIN_ISOLATION,
        &[
            ("in-process", Isolation::InProcess),
            ("process", Isolation::Process),
        ],
    );
    let sandbox = reader.choice(&t::PLUGIN_SANDBOX, &SandboxMode::BY_NAME);
    let options = OptionSources {
        config: config(reader),
        overrides: overrides(reader),
        env: view(reader),
    };
    let options = accept_id_tokens(reader, options);
    Some(Settings {
        pins: pins?,
        demands: demands?,
        limits,
        isolation: isolation?,
        sandbox: sandbox?,
        options,
        ..Settings::new(directories, validators?)
    })
}

/// Lets the validators accept ID tokens if the sign-in puts them behind our own tokens: they have a
/// nonce then, by which a validator otherwise knows that a token is not for an API.
fn accept_id_tokens(reader: &mut Reader<'_>, mut options: OptionSources) -> OptionSources {
    let upstream = reader.text(&t::OAUTH_UPSTREAM_TOKEN);
    if reader.is_set(&t::OIDC_CLIENT_ID) && upstream.as_deref() == Some("id_token") {
        options.env.insert(ACCEPT_ID_TOKENS, "true");
    }
    options
}

fn chain(reader: &mut Reader<'_>) -> Option<Vec<ValidatorSpec>> {
    let text = reader.text(&t::TOKEN_VALIDATOR_FACTORY).unwrap_or_else(|| {
        let with_issuer = reader.is_set(&t::OIDC_ISSUER_URL);
        if with_issuer {
            WITH_ISSUER
        } else {
            WITHOUT_ISSUER
        }
        .to_owned()
    });
    if python::is_python_factory(&text) {
        reader.wrong(
            &t::TOKEN_VALIDATOR_FACTORY,
            "a factory of the Python server, which cannot be loaded here",
            "set it to `oidc`, which does what `create_oidc_validator` does there; `datahub-mcp plugins \
             list` shows all",
        );
        return None;
    }
    match ValidatorSpec::parse_chain(&text) {
        Ok(chain) => Some(chain),
        Err(why) => {
            reader.wrong(
                &t::TOKEN_VALIDATOR_FACTORY,
                &format!("not a list of validators: {why}"),
                "set it to a name such as `oidc`; `datahub-mcp plugins list` shows all",
            );
            None
        }
    }
}

fn directories(reader: &mut Reader<'_>, program: &Path) -> Vec<PathBuf> {
    match reader.text(&t::TOKEN_VALIDATOR_PLUGIN_DIR) {
        Some(text) => text
            .split(':')
            .filter(|part| !part.is_empty())
            .map(PathBuf::from)
            .collect(),
        None => {
            let home = program.parent().unwrap_or(Path::new("/"));
            // A missing directory is not an error here: no setting names it.
            [home.join("plugins"), home.to_owned()]
                .into_iter()
                .filter(|dir| dir.is_dir())
                .collect()
        }
    }
}

fn pins(reader: &mut Reader<'_>, chain: Option<&[ValidatorSpec]>) -> Option<Pins> {
    let text = reader.text(&t::TOKEN_VALIDATOR_SHA256).unwrap_or_default();
    let pins = Pins::parse(&text).and_then(|pins| match chain {
        Some(chain) => pins.fit(chain).map(|()| pins),
        None => Ok(pins),
    });
    match pins {
        Ok(pins) => Some(pins),
        Err(why) => {
            reader.wrong(
                &t::TOKEN_VALIDATOR_SHA256,
                &format!("not a list of checksums: {why}"),
                "set it to what `datahub-mcp plugins pin` prints",
            );
            None
        }
    }
}

fn demands(reader: &mut Reader<'_>) -> Option<Demands> {
    let keys = reader.text(&t::PLUGIN_SIGNERS).unwrap_or_default();
    let signers = match Signers::parse(&keys) {
        // A setting that is there and names no key would turn the demand off without a word.
        Ok(signers) if signers.is_empty() && reader.is_set(&t::PLUGIN_SIGNERS) => {
            reader.wrong(
                &t::PLUGIN_SIGNERS,
                "not a list of public keys: it is empty",
                "set it to the second line of `minisign.pub`, or leave it unset",
            );
            return None;
        }
        Ok(signers) => signers,
        Err(why) => {
            reader.wrong(
                &t::PLUGIN_SIGNERS,
                &format!("not a list of public keys: {why}"),
                "set it to the second line of `minisign.pub`",
            );
            return None;
        }
    };
    let lock = reader.text(&t::TOKEN_VALIDATOR_LOCK).map(PathBuf::from);
    Some(Demands { signers, lock })
}

fn limits(reader: &mut Reader<'_>) -> Limits {
    Limits {
        deadline: reader.millis(&t::TOKEN_VALIDATOR_TIMEOUT_MS, 1..=60_000),
        start: reader.seconds(&t::TOKEN_VALIDATOR_START_TIMEOUT_SECS, 1..=600),
        shutdown: reader.seconds(&t::TOKEN_VALIDATOR_SHUTDOWN_TIMEOUT_SECS, 1..=600),
        // The server's own setting, which the commands that look at plugins do not read.
        request: Limits::default().request,
        in_flight: reader.size(&t::TOKEN_VALIDATOR_MAX_IN_FLIGHT, 1..=65_536),
        waiters_per_token: reader.size(&t::TOKEN_VALIDATOR_MAX_WAITERS, 1..=65_536),
        cache_ttl: reader.seconds(&t::TOKEN_VALIDATOR_CACHE_TTL_SECS, 0..=86_400),
        cache_entries: reader.number(&t::TOKEN_VALIDATOR_CACHE_ENTRIES, 0..=10_000_000),
        negative_ttl: reader.seconds(&t::TOKEN_VALIDATOR_REJECTED_TTL_SECS, 0..=3_600),
        process_memory: match reader.number(&t::PLUGIN_MEMORY_MB, 0..=1_048_576) {
            0 => None,
            mebibytes => Some(mebibytes << 20),
        },
        mappings: reader.size(&t::TOKEN_VALIDATOR_MAX_MAPPINGS, 1..=100_000),
        shadow: reader.size(&t::PLUGIN_RELOAD_SHADOW, 0..=100_000),
        breaker: BreakerSettings {
            faults: reader.size(&t::TOKEN_VALIDATOR_BREAKER_FAULTS, 1..=10_000),
            window: reader.seconds(&t::TOKEN_VALIDATOR_BREAKER_WINDOW_SECS, 1..=3_600),
            open_for: reader.seconds(&t::TOKEN_VALIDATOR_BREAKER_PAUSE_SECS, 1..=3_600),
        },
    }
}

fn config(reader: &mut Reader<'_>) -> Map<String, Value> {
    let Some(text) = reader.text(&t::TOKEN_VALIDATOR_CONFIG) else {
        return Map::new();
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(map)) => map,
        Ok(_) => {
            reader.missing(
                &t::TOKEN_VALIDATOR_CONFIG,
                "is JSON, but not an object",
                "set it to `{\"option\": value}`",
            );
            Map::new()
        }
        Err(why) => {
            // Only the position: the value may hold secrets.
            let wrong = format!("is not JSON (line {}, column {})", why.line(), why.column());
            reader.missing(
                &t::TOKEN_VALIDATOR_CONFIG,
                &wrong,
                "set it to `{\"option\": value}` or `@/path/to/file`",
            );
            Map::new()
        }
    }
}

fn overrides(reader: &Reader<'_>) -> BTreeMap<String, SecretString> {
    reader
        .raw()
        .environment()
        .iter()
        .filter_map(|(name, value)| {
            let option = name.strip_prefix(OPTION_PREFIX)?;
            Some((option.to_owned(), SecretString::from(value.as_str())))
        })
        .collect()
}

/// The values that options may be filled from: the environment, then our settings by the names of
/// their variables, read from a file if a file holds them.
fn view(reader: &mut Reader<'_>) -> EnvView {
    let mut view: EnvView = reader.raw().environment().clone().into_iter().collect();
    for setting in t::ALL {
        if reader.is_set(setting)
            && let Some(text) = reader.quiet_text(setting)
        {
            view.insert(setting.name, text);
        }
    }
    view
}

//! Settings of outgoing connections: proxies, authorities, and the switch for plain HTTP.
//!
//! Our settings override the variables that other programs obey as well. A validator gets the same
//! values as options (`x-env`), even if its process has an empty environment.

use std::path::Path;

use outbound::{Authorities, Choice, Network, Proxies, ProxyError};
use plugin_host::OptionSources;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::{error::Problem, raw::Environment, reader::Reader, table as t};

/// The variables of a proxy for https, those of one for http, and the exceptions; the first that is
/// set counts.
const HTTPS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const HTTP: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const EXCEPT: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// Other programs' variables for authorities.
const CA_FILE: &str = "SSL_CERT_FILE";
const CA_DIRECTORIES: &str = "SSL_CERT_DIR";

const PROXY_FIX: &str = "set it to `http://proxy.example.com:3128`, or `OUTBOUND_PROXY=none`";
const CA_FIX: &str = "name a readable file of PEM certificates";

/// The first of `names` that is set, with its value. Empty variables were already removed.
fn first<'a>(environment: &'a Environment, names: &[&'a str]) -> Option<(&'a str, &'a str)> {
    names
        .iter()
        .find_map(|name| Some((*name, environment.get(*name)?.as_str())))
}

pub(super) fn read(reader: &mut Reader<'_>) -> Network {
    Network {
        proxies: proxies(reader),
        authorities: authorities(reader),
    }
}

fn proxies(reader: &mut Reader<'_>) -> Proxies {
    let setting = reader.secret(&t::OUTBOUND_PROXY);
    let own_exceptions = reader.text(&t::OUTBOUND_NO_PROXY);
    let environment = reader.raw().environment().clone();
    let [https, http, except] =
        [&HTTPS[..], &HTTP, &EXCEPT].map(|names| first(&environment, names));
    let proxies = Proxies::new(Choice {
        setting: setting.as_ref().map(ExposeSecret::expose_secret),
        https: https.map(|(_, value)| value),
        http: http.map(|(_, value)| value),
        except: own_exceptions.as_deref().or(except.map(|(_, value)| value)),
    });
    let (variable, why) = match proxies {
        Ok(proxies) => return proxies,
        Err(ProxyError::Setting(why)) => {
            reader.wrong(&t::OUTBOUND_PROXY, why, PROXY_FIX);
            return Proxies::default();
        }
        Err(ProxyError::Https(why)) => (https, why),
        Err(ProxyError::Http(why)) => (http, why),
    };
    let name = variable.map(|(name, _)| name).unwrap_or_default();
    // The value may contain a password.
    reader.note(Problem::line(format!(
        "`{name}` is `***`: {why}; {PROXY_FIX}"
    )));
    Proxies::default()
}

fn authorities(reader: &mut Reader<'_>) -> Authorities {
    let own = reader.text(&t::OUTBOUND_CA_FILE);
    let environment = reader.raw().environment().clone();
    let variable = environment.get(CA_FILE).map(String::as_str);
    let file = own.as_deref().or(variable).map(Path::new);
    let directories = environment.get(CA_DIRECTORIES).map(String::as_str);
    match Authorities::load(file, directories) {
        Ok(authorities) => authorities,
        Err(error) if own.is_some() => {
            reader.wrong(&t::OUTBOUND_CA_FILE, &error.why, CA_FIX);
            Authorities::default()
        }
        Err(error) => {
            reader.note(Problem::line(format!(
                "`{CA_FILE}` is `{}`: {}; {CA_FIX}, unset it, or set `OUTBOUND_CA_FILE`",
                error.file.display(),
                error.why
            )));
            Authorities::default()
        }
    }
}

/// The switch for plain HTTP as it is for the validators, so that they and the sign-in agree: their
/// own option `allow_http` if it is set, else our setting.
pub(super) fn allow_http(reader: &mut Reader<'_>, options: Option<&OptionSources>) -> bool {
    let setting = reader.switch(&t::OUTBOUND_ALLOW_HTTP);
    let option = options.and_then(|options| {
        let single = options.overrides.iter().find_map(|(name, value)| {
            let plain = name.to_ascii_lowercase().replace('-', "_");
            (plain == "allow_http").then(|| is_on(value.expose_secret()))?
        });
        single.or_else(|| configured(&options.config))
    });
    option.unwrap_or(setting)
}

/// `allow_http` in the options of a validator, or in those of one of a chain.
fn configured(config: &Map<String, Value>) -> Option<bool> {
    let own = |options: &Map<String, Value>| match options.get("allow_http")? {
        Value::Bool(on) => Some(*on),
        Value::String(text) => is_on(text),
        _ => None,
    };
    own(config).or_else(|| config.values().filter_map(Value::as_object).find_map(own))
}

/// A switch in any form that options may have; the validator reports other values.
fn is_on(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

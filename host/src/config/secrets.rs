//! The secrets among the values as given, for whoever prints words of others and must not print one.
//!
//! A file that cannot be read is left to the reader of its setting.

use std::path::Path;

use secrecy::SecretString;
use serde_json::Value;
use url::form_urlencoded;

use super::{
    names,
    raw::{Raw, Source},
    setting::Setting,
    table as t, value_file,
};

/// Variables that name a proxy, with a password perhaps, and are not in the table.
const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];
/// Parts of the names of options that are secrets in most validators.
const TELLING: [&str; 5] = ["secret", "password", "credential", "private_key", "api_key"];
/// Shorter values are no secrets: hiding them would hide half of each text.
const MIN_SECRET_BYTES: usize = 4;

/// Every secret that was given: tokens, keys, passwords, headers, the values of parameters that are only
/// sent to the token endpoint, and options of validators with a telling name.
pub(crate) fn secret_texts(raw: &Raw) -> Vec<SecretString> {
    let mut found = Vec::new();
    for setting in t::ALL.iter().filter(|setting| setting.secret) {
        let Some(text) = text(raw, setting) else {
            continue;
        };
        match *setting {
            s if s == &t::DATAHUB_GMS_EXTRA_HEADERS => leaves(&text, |_| true, &mut found),
            s if s == &t::OAUTH_CLIENTS => leaves(&text, is_telling, &mut found),
            s if s == &t::OUTBOUND_PROXY || s == &t::OAUTH_STORE_URL => logins(&text, &mut found),
            s if s == &t::OAUTH_TOKEN_KEYS => {
                found.extend(text.split([',', ' ']).map(str::to_owned));
            }
            _ => found.push(text),
        }
    }
    let environment = raw.environment();
    for text in PROXIES.iter().filter_map(|name| environment.get(*name)) {
        logins(text, &mut found);
    }
    options(raw, &mut found);
    token_params(raw, &mut found);
    found.retain(|text| text.len() >= MIN_SECRET_BYTES);
    found.into_iter().map(SecretString::from).collect()
}

/// The value of a setting, from its file if it is in one.
fn text(raw: &Raw, setting: &Setting) -> Option<String> {
    let (source, value) = raw.get(setting)?;
    let path = match (source, value.strip_prefix('@')) {
        (Source::File, _) => Some(value),
        (_, Some(path)) if setting.from_file => Some(path),
        _ => None,
    };
    match path {
        Some(path) => value_file::read(Path::new(path)).ok(),
        None => Some(value.trim().to_owned()),
    }
}

fn is_telling(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    TELLING.iter().any(|part| name.contains(part))
}

/// The texts in a JSON value below a member whose name is `wanted`.
fn leaves(text: &str, wanted: fn(&str) -> bool, found: &mut Vec<String>) {
    fn walk(value: &Value, take: bool, wanted: fn(&str) -> bool, found: &mut Vec<String>) {
        match value {
            Value::String(text) if take => found.push(text.clone()),
            Value::Array(list) => list.iter().for_each(|v| walk(v, take, wanted, found)),
            Value::Object(members) => members
                .iter()
                .for_each(|(name, v)| walk(v, take || wanted(name), wanted, found)),
            _ => {}
        }
    }
    match serde_json::from_str(text) {
        Ok(value) => walk(&value, false, wanted, found),
        Err(_) => found.push(text.to_owned()),
    }
}

/// The password before the host of a URL, or the user if there is no password, and passwords among
/// its options; as written and as meant.
fn logins(url: &str, found: &mut Vec<String>) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    if let Some((login, _)) = rest.rsplit_once('@') {
        let secret = login.split_once(':').map_or(login, |(_, secret)| secret);
        found.push(secret.to_owned());
        found.push(decoded(secret));
    }
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name.to_ascii_lowercase().contains("pass") {
            found.push(value.into_owned());
        }
    }
}

/// The text without its percent-encoding.
fn decoded(text: &str) -> String {
    let pair = format!("p={}", text.replace('+', "%2B").replace('&', "%26"));
    let mut pairs = form_urlencoded::parse(pair.as_bytes());
    pairs
        .next()
        .map(|(_, text)| text.into_owned())
        .unwrap_or_default()
}

fn options(raw: &Raw, found: &mut Vec<String>) {
    for (name, value) in raw.environment() {
        if let Some(option) = name.strip_prefix(names::OPTION_PREFIX)
            && is_telling(option)
        {
            match value.strip_prefix('@') {
                Some(path) => found.extend(value_file::read(Path::new(path))),
                None => found.push(value.clone()),
            }
        }
    }
    if let Some(text) = text(raw, &t::TOKEN_VALIDATOR_CONFIG) {
        leaves(&text, is_telling, found);
    }
}

/// The values of `OAUTH_TOKEN_PARAMS` that no setting shows to the browser or the log.
fn token_params(raw: &Raw, found: &mut Vec<String>) {
    let params = text(raw, &t::OAUTH_TOKEN_PARAMS).unwrap_or_default();
    for (name, value) in form_urlencoded::parse(params.as_bytes()) {
        if name != "scope" && !is_public(raw, &value) {
            found.push(value.into_owned());
        }
    }
}

/// True if another setting, which is no secret, has this value or contains it as a word.
fn is_public(raw: &Raw, value: &str) -> bool {
    t::ALL
        .iter()
        .filter(|setting| !setting.secret && **setting != &t::OAUTH_TOKEN_PARAMS)
        .filter_map(|setting| raw.get(setting))
        .any(|(_, text)| {
            let mut params = form_urlencoded::parse(text.as_bytes());
            text.split([',', ' ']).any(|word| word == value)
                || params.any(|(_, param)| param == value)
        })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::config::Environment;

    fn found(pairs: &[(&str, &str)]) -> Vec<String> {
        let environment: Environment = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let raw = Raw::merge(Default::default(), environment);
        let texts = secret_texts(&raw);
        let texts = texts.iter().map(|text| text.expose_secret().to_owned());
        texts.collect()
    }

    #[test]
    fn each_kind_of_secret_is_found_and_nothing_else() {
        for (name, value, expected) in [
            ("DATAHUB_GMS_TOKEN", "s3cret", &["s3cret"][..]),
            ("OAUTH_TOKEN_KEYS", "one1,two2", &["one1", "two2"]),
            (
                "DATAHUB_GMS_EXTRA_HEADERS",
                r#"{"X-Key": "s3cret"}"#,
                &["s3cret"],
            ),
            (
                "OAUTH_CLIENTS",
                r#"[{"client_id": "name", "client_secret": "s3cret"}]"#,
                &["s3cret"],
            ),
            (
                "OAUTH_STORE_URL",
                "rediss+sentinel://me:p%40ss@host,other/main?sentinel_password=quiet",
                &["p%40ss", "p@ss", "quiet"],
            ),
            ("HTTPS_PROXY", "http://key1@proxy:3128", &["key1", "key1"]),
            ("HTTPS_PROXY", "http://proxy:3128", &[]),
            ("TOKEN_VALIDATOR_OPT_CLIENT_SECRET", "s3cret", &["s3cret"]),
            ("TOKEN_VALIDATOR_OPT_LEEWAY", "1000", &[]),
            (
                "TOKEN_VALIDATOR_CONFIG",
                r#"{"oidc": {"audience": "public", "api-key": ["s3cret"]}}"#,
                &["s3cret"],
            ),
            (
                "OAUTH_TOKEN_PARAMS",
                "key=a%2Bb%20c&scope=openid&x=ab",
                &["a+b c"],
            ),
            ("OIDC_AUDIENCE", "public", &[]),
        ] {
            assert_eq!(found(&[(name, value)]), expected, "{name}");
        }
    }

    #[test]
    fn a_parameter_that_another_setting_shows_is_no_secret() {
        let params = ("OAUTH_TOKEN_PARAMS", "audience=https://api.example");
        assert_eq!(found(&[params]), ["https://api.example"]);
        let shown = ("OIDC_AUDIENCE", "other, https://api.example");
        assert!(found(&[params, shown]).is_empty());
        let shown = (
            "OAUTH_AUTHORIZE_PARAMS",
            "prompt=login&audience=https%3A%2F%2Fapi.example",
        );
        assert!(found(&[params, shown]).is_empty());
    }
}

//! The options of one validator: put together from the environment variables that they name, the
//! configuration and the single overrides, and checked against the factory's own schema.
//!
//! Never names an option of any plugin, never shows the value of one.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

use foundation::suggest;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use zeroize::Zeroize;

use super::{schema::Schema, violation::Violation};
use crate::settings::{OptionSources, ValidatorSpec};

/// The largest file that an option's value is read from.
const MAX_SECRET_FILE_BYTES: u64 = 64 * 1024;

/// The reason why the options of a validator cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    /// No such option.
    #[error("option `{name}` is unknown, the options are {known}{}", suggest::hint(.near))]
    Unknown {
        /// The name that was set.
        name: String,
        /// Options that are close to it.
        near: Vec<String>,
        /// All options, comma-separated.
        known: String,
    },
    /// A value that is not of the option's type.
    #[error("{from}: option `{name}`: {expected}")]
    Text {
        /// The source of the value.
        from: String,
        /// The option.
        name: String,
        /// The expected value.
        expected: String,
    },
    /// A value that does not fit the schema.
    #[error("{0}{1}")]
    Schema(Violation, String),
    /// A secret's file cannot be read.
    #[error("option `{name}`: {path}: {source}")]
    SecretFile {
        /// The option.
        name: String,
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The configuration is not keyed by the validators of the chain.
    #[error(
        "`{name}` in `TOKEN_VALIDATOR_CONFIG` is not one of the validators {chain}{}; with several \
         validators its members are their names, each with an object of options",
        suggest::hint(.near)
    )]
    NotInChain {
        /// The member's name.
        name: String,
        /// The chain.
        chain: String,
        /// Names that are close to it.
        near: Vec<String>,
    },
    /// The options of one validator of the chain are not an object.
    #[error("`{name}` in `TOKEN_VALIDATOR_CONFIG` must be an object of options")]
    NotAnObject {
        /// The validator.
        name: String,
    },
    /// The plugin's schema is invalid.
    #[error("the factory's schema is not a JSON Schema of an object")]
    NoObject,
    /// The plugin's schema is not one.
    #[error("the factory's schema is not a JSON Schema (draft 2020-12): {0}")]
    BadSchema(String),
}

/// The options of one validator, ready to be passed to it.
#[derive(Debug)]
pub(crate) struct Options {
    /// A JSON object that fits the factory's schema.
    pub(crate) json: SecretString,
    /// The options that are set, and the source of each; for the log, without the values.
    pub(crate) origins: Vec<(String, String)>,
}

/// The part of the configuration that is meant for `spec`.
///
/// # Errors
/// If a chain's configuration is not keyed by its validators.
pub(crate) fn config_of(
    spec: &ValidatorSpec,
    chain: &[ValidatorSpec],
    config: &Map<String, Value>,
) -> Result<Map<String, Value>, OptionError> {
    let own = spec.to_string();
    if chain.len() < 2 {
        return Ok(config.clone());
    }
    let names: Vec<String> = chain.iter().map(ToString::to_string).collect();
    if let Some(name) = config.keys().find(|key| !names.contains(key)) {
        return Err(OptionError::NotInChain {
            name: name.clone(),
            near: suggest::offers(name, names.iter().map(String::as_str)),
            chain: names.join(", "),
        });
    }
    match config.get(&own) {
        None => Ok(Map::new()),
        Some(Value::Object(options)) => Ok(options.clone()),
        Some(_) => Err(OptionError::NotAnObject { name: own }),
    }
}

/// The name of the option that `TOKEN_VALIDATOR_OPT_<name>` means in `schema`.
pub(crate) fn option_named<'a>(schema: &'a Value, name: &str) -> Option<&'a str> {
    Schema::new(schema)
        .properties()
        .into_iter()
        .map(|(known, _)| known)
        .find(|known| {
            known.len() == name.len()
                && known.bytes().zip(name.bytes()).all(|(a, b)| {
                    let plain = |byte: u8| {
                        if byte == b'-' {
                            b'_'
                        } else {
                            byte.to_ascii_lowercase()
                        }
                    };
                    plain(a) == plain(b)
                })
        })
}

/// Puts the options together and checks them. `config` is the validator's own part; overrides
/// that the schema does not know are left to the caller, who sees all validators.
///
/// # Errors
/// The option and the problem with it.
pub(crate) fn assemble(
    schema: &Value,
    mut config: Map<String, Value>,
    sources: &OptionSources,
) -> Result<Options, OptionError> {
    if !schema.is_object() {
        return Err(OptionError::NoObject);
    }
    let view = Schema::new(schema);
    let validator = view.validator().map_err(OptionError::BadSchema)?;
    let properties = view.properties();
    let mut origins: Vec<(String, String)> = config
        .keys()
        .map(|name| (name.clone(), "TOKEN_VALIDATOR_CONFIG".to_owned()))
        .collect();
    if let Some(name) = config
        .keys()
        .find(|name| !properties.iter().any(|(p, _)| p == name))
    {
        return Err(unknown(schema, name));
    }
    let mut set = |name: &str, property: &Value, text: &str, from: String| {
        let value = view
            .coerce(property, text)
            .map_err(|expected| OptionError::Text {
                from: from.clone(),
                name: name.to_owned(),
                expected,
            })?;
        config.insert(name.to_owned(), value);
        origins.retain(|(known, _)| known != name);
        origins.push((name.to_owned(), from));
        Ok::<_, OptionError>(())
    };
    for (override_name, text) in &sources.overrides {
        if let Some(name) = option_named(schema, override_name)
            && let Some((_, property)) = properties.iter().find(|(known, _)| *known == name)
        {
            let from = format!("TOKEN_VALIDATOR_OPT_{}", override_name.to_ascii_uppercase());
            set(name, property, text.expose_secret(), from)?;
        }
    }
    let set_already: Vec<String> = config.keys().cloned().collect();
    for (name, property) in &properties {
        let mut variables = view.variables(property).into_iter();
        if !set_already.iter().any(|known| known == name)
            && let Some((variable, text)) =
                variables.find_map(|name| Some((name, sources.env.get(name)?)))
        {
            let value = view
                .coerce(property, text)
                .map_err(|expected| OptionError::Text {
                    from: variable.to_owned(),
                    name: (*name).to_owned(),
                    expected,
                })?;
            config.insert((*name).to_owned(), value);
            origins.push(((*name).to_owned(), variable.to_owned()));
        }
    }
    for (name, property) in &properties {
        if is_secret(view, property)
            && let Some(Value::String(text)) = config.get_mut(*name)
        {
            resolve_file(name, text)?;
        }
    }
    let value = Value::Object(config);
    if let Err(error) = validator.validate(&value) {
        let violation = outside_secrets(view, view.violation(&error));
        let hint = where_to_set(view, &violation.path);
        return Err(OptionError::Schema(violation, hint));
    }
    let json = SecretString::from(value.to_string());
    wipe(value);
    Ok(Options { json, origins })
}

/// The error for an option that `schema` does not know.
pub(crate) fn unknown(schema: &Value, name: &str) -> OptionError {
    let known: Vec<&str> = Schema::new(schema)
        .properties()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    OptionError::Unknown {
        name: name.escape_default().to_string(),
        near: suggest::offers(name, known.iter().copied()),
        known: if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        },
    }
}

/// Returns whether `property` is marked as secret.
pub(crate) fn is_secret(view: Schema<'_>, property: &Value) -> bool {
    property
        .get("x-secret")
        .or_else(|| Schema::annotation(view, property, "x-secret"))
        .is_some_and(|marked| marked == &Value::Bool(true))
}

/// The violation without a path into a secret: the names of its members are part of it.
fn outside_secrets(view: Schema<'_>, violation: Violation) -> Violation {
    let name = option_of(&violation.path);
    let mut properties = view.properties().into_iter();
    if name == violation.path
        || !properties.any(|(known, property)| known == name && is_secret(view, property))
    {
        return violation;
    }
    Violation {
        path: name.to_owned(),
        message: "something in it does not fit its schema".to_owned(),
    }
}

/// The option that a path leads into.
fn option_of(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or_default()
}

fn where_to_set(view: Schema<'_>, path: &str) -> String {
    let name = option_of(path);
    let Some((_, property)) = view
        .properties()
        .into_iter()
        .find(|(known, _)| *known == name)
    else {
        return String::new();
    };
    let by_name = format!("`TOKEN_VALIDATOR_OPT_{}`", name.to_ascii_uppercase());
    match view.variables(property).first() {
        Some(variable) => format!("; set `{variable}` or {by_name}"),
        None => format!("; set {by_name}"),
    }
}

/// Replaces `@path` by the content of the file; `@@text` stands for `@text` itself.
fn resolve_file(name: &str, text: &mut String) -> Result<(), OptionError> {
    let Some(rest) = text.strip_prefix('@') else {
        return Ok(());
    };
    if rest.starts_with('@') {
        text.remove(0);
        return Ok(());
    }
    let path = PathBuf::from(rest);
    let read = || -> io::Result<String> {
        let file = File::open(&path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        let mut content = String::new();
        file.take(MAX_SECRET_FILE_BYTES + 1)
            .read_to_string(&mut content)?;
        if content.len() as u64 > MAX_SECRET_FILE_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "larger than 64 KiB",
            ));
        }
        Ok(content)
    };
    match read() {
        Ok(content) => {
            *text = content.trim_end_matches(['\n', '\r']).to_owned();
            Ok(())
        }
        Err(source) => Err(OptionError::SecretFile {
            name: name.to_owned(),
            path,
            source,
        }),
    }
}

/// Wipes the strings of a value that may hold secrets.
fn wipe(value: Value) {
    match value {
        Value::String(mut text) => text.zeroize(),
        Value::Array(items) => items.into_iter().for_each(wipe),
        Value::Object(members) => members.into_iter().for_each(|(_, member)| wipe(member)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;

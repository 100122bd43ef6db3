//! DataHub's metadata files: an array whose entries are proposals ([`mcp`]) or snapshots ([`mce`]).
//!
//! Returns changes; does not interpret aspects, so that no aspect is lost.

mod mce;
mod mcp;

use serde_json::Value;

use super::catalog::LoadError;
use super::record::Change;

/// The prefix that Avro files put before class names; files of the other API leave it out.
const AVRO_PREFIX: &str = "com.linkedin.pegasus2avro.";

/// The author of changes that come from a file.
const LOADER: &str = "urn:li:corpuser:__datahub_system";

/// Reads a whole file.
pub(crate) fn parse(name: &str, text: &str) -> Result<Vec<Change>, LoadError> {
    let entries: Value = serde_json::from_str(text).map_err(|source| LoadError::Json {
        name: name.to_owned(),
        source,
    })?;
    let entries = match entries {
        Value::Array(entries) => entries,
        one @ Value::Object(_) => vec![one],
        _ => {
            return Err(LoadError::Entry {
                name: name.to_owned(),
                index: 0,
                reason: "the file must hold an array of entries".to_owned(),
            });
        }
    };
    let mut changes = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let read = if entry.get("proposedSnapshot").is_some() {
            mce::changes(entry)
        } else {
            mcp::change(entry).map(|change| change.into_iter().collect())
        };
        match read {
            Ok(read) => changes.extend(read),
            Err(reason) => {
                return Err(LoadError::Entry {
                    name: name.to_owned(),
                    index,
                    reason,
                });
            }
        }
    }
    Ok(changes)
}

/// One proposal as it arrives by REST.
pub(crate) fn proposal(entry: Value) -> Result<Option<Change>, String> {
    mcp::change(entry)
}

/// Renames the class names in the keys, so that both file formats give the same JSON.
fn without_avro_prefix(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| {
                let key = key
                    .strip_prefix(AVRO_PREFIX)
                    .map_or(key.clone(), |rest| format!("com.linkedin.{rest}"));
                (key, without_avro_prefix(value))
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(without_avro_prefix).collect(),
        other => other,
    }
}

/// The time at which the aspect was observed, according to the system metadata, in milliseconds
/// since 1970.
fn observed(system: &Value) -> u64 {
    system
        .get("lastObserved")
        .and_then(Value::as_u64)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;

//! Metadata change proposals: one aspect of one entity. The aspect is given as `{"json": ...}`, or
//! serialised as text in `{"value": "...", "contentType": "application/json"}`.

use serde_json::Value;

use super::super::kinds::urn_type;
use super::super::record::Change;
use super::{LOADER, observed, without_avro_prefix};

/// Reads one proposal. None for a proposal to delete an aspect, which has no effect in a file.
pub(crate) fn change(mut entry: Value) -> Result<Option<Change>, String> {
    let text = |entry: &Value, name: &str| {
        entry
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or(format!("no `{name}`"))
    };
    let urn = match entry.get("entityUrn").and_then(Value::as_str) {
        Some(urn) => urn.to_owned(),
        None if entry.get("entityKeyAspect").is_some() => {
            return Err("`entityKeyAspect` is not read; give `entityUrn`".to_owned());
        }
        None => return Err("neither `entityUrn` nor `proposedSnapshot`".to_owned()),
    };
    if urn_type(&urn).is_none() {
        return Err(format!("`{urn}` is not a urn"));
    }
    let aspect = text(&entry, "aspectName")?;
    if entry.get("changeType").and_then(Value::as_str) == Some("DELETE") {
        return Ok(None);
    }
    let system = entry
        .get_mut("systemMetadata")
        .map(Value::take)
        .unwrap_or_default();
    let value = entry
        .get_mut("aspect")
        .map(Value::take)
        .ok_or("no `aspect`")?;
    let value = aspect_value(value)?;
    if !value.is_object() {
        return Err(format!("the value of `{aspect}` is not an object"));
    }
    let time = observed(&system);
    let value = without_avro_prefix(value);
    Ok(Some(Change {
        urn,
        aspect,
        value,
        system,
        time,
        actor: LOADER.to_owned(),
    }))
}

/// The JSON of an aspect in either form.
fn aspect_value(mut aspect: Value) -> Result<Value, String> {
    if let Some(json) = aspect.get_mut("json") {
        return Ok(json.take());
    }
    if let Some(text) = aspect.get("value").and_then(Value::as_str) {
        return serde_json::from_str(text)
            .map_err(|error| format!("`aspect.value` is not JSON: {error}"));
    }
    Err("`aspect` has neither `json` nor `value`".to_owned())
}

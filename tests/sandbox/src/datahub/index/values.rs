//! The values of an entity's fields in the index, taken from its aspects as DataHub takes them
//! (`SearchDocumentTransformer` below metadata-io/src/main/java/com/linkedin/metadata/search/transformer).
//!
//! DataHub updates the document of an entity aspect by aspect. Where two aspects fill the same field,
//! the one that was written last counts.

use std::collections::HashMap;

use serde_json::Value;

use super::super::keys::key_aspect;
use super::super::kinds::urn_parts;
use super::super::record::{Record, is_timeseries};
use super::SearchDoc;
use super::mapping::{Field, Kind, MAPPING};

/// The largest number of values of a field that are indexed (`maxArrayLength` of GMS's configuration).
const MAX_VALUES: usize = 1000;
/// What separates the parts of a `BROWSE_PATH_V2`, and comes before the first.
const BROWSE_SEPARATOR: char = '\u{241f}';
/// The field of structured properties, and what their own fields begin with.
pub(crate) const PROPERTIES: &str = "structuredProperties";

/// Fills the values of an entity.
pub(super) fn fill(doc: &mut SearchDoc, record: &Record) {
    doc.set("urn", vec![record.urn.to_string()]);
    let known = MAPPING.aspects(&record.entity_type);
    if let Some((name, key)) = key_aspect(record) {
        add_aspect(doc, &name, &key);
    }
    platform(doc, record, known);
    let mut aspects: Vec<_> = record.aspects().collect();
    aspects.sort_by_key(|(_, aspect)| aspect.time);
    for (name, aspect) in aspects {
        if known.contains(&name) {
            add_aspect(doc, name, &aspect.value);
        }
        if name == PROPERTIES && known.contains(&name) {
            properties(doc, &aspect.value);
        }
    }
    for name in known.iter().filter(|name| is_timeseries(name)) {
        if let Some(newest) = record.series(name).first() {
            add_aspect(doc, name, newest);
        }
    }
}

/// GMS writes the aspect `dataPlatformInstance` where ingestion leaves it out, from the key
/// (`DataPlatformInstanceUtils`).
fn platform(doc: &mut SearchDoc, record: &Record, known: &[&str]) {
    if !known.contains(&"dataPlatformInstance") {
        return;
    }
    let parts = urn_parts(&record.urn);
    let platform = match (&*record.entity_type, parts.as_slice()) {
        ("dashboard" | "chart" | "dataFlow", [tool, ..]) => {
            format!("urn:li:dataPlatform:{tool}")
        }
        ("dataJob", [flow, ..]) => match urn_parts(flow).as_slice() {
            [orchestrator, ..] => format!("urn:li:dataPlatform:{orchestrator}"),
            _ => return,
        },
        ("dataset" | "mlModel" | "mlModelGroup" | "mlFeatureTable", [platform, ..]) => {
            (*platform).to_owned()
        }
        _ => return,
    };
    doc.set("platform", vec![platform]);
}

fn add_aspect(doc: &mut SearchDoc, name: &str, aspect: &Value) {
    let mut present: HashMap<&str, bool> = HashMap::new();
    for field in MAPPING.fields(name) {
        let mut found = Vec::new();
        collect(aspect, &field.path, &mut found);
        let is_list = field.path.contains(&"*");
        if let Some(has) = field.has {
            // Of a list, an empty text is a value; of anything else, it is none.
            let any = found
                .first()
                .is_some_and(|first| is_list || !first.is_empty());
            *present.entry(has).or_default() |= any;
        }
        if let Some(count) = field.count {
            doc.set(count, vec![found.len().to_string()]);
        }
        found.retain(|value| !value.is_empty());
        found.truncate(if is_list { MAX_VALUES } else { 1 });
        if field.kind == Kind::Path {
            found = path_tokens(&found);
        }
        // A member that is missing leaves what another aspect has said; an empty list does not.
        if is_list || !found.is_empty() {
            add_field(doc, field, found);
        }
    }
    for (has, any) in present {
        doc.set(has, vec![any.to_string()]);
    }
}

fn add_field(doc: &mut SearchDoc, field: &Field, values: Vec<String>) {
    if field.by_default {
        for value in &values {
            let text = match field.kind {
                Kind::Urn => value.rsplit(':').next().unwrap_or(value),
                _ => value.as_str(),
            };
            match field.name {
                "fieldPaths" => doc.text(field.name, field.boost, &simple_path(text)),
                _ => doc.text(field.name, field.boost, text),
            }
        }
    }
    if let Some(alias) = field.alias {
        doc.set(alias, values.clone());
    }
    doc.set(field.name, values);
}

/// Collects the values at a path: `*` stands for each item of a list, and for each entry of a map as
/// `key=value`. The member of a union may be wrapped in its type.
fn collect(value: &Value, path: &[&str], found: &mut Vec<String>) {
    let Some((step, rest)) = path.split_first() else {
        return found.extend(leaf(value));
    };
    match (value, *step) {
        (Value::Array(items), "*") => items.iter().for_each(|item| collect(item, rest, found)),
        (Value::Object(map), "*") => {
            let entries = map
                .iter()
                .filter_map(|(key, value)| Some((key, leaf(value)?)));
            found.extend(entries.map(|(key, value)| format!("{key}={value}")));
        }
        (Value::Object(map), name) => match (map.get(name), map.len()) {
            (Some(inner), _) => collect(inner, rest, found),
            (None, 1) => map.values().for_each(|inner| collect(inner, path, found)),
            _ => {}
        },
        _ => {}
    }
}

/// Any JSON leaf as text, also inside the type of a union, such as `{"string": "urn:li:..."}`.
fn leaf(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Object(map) if map.len() == 1 => map.values().next().and_then(leaf),
        _ => None,
    }
}

/// The tokens of a path: the path of each part of it from the top, and never a part by itself.
fn path_tokens(parts: &[String]) -> Vec<String> {
    let mut path = String::new();
    let tokens = parts.iter().map(|part| {
        path.push(BROWSE_SEPARATOR);
        path.push_str(part);
        path.clone()
    });
    tokens.collect()
}

/// A field path without the type tags of its second version: `[version=2.0].[type=string].a` is `a`.
fn simple_path(path: &str) -> String {
    let (mut parts, mut from, mut depth) = (Vec::new(), 0, 0_u32);
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b'.' if depth == 0 => {
                parts.push(&path[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&path[from..]);
    parts.retain(|part| !part.starts_with('['));
    parts.join(".")
}

/// Adds each property under its own name. Its type, which decides how it is compared, is in another
/// entity: see `filters`.
fn properties(doc: &mut SearchDoc, aspect: &Value) {
    let list = aspect.get("properties").and_then(Value::as_array);
    let mut urns = Vec::new();
    for property in list.into_iter().flatten() {
        let Some(urn) = property.get("propertyUrn").and_then(Value::as_str) else {
            continue;
        };
        let id = urn
            .strip_prefix("urn:li:structuredProperty:")
            .unwrap_or(urn);
        let mut values = Vec::new();
        collect(property, &["values", "*"], &mut values);
        values.retain(|value| !value.is_empty());
        doc.set(&format!("{PROPERTIES}.{id}"), values);
        urns.push(urn.to_owned());
    }
    doc.set(PROPERTIES, urns);
}

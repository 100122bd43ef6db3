//! The common part of the tools that write: the entities and existing columns that a call names,
//! and one mutation whose refusal is an error.

use std::collections::HashMap;

use datahub::Document;
use serde_json::{Value, json};

use super::{columns, entity};
use crate::{context::ToolContext, error::ToolError};

/// The largest number of entities in one write.
pub(super) const MAX_ENTITIES: usize = 100;
/// The largest number of tags, terms or owners in one write.
pub(super) const MAX_LABELS: usize = 50;

/// The output schema of every tool that writes.
pub(super) fn output() -> Value {
    json!({"success": {"type": "boolean"}, "message": {"type": "string"}})
}

/// Refuses an empty list and urns of other kinds.
pub(super) fn urns(name: &str, urns: &[String], kinds: &[&str]) -> Result<(), ToolError> {
    if urns.is_empty() {
        return Err(ToolError::Arguments(format!(
            "`{name}` is empty; name at least one urn"
        )));
    }
    urns.iter().try_for_each(|urn| entity::of_kind(urn, kinds))
}

/// The `ResourceRefInput`s of the entities, each with its column where one is given. A single
/// entity may be given for several columns.
pub(super) async fn resources(
    context: &ToolContext,
    entities: &[String],
    column_paths: &[String],
) -> Result<Vec<Value>, ToolError> {
    urns("entity_urns", entities, &[])?;
    let pairs: Vec<(&str, &str)> = match (entities, column_paths) {
        (_, []) => entities.iter().map(|urn| (urn.as_str(), "")).collect(),
        ([only], paths) => paths
            .iter()
            .map(|path| (only.as_str(), path.trim()))
            .collect(),
        (urns, paths) if urns.len() == paths.len() => urns
            .iter()
            .zip(paths)
            .map(|(urn, path)| (urn.as_str(), path.trim()))
            .collect(),
        (urns, paths) => {
            return Err(ToolError::Arguments(format!(
                "`column_paths` has {} entries for {} entities; give one for each entity (empty \
                 for the entity itself), or one entity with several columns",
                paths.len(),
                urns.len()
            )));
        }
    };
    let mut known: HashMap<&str, Vec<String>> = HashMap::new();
    let mut resources = Vec::with_capacity(pairs.len());
    for (urn, column) in pairs {
        if column.is_empty() {
            resources.push(json!({"resourceUrn": urn}));
            continue;
        }
        entity::of_kind(urn, &["dataset"])?;
        if !known.contains_key(urn) {
            known.insert(urn, columns::paths(context, urn).await?);
        }
        let paths = known.get(urn).map_or(&[][..], Vec::as_slice);
        resources.push(json!({
            "resourceUrn": urn,
            "subResourceType": "DATASET_FIELD",
            "subResource": columns::find(paths, urn, column)?,
        }));
    }
    Ok(resources)
}

/// Sends the mutation; a result that is null or false is an error.
pub(super) async fn send(
    context: &ToolContext,
    document: &Document,
    variables: Value,
) -> Result<Value, ToolError> {
    let mut answer = context.ask(document, variables).await?;
    let result = answer
        .data
        .values_mut()
        .next()
        .map(Value::take)
        .unwrap_or_default();
    if result.is_null() || result == false {
        return Err(ToolError::NotFound(
            "DataHub did not make the change; check that every urn exists".to_owned(),
        ));
    }
    Ok(result)
}

/// The answer after a write.
pub(super) fn done(message: impl Into<String>) -> Value {
    json!({"success": true, "message": message.into()})
}

/// `3 columns or entities`, for messages.
pub(super) fn count(resources: &[Value]) -> String {
    match resources.len() {
        1 => "1 entity or column".to_owned(),
        n => format!("{n} entities or columns"),
    }
}

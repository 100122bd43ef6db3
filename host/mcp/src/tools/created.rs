//! The common part of the tools that create a part of the vocabulary: one name stands for one thing, so
//! whoever creates it again is told of the one that there is.

use datahub::Document;
use serde_json::{Value, json};

use super::writing;
use crate::{context::ToolContext, documents, error::ToolError};

/// The output schema of these tools.
pub(super) fn output() -> Value {
    json!({"urn": {"type": "string"}, "message": {"type": "string"}})
}

/// The name of a new entity, without spaces around it.
///
/// # Errors
/// If it is empty, or if an entity of `kind` has it already and the call gives no `id` of its own: then
/// DataHub itself refuses one that is taken. `use_it` says what to do with the one that there is.
pub(super) async fn free_name<'a>(
    context: &ToolContext,
    kind: &str,
    name: &'a str,
    id: Option<&str>,
    use_it: &str,
) -> Result<&'a str, ToolError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(ToolError::Arguments("`name` is empty".to_owned()));
    }
    let known = match id {
        Some(_) => None,
        None => named(context, kind, name).await?,
    };
    match known {
        None => Ok(name),
        Some(urn) => Err(ToolError::Arguments(format!(
            "there is a {} `{name}` already, {urn}; {use_it}, or create another with an `id` of its own",
            kind.to_lowercase().replace('_', " ")
        ))),
    }
}

/// An id that is not empty.
pub(super) fn id_of(given: Option<&String>) -> Option<&str> {
    given.map(|id| id.trim()).filter(|id| !id.is_empty())
}

/// The parts of DataHub's input that all of these have.
pub(super) fn described(name: &str, description: Option<String>) -> Value {
    let mut input = json!({"name": name});
    if let Some(description) = description {
        input["description"] = json!(description);
    }
    input
}

/// Sends the mutation and answers with the urn that DataHub gave.
pub(super) async fn send(
    context: &ToolContext,
    document: &Document,
    input: Value,
    message: &str,
) -> Result<Value, ToolError> {
    let made = writing::send(context, document, json!({"input": input})).await?;
    let urn = if made.is_object() {
        &made["urn"]
    } else {
        &made
    };
    Ok(json!({"urn": urn, "message": message}))
}

/// The urn of the entity with this name, compared without regard to case.
async fn named(context: &ToolContext, kind: &str, name: &str) -> Result<Option<String>, ToolError> {
    let input = json!({"input": {
        "types": [kind], "query": name, "start": 0, "count": 20,
        "searchFlags": {"skipHighlighting": true, "skipAggregates": true},
    }});
    let found = context
        .ask_for(&documents::SEARCH, input, "searchAcrossEntities")
        .await?;
    let hits = found["searchResults"].as_array();
    let urn = hits.into_iter().flatten().find_map(|hit| {
        let entity = &hit["entity"];
        let same = entity["properties"]["name"]
            .as_str()
            .is_some_and(|known| known.eq_ignore_ascii_case(name));
        same.then(|| entity["urn"].as_str().map(str::to_owned))?
    });
    Ok(urn)
}

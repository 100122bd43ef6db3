//! The fields of entities: those that all types share, then those of one type.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::arguments::Arguments;
use super::{
    EntityNode, Resolved, Shape, documents, governance, hierarchy, people, properties, quality,
    relationships, searching, stats,
};

/// One field of an entity.
pub(crate) fn field<'a>(
    node: &'a EntityNode<'a>,
    field: &str,
    arguments: &Arguments<'_>,
) -> Resolved<'a> {
    if let Some(shape) = identity(node, field) {
        return Ok(shape);
    }
    let of_type = match node.kind.graphql {
        "CorpUser" => people::user(node, field),
        "CorpGroup" => people::group(node, field),
        "Document" => documents::field(node, field, arguments),
        "Assertion" | "Incident" => quality::own(node, field, arguments),
        _ => None,
    };
    if let Some(shape) = of_type {
        return Ok(shape);
    }
    let shared = properties::field(node, field, arguments)
        .or_else(|| governance::field(node, field))
        .or_else(|| hierarchy::field(node, field))
        .or_else(|| stats::field(node, field, arguments))
        .or_else(|| quality::field(node, field, arguments))
        .or_else(|| relationships::field(node, field, arguments));
    if let Some(shape) = shared {
        return Ok(shape);
    }
    match searching::entity_field(node, field, arguments) {
        Some(answer) => answer,
        None => Err(ApiError::server(format!(
            "{}.{field} is not answered by the embedded DataHub",
            node.kind.graphql
        ))),
    }
}

fn identity<'a>(node: &'a EntityNode<'a>, field: &str) -> Option<Shape<'a>> {
    Some(match field {
        "urn" => (*node.urn).into(),
        // A property of the same name on data types and entity types is inside `info`.
        "type" => node.kind.enum_value.into(),
        "exists" => exists(node).into(),
        "lastIngested" => node
            .record
            .as_ref()
            .and_then(|record| record.last_observed())
            .map_or(Shape::NULL, Into::into),
        "aspects" => raw_aspects(node),
        _ => return None,
    })
}

/// True if the entity has more than its key, without which it does not exist for DataHub.
fn exists(node: &EntityNode<'_>) -> bool {
    node.record.as_ref().is_some_and(|record| {
        record.aspects().next().is_some() || record.series_names().next().is_some()
    })
}

/// Aspects that GraphQL has no type for, as JSON text.
fn raw_aspects<'a>(node: &EntityNode<'_>) -> Shape<'a> {
    let Some(record) = &node.record else {
        return Value::Array(Vec::new()).into();
    };
    let aspects = record
        .aspects()
        .map(|(name, aspect)| json!({ "aspectName": name, "payload": aspect.value.to_string() }));
    aspects.collect::<Value>().into()
}

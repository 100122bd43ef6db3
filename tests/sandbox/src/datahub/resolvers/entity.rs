//! The fields of entities: those that all types share, then those of one type.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::arguments::Arguments;
use super::{EntityNode, Resolved, Shape, people};

/// One field of an entity.
pub(crate) fn field<'a>(
    node: &'a EntityNode<'a>,
    field: &str,
    _arguments: &Arguments<'_>,
) -> Resolved<'a> {
    if let Some(shape) = identity(node, field) {
        return Ok(shape);
    }
    let of_type = match node.kind.graphql {
        "CorpUser" => people::user(node, field),
        "CorpGroup" => people::group(node, field),
        _ => None,
    };
    if let Some(shape) = of_type {
        return Ok(shape);
    }
    Err(ApiError::server(format!(
        "{}.{field} is not answered by the embedded DataHub",
        node.kind.graphql
    )))
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

/// An entity of which nothing but a key is known does not exist, for DataHub.
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

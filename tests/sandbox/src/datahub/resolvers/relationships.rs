//! `relationships`, `lineage` and `relatedDocuments` of an entity.

use serde_json::{Value, json};

use super::super::kinds::EntityKind;
use super::super::lineage::{Direction, Edge};
use super::arguments::Arguments;
use super::searching::page;
use super::{EntityNode, Shape};

/// Resolves the field if it is one of this file; none otherwise.
pub(crate) fn field<'a>(
    node: &'a EntityNode<'a>,
    field: &str,
    arguments: &Arguments<'_>,
) -> Option<Shape<'a>> {
    Some(match field {
        "relationships" => relationships(node, &arguments.get("input")),
        "lineage" => lineage(node, &arguments.get("input")),
        "relatedDocuments" => related_documents(node, &arguments.get("input")),
        _ => return None,
    })
}

fn number(input: &Value, name: &str) -> Option<i64> {
    input.get(name).and_then(Value::as_i64)
}

/// A page of a list: start, count, and the items on it.
fn cut<'a, T>(all: &'a [T], input: &Value) -> (usize, &'a [T]) {
    let start = number(input, "start")
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(0);
    let count = number(input, "count")
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(100);
    let from = start.min(all.len());
    (start, &all[from..from.saturating_add(count).min(all.len())])
}

fn relationships<'a>(node: &EntityNode<'_>, input: &Value) -> Shape<'a> {
    let types = input
        .get("types")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let incoming = input.get("direction").and_then(Value::as_str) == Some("INCOMING");
    let deleted = input
        .get("includeSoftDelete")
        .and_then(Value::as_bool)
        .unwrap_or(true);
    let catalog = node.cx.catalog();
    let graph = catalog.graph();
    let edges = if incoming {
        graph.incoming(&node.urn)
    } else {
        graph.outgoing(&node.urn)
    };
    let found: Vec<&Edge> = edges
        .iter()
        .filter(|edge| types.is_empty() || types.iter().any(|kind| kind == edge.kind))
        .filter(|edge| EntityKind::of_urn(&edge.other).is_some())
        .filter(|edge| deleted || catalog.get(&edge.other).is_none_or(|r| !r.removed()))
        .collect();
    let (start, shown) = cut(&found, input);
    let direction = if incoming { "INCOMING" } else { "OUTGOING" };
    let shown_json: Value = shown
        .iter()
        .map(|edge| json!({ "type": edge.kind, "direction": direction, "entity": &*edge.other }))
        .collect();
    json!({
        "start": start, "count": shown.len(), "total": found.len(), "relationships": shown_json,
    })
    .into()
}

fn lineage<'a>(node: &EntityNode<'_>, input: &Value) -> Shape<'a> {
    let direction = Direction::of(
        input
            .get("direction")
            .and_then(Value::as_str)
            .unwrap_or_default(),
    );
    let ghosts = input
        .get("includeGhostEntities")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let catalog = node.cx.catalog();
    let all = catalog.graph().neighbours(&node.urn, direction);
    let visible = |edge: &&Edge| {
        EntityKind::of_urn(&edge.other).is_some()
            && (ghosts
                || catalog
                    .get(&edge.other)
                    .is_some_and(|record| !record.removed()))
    };
    let found: Vec<&Edge> = all.iter().filter(visible).collect();
    let (start, shown) = cut(&found, input);
    let shown_json: Value = shown
        .iter()
        .map(|edge| {
            let (time, actor) = match &edge.created {
                Some((time, actor)) => (json!(time), json!(actor)),
                None => (Value::Null, Value::Null),
            };
            json!({
                "type": edge.kind, "entity": &*edge.other, "degree": 1,
                "createdOn": time, "createdActor": actor,
                "updatedOn": time, "updatedActor": actor,
                "isManual": edge.manual,
            })
        })
        .collect();
    json!({
        "start": start, "count": shown.len(), "total": found.len(),
        "filtered": all.len() - found.len(), "relationships": shown_json,
    })
    .into()
}

fn related_documents<'a>(node: &EntityNode<'_>, input: &Value) -> Shape<'a> {
    let catalog = node.cx.catalog();
    let incoming = catalog.graph().incoming(&node.urn);
    let urns: Vec<&str> = incoming
        .iter()
        .filter(|edge| edge.kind == "RelatedAsset")
        .map(|edge| &*edge.other)
        .filter(|urn| catalog.get(urn).is_some_and(|record| !record.removed()))
        .collect();
    page(
        &urns,
        number(input, "start"),
        number(input, "count"),
        "documents",
    )
    .into()
}

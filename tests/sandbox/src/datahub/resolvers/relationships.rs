//! `relationships`, `lineage` and `relatedDocuments` of an entity.

use serde_json::{Value, json};

use super::super::catalog::Catalog;
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
    let separate = input.get("separateSiblings").and_then(Value::as_bool);
    let all: Vec<&Edge> = match separate {
        Some(true) => catalog
            .graph()
            .neighbours(&node.urn, direction)
            .iter()
            .collect(),
        _ => with_siblings(&catalog, &node.urn, direction),
    };
    let visible = |edge: &&Edge| {
        EntityKind::of_urn(&edge.other).is_some()
            && (ghosts
                || catalog
                    .get(&edge.other)
                    .is_some_and(|record| !record.removed()))
    };
    let found: Vec<&Edge> = all.iter().copied().filter(visible).collect();
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

/// The lineage of an entity and of its siblings as one (`SiblingGraphService` below
/// metadata-io/src/main/java/com/linkedin/metadata/graph): without the siblings themselves, and of two
/// neighbours that are siblings only the primary one.
fn with_siblings<'a>(catalog: &'a Catalog, urn: &str, direction: Direction) -> Vec<&'a Edge> {
    let group: Vec<&str> = std::iter::once(urn).chain(siblings(catalog, urn)).collect();
    let mut found: Vec<&Edge> = Vec::new();
    for member in &group {
        for edge in catalog.graph().neighbours(member, direction) {
            let known = found.iter().any(|known| known.other == edge.other);
            if !known && (group.len() == 1 || !group.contains(&&*edge.other)) {
                found.push(edge);
            }
        }
    }
    if group.len() > 1 {
        let all = found.clone();
        found.retain(|edge| {
            let is_there = |sibling: &str| all.iter().any(|other| &*other.other == sibling);
            is_primary(catalog, &edge.other) || !siblings(catalog, &edge.other).any(is_there)
        });
    }
    found
}

fn siblings<'a>(catalog: &'a Catalog, urn: &str) -> impl Iterator<Item = &'a str> {
    let aspect = catalog.aspect(urn, "siblings");
    let all = aspect.and_then(|aspect| aspect.get("siblings")?.as_array());
    all.into_iter().flatten().filter_map(Value::as_str)
}

fn is_primary(catalog: &Catalog, urn: &str) -> bool {
    let aspect = catalog.aspect(urn, "siblings");
    aspect.is_none_or(|aspect| aspect.get("primary").and_then(Value::as_bool) == Some(true))
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

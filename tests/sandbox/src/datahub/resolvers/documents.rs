//! The fields of `Document` that are not plain aspects.

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::objects::with;
use super::{EntityNode, Shape};

/// Resolves the field if it is one of this file; none otherwise.
pub(crate) fn field<'a>(
    node: &'a EntityNode<'a>,
    field: &str,
    arguments: &Arguments<'_>,
) -> Option<Shape<'a>> {
    Some(match field {
        "info" => info(node),
        "settings" => Shape::opt(node.aspect("documentSettings")),
        "subType" => {
            let names = node
                .aspect("subTypes")
                .and_then(|types| types.get("typeNames"));
            Shape::opt(names.and_then(|names| names.get(0)))
        }
        "changeHistory" => history(node, arguments),
        _ => return None,
    })
}

fn info<'a>(node: &'a EntityNode<'a>) -> Shape<'a> {
    let Some(info) = node.aspect("documentInfo") else {
        return Shape::NULL;
    };
    let stamp = |name: &str| {
        let given = info.get(name).filter(|stamp| stamp.get("time").is_some());
        given.cloned().unwrap_or_else(|| json!({ "time": 0 }))
    };
    let contents = info
        .get("contents")
        .cloned()
        .unwrap_or_else(|| json!({ "text": "" }));
    with(
        Some(info),
        &json!({
            "created": stamp("created"), "lastModified": stamp("lastModified"), "contents": contents,
        }),
    )
    .into()
}

/// The changes from one version of the document to the next, newest first.
fn history<'a>(node: &EntityNode<'_>, arguments: &Arguments<'_>) -> Shape<'a> {
    let Some(record) = &node.record else {
        return Value::Array(Vec::new()).into();
    };
    let versions: Vec<_> = record
        .earlier("documentInfo")
        .iter()
        .chain(record.latest("documentInfo"))
        .collect();
    let mut changes = Vec::new();
    for (index, version) in versions.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|at| versions.get(at));
        let differs = |name: &str| {
            before.is_some_and(|before| before.value.get(name) != version.value.get(name))
        };
        let (kind, description) = match before {
            None => ("CREATED", "Document was created"),
            Some(_) if differs("contents") => ("TEXT_CHANGED", "Document content was changed"),
            Some(_) if differs("title") => ("TITLE_CHANGED", "Document title was changed"),
            Some(_) if differs("parentDocument") => ("PARENT_CHANGED", "Document was moved"),
            Some(_) if differs("status") => ("STATE_CHANGED", "Document state was changed"),
            Some(_) if differs("relatedAssets") => {
                ("RELATED_ASSETS_CHANGED", "Related assets were changed")
            }
            Some(_) => (
                "RELATED_DOCUMENTS_CHANGED",
                "Related documents were changed",
            ),
        };
        changes.push(json!({
            "changeType": kind, "description": description,
            "actor": version.actor, "timestamp": version.time,
        }));
    }
    changes.reverse();
    let limit = arguments
        .number("limit")
        .and_then(|limit| usize::try_from(limit).ok());
    changes.truncate(limit.unwrap_or(50));
    Value::Array(changes).into()
}

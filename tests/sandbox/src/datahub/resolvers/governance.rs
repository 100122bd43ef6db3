//! The metadata that people attach to an entity: owners, tags, terms, domain, documentation,
//! properties.

use serde_json::{Value, json};

use super::super::options::Kind;
use super::objects::with;
use super::{EntityNode, Shape};

/// Resolves the field if it is one of this file; none otherwise.
pub(crate) fn field<'a>(node: &'a EntityNode<'a>, field: &str) -> Option<Shape<'a>> {
    Some(match field {
        "ownership" => ownership(node),
        "tags" | "globalTags" => Shape::opt(node.aspect("globalTags")),
        "glossaryTerms" => Shape::opt(node.aspect("glossaryTerms")),
        "domain" => domain(node),
        "applications" => applications(node),
        "application" => match applications(node).value().get(0) {
            Some(first) => first.clone().into(),
            None => Shape::NULL,
        },
        "institutionalMemory" => Shape::opt(node.aspect("institutionalMemory")),
        "deprecation" => Shape::opt(node.aspect("deprecation")),
        "status" => Shape::opt(node.aspect("status")),
        "subTypes" => Shape::opt(node.aspect("subTypes")),
        "structuredProperties" => Shape::opt(node.aspect("structuredProperties")),
        "documentation" => Shape::opt(node.aspect("documentation")),
        "displayProperties" => Shape::opt(node.aspect("displayProperties")),
        "siblings" => Shape::opt(node.aspect("siblings")),
        "dataPlatformInstance" => Shape::opt(
            node.aspect("dataPlatformInstance")
                .and_then(|i| i.get("instance")),
        ),
        "privileges" => privileges(node.cx.actor.kind).into(),
        _ => return None,
    })
}

fn ownership<'a>(node: &'a EntityNode<'a>) -> Shape<'a> {
    let Some(aspect) = node.aspect("ownership") else {
        return Shape::NULL;
    };
    if aspect
        .get("lastModified")
        .is_some_and(|stamp| stamp.get("time").is_some())
    {
        return Shape::Ref(aspect);
    }
    with(Some(aspect), &json!({ "lastModified": { "time": 0 } })).into()
}

fn domain<'a>(node: &EntityNode<'_>) -> Shape<'a> {
    let domains = node
        .aspect("domains")
        .and_then(|d| d.get("domains"))
        .and_then(Value::as_array);
    match domains.and_then(|domains| domains.first()) {
        Some(domain) => json!({ "domain": domain }).into(),
        None => Shape::NULL,
    }
}

fn applications<'a>(node: &EntityNode<'_>) -> Shape<'a> {
    let list = node
        .aspect("applications")
        .and_then(|a| a.get("applications"));
    match list.and_then(Value::as_array) {
        Some(urns) => urns
            .iter()
            .map(|urn| json!({ "application": urn }))
            .collect::<Value>()
            .into(),
        None => Shape::NULL,
    }
}

/// The caller's privileges on an entity.
fn privileges(kind: Kind) -> Value {
    let may = kind != Kind::Viewer;
    let names = [
        "canManageChildren",
        "canManageEntity",
        "canEditLineage",
        "canEditEmbed",
        "canEditQueries",
        "canEditProperties",
        "canEditTags",
        "canEditGlossaryTerms",
        "canEditDescription",
        "canEditLinks",
        "canEditDomains",
        "canEditDataProducts",
        "canEditOwners",
        "canEditIncidents",
        "canEditAssertions",
        "canEditAssertionOwners",
        "canEditDeprecation",
        "canEditSchemaFieldTags",
        "canEditSchemaFieldGlossaryTerms",
        "canEditSchemaFieldDescription",
        "canManageAssetSummary",
    ];
    let mut all: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), Value::Bool(may)))
        .collect();
    for name in [
        "canViewDatasetUsage",
        "canViewDatasetProfile",
        "canViewDatasetOperations",
    ] {
        all.insert(name.to_owned(), Value::Bool(true));
    }
    Value::Object(all)
}

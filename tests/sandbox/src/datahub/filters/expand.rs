//! Expands fields that stand for several, and urns that stand for their relatives.

use serde_json::Value;

use super::super::catalog::Catalog;

/// DataHub's field expansion (`FIELDS_TO_EXPANDED_FIELDS_LIST` of `ESUtils`).
const EXPANDED: &[(&str, &[&str])] = &[
    ("tags", &["tags", "fieldTags", "editedFieldTags"]),
    ("fieldTags", &["fieldTags", "editedFieldTags"]),
    (
        "glossaryTerms",
        &[
            "glossaryTerms",
            "fieldGlossaryTerms",
            "editedFieldGlossaryTerms",
        ],
    ),
    (
        "fieldGlossaryTerms",
        &["fieldGlossaryTerms", "editedFieldGlossaryTerms"],
    ),
    ("description", &["description", "editedDescription"]),
    (
        "fieldDescriptions",
        &["fieldDescriptions", "editedFieldDescriptions"],
    ),
    (
        "businessAttribute",
        &["businessAttributeRef", "businessAttributeRef.urn"],
    ),
    ("origin", &["origin", "env"]),
    ("env", &["env", "origin"]),
];

/// The aspects and members in which an entity names its parent.
const PARENTS: &[(&str, &str)] = &[
    ("container", "container"),
    ("domainProperties", "parentDomain"),
    ("glossaryTermInfo", "parentNode"),
    ("glossaryNodeInfo", "parentNode"),
];

/// The fields of the index that a field of a filter stands for; none if it is only itself.
pub(super) fn fields(field: &str) -> Option<&'static [&'static str]> {
    let found = EXPANDED.iter().find(|(name, _)| *name == field);
    found.map(|(_, all)| *all)
}

/// The urns with their ancestors, their descendants, or both.
pub(super) fn relatives(catalog: &Catalog, urns: &[String], relation: &str) -> Vec<String> {
    let mut found = urns.to_vec();
    if relation != "DESCENDANTS_INCL" {
        let mut at = 0;
        while let Some(urn) = found.get(at).cloned() {
            if let Some(parent) = parent(catalog, &urn).filter(|parent| !found.contains(parent)) {
                found.push(parent);
            }
            at += 1;
        }
    }
    if relation != "ANCESTORS_INCL" {
        let mut open = urns.to_vec();
        while let Some(urn) = open.pop() {
            for edge in catalog.graph().incoming(&urn) {
                let child = edge.other.to_string();
                let is_child =
                    edge.kind == "IsPartOf" && parent(catalog, &child).as_ref() == Some(&urn);
                if is_child && !found.contains(&child) {
                    found.push(child.clone());
                    open.push(child);
                }
            }
        }
    }
    found
}

fn parent(catalog: &Catalog, urn: &str) -> Option<String> {
    let record = catalog.get(urn)?;
    let parent = PARENTS
        .iter()
        .find_map(|(aspect, name)| record.field(aspect, &[name]));
    parent.and_then(Value::as_str).map(str::to_owned)
}

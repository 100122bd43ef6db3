//! Tags and glossary terms, on entities and on columns.

use serde_json::{Value, json};

use super::{Call, Done, Resource, exists, expect_type, list_mut};
use crate::datahub::error::ApiError;
use crate::datahub::hub::Writer;

/// The differences between tags and terms.
struct Label {
    /// The urn part.
    entity: &'static str,
    /// The aspect, which is also the member of a column.
    aspect: &'static str,
    list: &'static str,
    member: &'static str,
}

const TAG: Label = Label {
    entity: "tag",
    aspect: "globalTags",
    list: "tags",
    member: "tag",
};
const TERM: Label = Label {
    entity: "glossaryTerm",
    aspect: "glossaryTerms",
    list: "terms",
    member: "urn",
};

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(writer: &mut Writer, call: &Call<'_>) -> Option<Done> {
    let one = |name: &str| vec![call.text(name)];
    let (label, urns, adds) = match call.field {
        "addTag" => (TAG, one("tagUrn"), true),
        "addTags" | "batchAddTags" => (TAG, call.texts("tagUrns"), true),
        "removeTag" => (TAG, one("tagUrn"), false),
        "batchRemoveTags" => (TAG, call.texts("tagUrns"), false),
        "addTerm" => (TERM, one("termUrn"), true),
        "addTerms" | "batchAddTerms" => (TERM, call.texts("termUrns"), true),
        "removeTerm" => (TERM, one("termUrn"), false),
        "batchRemoveTerms" => (TERM, call.texts("termUrns"), false),
        _ => return None,
    };
    Some(apply(writer, call, &label, &urns, adds))
}

fn apply(writer: &mut Writer, call: &Call<'_>, label: &Label, urns: &[String], adds: bool) -> Done {
    for urn in urns {
        expect_type(urn, label.entity)?;
        if adds && !exists(writer, urn) {
            return Err(ApiError::bad_request(format!(
                "Failed to validate label with urn {urn}. Urn does not exist."
            )));
        }
    }
    let resources = call.resources();
    for resource in &resources {
        resource.check(writer)?;
    }
    for resource in &resources {
        change(writer, resource, label, urns, adds)?;
    }
    Ok(json!(true))
}

fn change(
    writer: &mut Writer,
    resource: &Resource,
    label: &Label,
    urns: &[String],
    adds: bool,
) -> Result<(), ApiError> {
    let stamp = writer.stamp();
    let Some(column) = &resource.column else {
        let mut aspect = writer.aspect(&resource.urn, label.aspect);
        change_list(&mut aspect, label, urns, adds, &stamp)?;
        writer.put(&resource.urn, label.aspect, aspect);
        return Ok(());
    };
    let mut schema = writer.aspect(&resource.urn, "editableSchemaMetadata");
    let info = column_info(&mut schema, column)?;
    change_list(&mut info[label.aspect], label, urns, adds, &stamp)?;
    schema["lastModified"] = stamp;
    writer.put(&resource.urn, "editableSchemaMetadata", schema);
    Ok(())
}

/// The edited metadata of a column; created if there is none yet.
pub(super) fn column_info<'a>(
    schema: &'a mut Value,
    column: &str,
) -> Result<&'a mut Value, ApiError> {
    let columns = list_mut(schema, "editableSchemaFieldInfo")?;
    let known = columns.iter().position(|info| info["fieldPath"] == column);
    let at = known.unwrap_or_else(|| {
        columns.push(json!({ "fieldPath": column }));
        columns.len() - 1
    });
    columns
        .get_mut(at)
        .ok_or_else(|| ApiError::server("An unknown error occurred."))
}

fn change_list(
    aspect: &mut Value,
    label: &Label,
    urns: &[String],
    adds: bool,
    stamp: &Value,
) -> Result<(), ApiError> {
    let list = list_mut(aspect, label.list)?;
    if adds {
        for urn in urns {
            if !list.iter().any(|item| item[label.member] == urn.as_str()) {
                let mut item = json!({ label.member: urn });
                if label.entity == "glossaryTerm" {
                    item["actor"] = stamp["actor"].clone();
                }
                list.push(item);
            }
        }
    } else {
        list.retain(|item| !urns.iter().any(|urn| item[label.member] == urn.as_str()));
    }
    if label.entity == "glossaryTerm" {
        aspect["auditStamp"] = stamp.clone();
    }
    Ok(())
}

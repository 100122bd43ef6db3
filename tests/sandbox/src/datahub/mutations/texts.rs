//! Descriptions, names and links.

use serde_json::json;

use super::labels::column_info;
use super::{Call, Done, exists, list_mut};
use crate::datahub::error::ApiError;
use crate::datahub::hub::Writer;
use crate::datahub::kinds::urn_type;
use crate::datahub::resolvers::editable_aspect;

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(writer: &mut Writer, call: &Call<'_>) -> Option<Done> {
    Some(match call.field {
        "updateDescription" => describe(writer, call),
        "updateName" => rename(writer, call),
        "addLink" => add_link(writer, call),
        "removeLink" => remove_link(writer, call),
        _ => return None,
    })
}

/// The place of the description for entities that have no edited copy of it: urn part, aspect,
/// member.
const OWN_TEXT: &[(&str, &str, &str)] = &[
    ("tag", "tagProperties", "description"),
    ("domain", "domainProperties", "description"),
    ("glossaryTerm", "glossaryTermInfo", "definition"),
    ("glossaryNode", "glossaryNodeInfo", "definition"),
    ("dataProduct", "dataProductProperties", "description"),
    ("application", "applicationProperties", "description"),
    ("corpGroup", "corpGroupEditableInfo", "description"),
    ("corpuser", "corpUserEditableInfo", "aboutMe"),
    ("businessAttribute", "businessAttributeInfo", "description"),
];

fn describe(writer: &mut Writer, call: &Call<'_>) -> Done {
    let (urn, text) = (call.text("resourceUrn"), call.text("description"));
    if !exists(writer, &urn) {
        return Err(ApiError::bad_request(format!(
            "Failed to update {urn}. {urn} does not exist."
        )));
    }
    let stamp = writer.stamp();
    if let Some(column) = call.opt("subResource") {
        let mut schema = writer.aspect(&urn, "editableSchemaMetadata");
        column_info(&mut schema, &column)?["description"] = json!(text);
        schema["lastModified"] = stamp;
        writer.put(&urn, "editableSchemaMetadata", schema);
        return Ok(json!(true));
    }
    let part = urn_type(&urn).unwrap_or_default();
    let own = OWN_TEXT.iter().find(|(of, _, _)| *of == part);
    let place = own.map(|(_, aspect, member)| (*aspect, *member));
    let place = place.or_else(|| editable_aspect(part).map(|aspect| (aspect, "description")));
    let Some((aspect_name, member)) = place else {
        return Err(ApiError::server(format!(
            "Failed to update description. Unsupported resource type {part} provided."
        )));
    };
    let mut aspect = writer.aspect(&urn, aspect_name);
    if !aspect.is_object() {
        aspect = json!({});
    }
    aspect[member] = json!(text);
    if aspect_name.starts_with("editable") {
        aspect["lastModified"] = stamp;
    }
    writer.put(&urn, aspect_name, aspect);
    Ok(json!(true))
}

fn rename(writer: &mut Writer, call: &Call<'_>) -> Done {
    let (urn, name) = (call.text("urn"), call.text("name"));
    if !exists(writer, &urn) {
        return Err(ApiError::bad_request(format!(
            "Failed to update {urn}. {urn} does not exist."
        )));
    }
    let aspect_name = match urn_type(&urn) {
        Some("glossaryTerm") => "glossaryTermInfo",
        Some("glossaryNode") => "glossaryNodeInfo",
        Some("domain") => "domainProperties",
        Some("dataProduct") => "dataProductProperties",
        Some("application") => "applicationProperties",
        Some("tag") => "tagProperties",
        Some("dataset") => "editableDatasetProperties",
        Some(part) => {
            return Err(ApiError::server(format!(
                "Failed to update name. Unsupported resource type {part} provided."
            )));
        }
        None => return Err(ApiError::bad_request(format!("Invalid urn {urn}"))),
    };
    let mut aspect = writer.aspect(&urn, aspect_name);
    if !aspect.is_object() {
        aspect = json!({});
    }
    aspect["name"] = json!(name);
    writer.put(&urn, aspect_name, aspect);
    Ok(json!(true))
}

fn add_link(writer: &mut Writer, call: &Call<'_>) -> Done {
    let (urn, url) = (call.text("resourceUrn"), call.text("linkUrl"));
    if !exists(writer, &urn) {
        return Err(ApiError::bad_request(format!(
            "Failed to change institutional memory for resource {urn}. Resource does not exist."
        )));
    }
    if url::Url::parse(&url).is_err() {
        return Err(ApiError::bad_request(format!(
            "Failed to change institutional memory for resource {urn}. Expected an url, but got \
             {url}"
        )));
    }
    let stamp = writer.stamp();
    let mut aspect = writer.aspect(&urn, "institutionalMemory");
    let link = json!({
        "url": url, "description": call.text("label"), "createStamp": stamp,
        "settings": call.input.get("settings"),
    });
    list_mut(&mut aspect, "elements")?.push(link);
    writer.put(&urn, "institutionalMemory", aspect);
    Ok(json!(true))
}

fn remove_link(writer: &mut Writer, call: &Call<'_>) -> Done {
    let (urn, url, label) = (
        call.text("resourceUrn"),
        call.text("linkUrl"),
        call.opt("label"),
    );
    let mut aspect = writer.aspect(&urn, "institutionalMemory");
    list_mut(&mut aspect, "elements")?.retain(|link| {
        let labelled = label
            .as_ref()
            .is_none_or(|label| link["description"] == label.as_str());
        !(link["url"] == url.as_str() && labelled)
    });
    writer.put(&urn, "institutionalMemory", aspect);
    Ok(json!(true))
}

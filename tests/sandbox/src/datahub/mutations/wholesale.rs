//! `updateDataset` and similar mutations, which replace parts of an entity as a whole.

use serde_json::{Value, json};

use super::{Call, Done, exists};
use crate::datahub::error::ApiError;
use crate::datahub::hub::Writer;
use crate::datahub::kinds::urn_type;
use crate::datahub::resolvers::editable_aspect;

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(writer: &mut Writer, call: &Call<'_>) -> Option<Done> {
    let part = match call.field {
        "updateDataset" => "dataset",
        "updateChart" => "chart",
        "updateDashboard" => "dashboard",
        "updateDataFlow" => "dataFlow",
        "updateDataJob" => "dataJob",
        _ => return None,
    };
    Some(update(writer, call, part))
}

fn list(value: &Value, name: &str) -> Vec<Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// The tags of an update, in the form of the aspect.
fn tags(update: &Value) -> Value {
    let tags = list(update, "tags");
    json!({ "tags": tags.iter().map(|tag| json!({ "tag": tag["tag"]["urn"] })).collect::<Value>() })
}

fn update(writer: &mut Writer, call: &Call<'_>, part: &str) -> Done {
    let urn = &call.urn;
    if urn_type(urn) != Some(part) || !exists(writer, urn) {
        return Err(ApiError::bad_request(format!(
            "Failed to update {urn}. {urn} does not exist."
        )));
    }
    let given = |name: &str| call.input.get(name).filter(|value| value.is_object());
    let stamp = writer.stamp();
    if let (Some(properties), Some(name)) = (given("editableProperties"), editable_aspect(part)) {
        // Members that are not given are removed, as in DataHub.
        let mut aspect = json!({ "created": stamp });
        for (member, value) in properties.as_object().into_iter().flatten() {
            aspect[member.as_str()] = value.clone();
        }
        aspect["lastModified"] = stamp.clone();
        writer.put(urn, name, aspect);
    }
    if let Some(update) = given("tags").or_else(|| given("globalTags")) {
        writer.put(urn, "globalTags", tags(update));
    }
    if let Some(update) = given("ownership") {
        let owners: Value = list(update, "owners")
            .iter()
            .map(|owner| {
                json!({
                    "owner": owner["owner"],
                    "type": owner.get("type").cloned().unwrap_or(json!("NONE")),
                    "typeUrn": owner.get("ownershipTypeUrn"),
                    "source": { "type": "MANUAL" },
                })
            })
            .collect();
        writer.put(
            urn,
            "ownership",
            json!({ "owners": owners, "lastModified": stamp }),
        );
    }
    if let Some(update) = given("institutionalMemory") {
        let elements: Value = list(update, "elements")
            .iter()
            .map(|link| {
                let created = json!({
                    "actor": link["author"],
                    "time": link.get("createdAt").filter(|at| !at.is_null()).unwrap_or(&stamp["time"]),
                });
                json!({
                    "url": link["url"], "description": link.get("description"),
                    "createStamp": created,
                })
            })
            .collect();
        writer.put(urn, "institutionalMemory", json!({ "elements": elements }));
    }
    if let Some(update) = given("deprecation") {
        let aspect = json!({
            "deprecated": update["deprecated"], "note": update["note"], "actor": writer.actor,
            "decommissionTime": update.get("decommissionTime"),
        });
        writer.put(urn, "deprecation", aspect);
    }
    if let Some(update) = given("editableSchemaMetadata") {
        let columns: Value = list(update, "editableSchemaFieldInfo")
            .iter()
            .map(|column| {
                let mut info = json!({
                    "fieldPath": column["fieldPath"], "description": column.get("description"),
                });
                if let Some(update) = column.get("globalTags").filter(|tags| tags.is_object()) {
                    info["globalTags"] = tags(update);
                }
                info
            })
            .collect();
        let aspect = json!({
            "editableSchemaFieldInfo": columns, "created": stamp, "lastModified": stamp,
        });
        writer.put(urn, "editableSchemaMetadata", aspect);
    }
    Ok(json!(urn))
}

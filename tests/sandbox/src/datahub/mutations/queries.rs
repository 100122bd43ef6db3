//! Saved SQL queries.

use serde_json::{Value, json};

use super::{Call, Done, exists, new_id};
use crate::datahub::error::ApiError;
use crate::datahub::hub::Writer;

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(writer: &mut Writer, call: &Call<'_>) -> Option<Done> {
    Some(match call.field {
        "createQuery" => create(writer, call),
        "updateQuery" => update(writer, call),
        "deleteQuery" => {
            writer.remove(&call.urn);
            Ok(json!(true))
        }
        _ => return None,
    })
}

fn subjects(writer: &Writer, call: &Call<'_>) -> Result<Value, ApiError> {
    let mut subjects = Vec::new();
    for subject in call.objects("subjects") {
        let urn = subject["datasetUrn"].as_str().unwrap_or_default();
        if !exists(writer, urn) {
            return Err(ApiError::bad_request(format!(
                "Dataset with urn {urn} does not exist."
            )));
        }
        subjects.push(json!({ "entity": urn }));
    }
    Ok(json!({ "subjects": subjects }))
}

fn create(writer: &mut Writer, call: &Call<'_>) -> Done {
    let subjects = subjects(writer, call)?;
    let given = call.input.get("properties").cloned().unwrap_or_default();
    let stamp = writer.stamp();
    let properties = json!({
        "statement": given["statement"], "source": "MANUAL", "name": given["name"],
        "description": given["description"], "created": stamp, "lastModified": stamp,
    });
    let urn = format!("urn:li:query:{}", new_id());
    writer.put(&urn, "queryProperties", properties);
    writer.put(&urn, "querySubjects", subjects);
    Ok(json!(urn))
}

fn update(writer: &mut Writer, call: &Call<'_>) -> Done {
    let mut properties = writer.aspect(&call.urn, "queryProperties");
    if !properties.is_object() {
        return Err(ApiError::bad_request(format!(
            "Query with urn {} does not exist.",
            call.urn
        )));
    }
    let given = call.input.get("properties").cloned().unwrap_or_default();
    for name in ["statement", "name", "description"] {
        if let Some(value) = given.get(name).filter(|value| !value.is_null()) {
            properties[name] = value.clone();
        }
    }
    properties["lastModified"] = writer.stamp();
    writer.put(&call.urn, "queryProperties", properties);
    if call.input.get("subjects").is_some_and(Value::is_array) {
        let subjects = subjects(writer, call)?;
        writer.put(&call.urn, "querySubjects", subjects);
    }
    Ok(json!(call.urn))
}

//! Incidents, assertions with their results, reported operations.

use serde_json::{Value, json};

use super::{Call, Done, exists, list_mut, new_id};
use crate::datahub::error::ApiError;
use crate::datahub::hub::Writer;
use crate::datahub::kinds::column_urn;
use crate::datahub::time::now_millis;

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(writer: &mut Writer, call: &Call<'_>) -> Option<Done> {
    Some(match call.field {
        "raiseIncident" => raise(writer, call),
        "updateIncidentStatus" => update_status(writer, call),
        "upsertCustomAssertion" => upsert_assertion(writer, call),
        "reportAssertionResult" => report_result(writer, call),
        "reportOperation" => report_operation(writer, call),
        _ => return None,
    })
}

fn raise(writer: &mut Writer, call: &Call<'_>) -> Done {
    let mut entities = call.texts("resourceUrns");
    entities.extend(call.opt("resourceUrn"));
    if entities.is_empty() {
        return Err(ApiError::bad_request(
            "At least 1 resource urn must be defined to raise an incident.",
        ));
    }
    if let Some(missing) = entities.iter().find(|urn| !exists(writer, urn)) {
        return Err(ApiError::bad_request(format!(
            "Failed to raise incident. Resource with urn {missing} does not exist."
        )));
    }
    let urn = format!("urn:li:incident:{}", new_id());
    let stamp = writer.stamp();
    let priority = match call.opt("priority").as_deref() {
        Some("CRITICAL") => json!(0),
        Some("HIGH") => json!(1),
        Some("MEDIUM") => json!(2),
        Some("LOW") => json!(3),
        _ => Value::Null,
    };
    let assignees: Value = call
        .texts("assigneeUrns")
        .iter()
        .map(|actor| json!({ "actor": actor, "assignedAt": stamp }))
        .collect();
    let given = call.input.get("status").cloned().unwrap_or_default();
    let info = json!({
        "type": call.text("type"),
        "customType": call.opt("customType"),
        "title": call.opt("title"),
        "description": call.opt("description"),
        "entities": entities,
        "priority": priority,
        "assignees": assignees,
        "source": { "type": "MANUAL" },
        "startedAt": call.input.get("startedAt"),
        "created": stamp,
        "status": status(&given, &stamp),
    });
    writer.put(&urn, "incidentInfo", info);
    for entity in &entities {
        summarize(writer, entity)?;
    }
    Ok(json!(urn))
}

fn status(given: &Value, stamp: &Value) -> Value {
    let member = |name: &str| given.get(name).filter(|value| !value.is_null()).cloned();
    json!({
        "state": member("state").unwrap_or(json!("ACTIVE")),
        "stage": member("stage"),
        "message": member("message"),
        "lastUpdated": stamp,
    })
}

fn update_status(writer: &mut Writer, call: &Call<'_>) -> Done {
    let mut info = writer.aspect(&call.urn, "incidentInfo");
    if !info.is_object() {
        return Err(ApiError::not_found(
            "Failed to update incident. Incident does not exist.",
        ));
    }
    info["status"] = status(&call.input, &writer.stamp());
    let entities = super::strings(info.get("entities"));
    writer.put(&call.urn, "incidentInfo", info);
    for entity in &entities {
        summarize(writer, entity)?;
    }
    Ok(json!(true))
}

/// Updates the summary of incidents that DataHub keeps on the entity, which filters use.
fn summarize(writer: &mut Writer, entity: &str) -> Result<(), ApiError> {
    let incidents: Vec<(String, Value)> = writer
        .catalog
        .records()
        .filter(|record| &*record.entity_type == "incident")
        .filter_map(|record| {
            Some((
                record.urn.to_string(),
                record.aspect("incidentInfo")?.clone(),
            ))
        })
        .filter(|(_, info)| {
            super::strings(info.get("entities"))
                .iter()
                .any(|urn| urn == entity)
        })
        .collect();
    let mut summary = json!({});
    for (list, state) in [
        ("activeIncidentDetails", "ACTIVE"),
        ("resolvedIncidentDetails", "RESOLVED"),
    ] {
        let details = list_mut(&mut summary, list)?;
        for (urn, info) in incidents
            .iter()
            .filter(|(_, info)| info["status"]["state"] == state)
        {
            details.push(json!({
                "urn": urn, "type": info["type"], "createdAt": info["created"]["time"],
                "priority": info["priority"],
            }));
        }
    }
    writer.put(entity, "incidentsSummary", summary);
    Ok(())
}

fn upsert_assertion(writer: &mut Writer, call: &Call<'_>) -> Done {
    let entity = call.text("entityUrn");
    if !exists(writer, &entity) {
        return Err(ApiError::bad_request(format!(
            "Entity with urn {entity} does not exist."
        )));
    }
    let given = Some(call.urn.clone()).filter(|urn| !urn.is_empty());
    let urn = given.unwrap_or_else(|| format!("urn:li:assertion:{}", new_id()));
    let field = call.opt("fieldPath").map(|path| column_urn(&entity, &path));
    let stamp = writer.stamp();
    let info = json!({
        "type": "CUSTOM",
        "description": call.text("description"),
        "externalUrl": call.opt("externalUrl"),
        "customAssertion": {
            "type": call.text("type"), "entity": entity, "field": field, "logic": call.opt("logic"),
        },
        "source": { "type": "EXTERNAL", "created": stamp },
        "lastUpdated": stamp,
    });
    writer.put(&urn, "assertionInfo", info);
    let platform = call.input.get("platform").cloned().unwrap_or_default();
    let platform = platform["urn"].as_str().map_or_else(
        || {
            format!(
                "urn:li:dataPlatform:{}",
                platform["name"].as_str().unwrap_or("datahub")
            )
        },
        str::to_owned,
    );
    writer.put(
        &urn,
        "dataPlatformInstance",
        json!({ "platform": platform }),
    );
    Ok(json!(urn))
}

/// `[{"key": k, "value": v}]` as `{k: v}`.
fn entries(list: Option<&Value>) -> Value {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    let pairs = list.filter_map(|entry| {
        Some((
            entry.get("key")?.as_str()?.to_owned(),
            entry["value"].clone(),
        ))
    });
    Value::Object(pairs.collect())
}

fn report_result(writer: &mut Writer, call: &Call<'_>) -> Done {
    let info = writer.aspect(&call.urn, "assertionInfo");
    if !info.is_object() {
        return Err(ApiError::bad_request(format!(
            "Failed to report Assertion Run Event. Assertion with urn {} does not exist or is not \
             associated with any entity.",
            call.urn
        )));
    }
    let given = call.arguments.get("result");
    let kind = given["type"].as_str().unwrap_or("SUCCESS");
    let error = given.get("error").filter(|error| !error.is_null()).map(
        |error| json!({ "type": error["type"], "properties": { "message": error["message"] } }),
    );
    let at = given["timestampMillis"].as_u64().unwrap_or_else(now_millis);
    let assertee = [
        "customAssertion",
        "freshnessAssertion",
        "volumeAssertion",
        "sqlAssertion",
    ]
    .iter()
    .find_map(|name| info[*name].get("entity").cloned())
    .or_else(|| info["datasetAssertion"].get("dataset").cloned());
    let event = json!({
        "timestampMillis": at,
        "assertionUrn": call.urn,
        "asserteeUrn": assertee,
        "runId": format!("native-{}", new_id()),
        "status": "COMPLETE",
        "result": {
            "type": kind, "severity": given.get("severity"), "externalUrl": given.get("externalUrl"),
            "nativeResults": entries(given.get("properties")), "error": error,
        },
    });
    writer.put(&call.urn, "assertionRunEvent", event);
    Ok(json!(true))
}

fn report_operation(writer: &mut Writer, call: &Call<'_>) -> Done {
    let urn = call.text("urn");
    if !exists(writer, &urn) {
        return Err(ApiError::bad_request(format!(
            "Dataset with urn {urn} does not exist."
        )));
    }
    let at = call.input["timestampMillis"]
        .as_u64()
        .unwrap_or_else(now_millis);
    let operation = json!({
        "timestampMillis": now_millis(),
        "lastUpdatedTimestamp": at,
        "actor": writer.actor,
        "operationType": call.text("operationType"),
        "customOperationType": call.opt("customOperationType"),
        "sourceType": call.text("sourceType"),
        "numAffectedRows": call.input.get("numAffectedRows"),
        "partitionSpec": { "partition": call.opt("partition"), "type": "PARTITION" },
        "customProperties": entries(call.input.get("customProperties")),
    });
    writer.put(&urn, "operation", operation);
    Ok(json!("true"))
}

//! Values of structured properties, checked against the property's definition.

use serde_json::{Value, json};

use super::{Call, Done, exists, list_mut, strings};
use crate::datahub::error::ApiError;
use crate::datahub::hub::Writer;
use crate::datahub::kinds::urn_type;

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(writer: &mut Writer, call: &Call<'_>) -> Option<Done> {
    Some(match call.field {
        "upsertStructuredProperties" => upsert(writer, call),
        "removeStructuredProperties" => remove(writer, call),
        _ => return None,
    })
}

fn asset(writer: &Writer, call: &Call<'_>) -> Result<String, ApiError> {
    let urn = call.text("assetUrn");
    if exists(writer, &urn) {
        return Ok(urn);
    }
    Err(ApiError::bad_request(
        "Asset with provided urn does not exist",
    ))
}

fn upsert(writer: &mut Writer, call: &Call<'_>) -> Done {
    let urn = asset(writer, call)?;
    let mut aspect = writer.aspect(&urn, "structuredProperties");
    let stamp = writer.stamp();
    for given in call.objects("structuredPropertyInputParams") {
        let property = given["structuredPropertyUrn"].as_str().unwrap_or_default();
        let values: Vec<Value> = given["values"]
            .as_array()
            .into_iter()
            .flatten()
            .map(
                |value| match value.get("numberValue").filter(|number| !number.is_null()) {
                    Some(number) => json!({ "double": number }),
                    None => json!({ "string": value.get("stringValue") }),
                },
            )
            .collect();
        check(writer, &urn, property, &values)?;
        let list = list_mut(&mut aspect, "properties")?;
        let known = list.iter().position(|item| item["propertyUrn"] == property);
        let created = known.map_or(stamp.clone(), |at| list[at]["created"].clone());
        let item = json!({
            "propertyUrn": property, "values": values, "created": created, "lastModified": stamp,
        });
        match known {
            Some(at) => list[at] = item,
            None => list.push(item),
        }
    }
    writer.put(&urn, "structuredProperties", aspect.clone());
    Ok(answer(aspect, &urn))
}

fn remove(writer: &mut Writer, call: &Call<'_>) -> Done {
    let urn = asset(writer, call)?;
    let gone = call.texts("structuredPropertyUrns");
    let mut aspect = writer.aspect(&urn, "structuredProperties");
    list_mut(&mut aspect, "properties")?
        .retain(|item| !gone.iter().any(|urn| item["propertyUrn"] == urn.as_str()));
    writer.put(&urn, "structuredProperties", aspect.clone());
    Ok(answer(aspect, &urn))
}

/// The properties, each with the entity that has it.
fn answer(mut aspect: Value, urn: &str) -> Value {
    for item in aspect["properties"].as_array_mut().into_iter().flatten() {
        item["associatedUrn"] = json!(urn);
    }
    aspect
}

/// The checks of DataHub's validator of structured properties.
fn check(writer: &Writer, asset: &str, property: &str, values: &[Value]) -> Result<(), ApiError> {
    let definition = writer.aspect(property, "propertyDefinition");
    if !definition.is_object() {
        return Err(ApiError::bad_request(format!(
            "Unexpected null value found. Property definition is null for {property}"
        )));
    }
    let refuse = |what: String| Err(ApiError::bad_request(what));
    let part = urn_type(asset).unwrap_or_default();
    let applies = strings(definition.get("entityTypes"));
    if !applies
        .iter()
        .any(|entity| entity.ends_with(&format!("datahub.{part}")))
    {
        return refuse(format!(
            "Property: {property} is not supported for entity type {part}"
        ));
    }
    if definition["cardinality"] != "MULTIPLE" && values.len() > 1 {
        return refuse(format!(
            "Property: {property} has cardinality 1, but multiple values were assigned: {}",
            json!(values)
        ));
    }
    let value_type = definition["valueType"].as_str().unwrap_or_default();
    let allowed: Vec<&Value> = definition["allowedValues"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|a| &a["value"])
        .collect();
    for value in values {
        let shown = value
            .as_object()
            .and_then(|map| map.values().next())
            .cloned()
            .unwrap_or_default();
        let is_number = value.get("double").is_some();
        if value_type.ends_with("datahub.number") && !is_number {
            return refuse(format!(
                "Property: {property}, value: {shown} should be a number"
            ));
        }
        if !value_type.ends_with("datahub.number") && is_number {
            return refuse(format!(
                "Property: {property}, value: {shown} should be a string"
            ));
        }
        if value_type.ends_with("datahub.urn")
            && urn_type(shown.as_str().unwrap_or_default()).is_none()
        {
            return refuse(format!(
                "Property: {property}, value: {shown} should be an urn"
            ));
        }
        let number = |value: &Value| value.get("double").and_then(Value::as_f64);
        let fits = |allowed: &&Value| {
            **allowed == *value || (is_number && number(allowed) == number(value))
        };
        if !allowed.is_empty() && !allowed.iter().any(fits) {
            let names: Vec<_> = allowed
                .iter()
                .filter_map(|a| a.as_object()?.values().next())
                .collect();
            return refuse(format!(
                "Property: {property}, value: {shown} should be one of {}",
                json!(names)
            ));
        }
    }
    Ok(())
}

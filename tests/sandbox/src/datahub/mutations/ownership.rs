//! Owners.

use serde_json::{Value, json};

use super::{Call, Done, exists, list_mut};
use crate::datahub::error::ApiError;
use crate::datahub::hub::Writer;
use crate::datahub::kinds::urn_type;

/// The ownership type of an owner that is added without one.
const NO_TYPE: &str = "urn:li:ownershipType:__system__none";

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(writer: &mut Writer, call: &Call<'_>) -> Option<Done> {
    Some(match call.field {
        "addOwner" => add(writer, call, std::slice::from_ref(&call.input)),
        "addOwners" | "batchAddOwners" => add(writer, call, &call.objects("owners")),
        "removeOwner" => remove(writer, call, &[call.text("ownerUrn")]),
        "batchRemoveOwners" => remove(writer, call, &call.texts("ownerUrns")),
        _ => return None,
    })
}

fn add(writer: &mut Writer, call: &Call<'_>, owners: &[Value]) -> Done {
    let mut new = Vec::new();
    for owner in owners {
        new.push(read(writer, call, owner)?);
    }
    let resources = call.resources();
    for resource in &resources {
        resource.check(writer)?;
    }
    for resource in &resources {
        put(writer, &resource.urn, &new)?;
    }
    Ok(json!(true))
}

/// Adds owners to an entity, without duplicates of a person with the same type.
pub(super) fn put(writer: &mut Writer, urn: &str, owners: &[Value]) -> Result<(), ApiError> {
    let mut aspect = writer.aspect(urn, "ownership");
    let list = list_mut(&mut aspect, "owners")?;
    for owner in owners {
        let same =
            |item: &Value| item["owner"] == owner["owner"] && item["typeUrn"] == owner["typeUrn"];
        if !list.iter().any(same) {
            list.push(owner.clone());
        }
    }
    aspect["lastModified"] = writer.stamp();
    writer.put(urn, "ownership", aspect);
    Ok(())
}

/// An `OwnerInput` as a member of the aspect, checked.
pub(super) fn read(writer: &Writer, call: &Call<'_>, owner: &Value) -> Result<Value, ApiError> {
    let text = |name: &str| owner.get(name).and_then(Value::as_str);
    let urn = text("ownerUrn").unwrap_or_default();
    let wanted = if text("ownerEntityType") == Some("CORP_GROUP") {
        "corpGroup"
    } else {
        "corpuser"
    };
    if urn_type(urn) != Some(wanted) {
        let expected = if wanted == "corpuser" {
            "user"
        } else {
            "group"
        };
        return Err(ApiError::bad_request(format!(
            "Failed to change ownership for resource(s). Expected a corp {expected}, found {urn}"
        )));
    }
    if !exists(writer, urn) {
        return Err(ApiError::bad_request(format!(
            "Failed to change ownership for resource(s). Owner with urn {urn} does not exist."
        )));
    }
    let of_type = text("ownershipTypeUrn")
        .map(str::to_owned)
        .or_else(|| call.opt("ownershipTypeUrn"));
    if let Some(of_type) = &of_type
        && !exists(writer, of_type)
    {
        return Err(ApiError::bad_request(format!(
            "Failed to change ownership for resource(s). Custom Ownership type with urn \
                 {of_type} does not exist."
        )));
    }
    let enum_type = text("type").unwrap_or("NONE");
    let of_type = of_type.unwrap_or_else(|| match enum_type {
        "TECHNICAL_OWNER" | "BUSINESS_OWNER" | "DATA_STEWARD" => {
            format!(
                "urn:li:ownershipType:__system__{}",
                enum_type.to_lowercase()
            )
        }
        _ => NO_TYPE.to_owned(),
    });
    let enum_type = match of_type.strip_prefix("urn:li:ownershipType:__system__") {
        Some(id) => id.to_uppercase(),
        None => "CUSTOM".to_owned(),
    };
    Ok(json!({
        "owner": urn, "type": enum_type, "typeUrn": of_type, "source": { "type": "MANUAL" },
    }))
}

fn remove(writer: &mut Writer, call: &Call<'_>, owners: &[String]) -> Done {
    let of_type = call.opt("ownershipTypeUrn");
    let resources = call.resources();
    for resource in &resources {
        resource.check(writer)?;
    }
    for resource in &resources {
        let mut aspect = writer.aspect(&resource.urn, "ownership");
        list_mut(&mut aspect, "owners")?.retain(|item| {
            let named = owners.iter().any(|owner| item["owner"] == owner.as_str());
            let typed = of_type
                .as_ref()
                .is_none_or(|of_type| item["typeUrn"] == of_type.as_str());
            !(named && typed)
        });
        aspect["lastModified"] = writer.stamp();
        writer.put(&resource.urn, "ownership", aspect);
    }
    Ok(json!(true))
}

//! The place and state of an entity: domain, data product, deprecation, removal.

use serde_json::{Value, json};

use super::{Call, Done, Resource, exists, list_mut};
use crate::datahub::error::ApiError;
use crate::datahub::hub::Writer;
use crate::datahub::kinds::column_urn;

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(writer: &mut Writer, call: &Call<'_>) -> Option<Done> {
    Some(match call.field {
        "setDomain" => {
            let urn = call.arguments.text("entityUrn");
            set_domain(writer, &[urn], Some(&call.arguments.text("domainUrn")))
        }
        "unsetDomain" => set_domain(writer, &[call.arguments.text("entityUrn")], None),
        "batchSetDomain" => {
            let urns: Vec<String> = call.resources().into_iter().map(|r| r.urn).collect();
            set_domain(writer, &urns, call.opt("domainUrn").as_deref())
        }
        "batchSetDataProduct" => set_product(writer, call),
        "updateDeprecation" => {
            let resource = Resource {
                urn: call.text("urn"),
                column: call.opt("subResource"),
                column_type: call.opt("subResourceType"),
            };
            deprecate(writer, call, &[resource])
        }
        "batchUpdateDeprecation" => deprecate(writer, call, &call.resources()),
        "batchUpdateSoftDeleted" => soft_delete(writer, call),
        _ => return None,
    })
}

fn set_domain(writer: &mut Writer, urns: &[String], domain: Option<&str>) -> Done {
    if let Some(domain) = domain
        && (!domain.starts_with("urn:li:domain:") || !exists(writer, domain))
    {
        return Err(ApiError::bad_request(format!(
            "Failed to add Entity to Domain with urn {domain}. Domain does not exist."
        )));
    }
    for urn in urns {
        if !exists(writer, urn) {
            return Err(ApiError::bad_request(format!(
                "Failed to update resource with urn {urn}. Entity does not exist."
            )));
        }
    }
    let domains: Vec<&str> = domain.into_iter().collect();
    for urn in urns {
        writer.put(urn, "domains", json!({ "domains": domains }));
    }
    Ok(json!(true))
}

fn set_product(writer: &mut Writer, call: &Call<'_>) -> Done {
    let urns = call.texts("resourceUrns");
    let product = call.opt("dataProductUrn");
    for urn in urns.iter().chain(&product) {
        if !exists(writer, urn) {
            return Err(ApiError::bad_request(format!(
                "Entity with urn {urn} does not exist."
            )));
        }
    }
    let products: Vec<String> = writer
        .catalog
        .records()
        .filter(|record| &*record.entity_type == "dataProduct")
        .map(|record| record.urn.to_string())
        .collect();
    for other in products {
        let mut aspect = writer.aspect(&other, "dataProductProperties");
        if aspect.is_null() {
            continue;
        }
        let chosen = product.as_ref() == Some(&other);
        let assets = list_mut(&mut aspect, "assets")?;
        let before = assets.clone();
        assets.retain(|asset| {
            !urns
                .iter()
                .any(|urn| asset["destinationUrn"] == urn.as_str())
        });
        if chosen {
            assets.extend(urns.iter().map(|urn| json!({ "destinationUrn": urn })));
        }
        if *assets != before {
            writer.put(&other, "dataProductProperties", aspect);
        }
    }
    Ok(json!(true))
}

fn deprecate(writer: &mut Writer, call: &Call<'_>, resources: &[Resource]) -> Done {
    for resource in resources {
        if !exists(writer, &resource.urn) {
            return Err(ApiError::bad_request(format!(
                "Failed to update deprecation for Entity {}. Entity does not exist.",
                resource.urn
            )));
        }
    }
    for resource in resources {
        let urn = match &resource.column {
            Some(column) => column_urn(&resource.urn, column),
            None => resource.urn.clone(),
        };
        let aspect = json!({
            "deprecated": call.input.get("deprecated").and_then(Value::as_bool).unwrap_or(false),
            "decommissionTime": call.input.get("decommissionTime"),
            "note": call.text("note"),
            "actor": writer.actor,
            "replacement": call.input.get("replacement"),
        });
        writer.put(&urn, "deprecation", aspect);
    }
    Ok(json!(true))
}

fn soft_delete(writer: &mut Writer, call: &Call<'_>) -> Done {
    let deleted = call
        .input
        .get("deleted")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let urns = call.texts("urns");
    for urn in &urns {
        if !exists(writer, urn) {
            return Err(ApiError::bad_request(format!(
                "Failed to soft delete entity with urn {urn}. Entity does not exist."
            )));
        }
    }
    for urn in &urns {
        writer.put(urn, "status", json!({ "removed": deleted }));
    }
    Ok(json!(true))
}

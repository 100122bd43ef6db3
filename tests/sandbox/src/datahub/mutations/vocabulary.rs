//! The vocabulary of a catalog: tags, domains, data products, glossary, ownership types, structured
//! properties.

use serde_json::{Value, json};

use super::{Call, Done, exists, new_id, ownership};
use crate::datahub::error::ApiError;
use crate::datahub::hub::Writer;

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(writer: &mut Writer, call: &Call<'_>) -> Option<Done> {
    Some(match call.field {
        "createTag" => create_tag(writer, call),
        "setTagColor" => tag_color(writer, call),
        "deleteTag" | "deleteDomain" => delete(writer, call),
        "createDomain" => create_domain(writer, call),
        "createDataProduct" => create_product(writer, call),
        "createGlossaryTerm" => create_glossary(writer, call, "glossaryTerm"),
        "createGlossaryNode" => create_glossary(writer, call, "glossaryNode"),
        "createOwnershipType" => create_ownership_type(writer, call),
        "createStructuredProperty" => create_property(writer, call),
        "updateUserStatus" => user_status(writer, call),
        _ => return None,
    })
}

/// Makes the creator the owner, as DataHub does.
fn own(writer: &mut Writer, call: &Call<'_>, urn: &str) -> Result<(), ApiError> {
    let given = call.objects("owners");
    let owners: Vec<Value> = if given.is_empty() {
        vec![json!({
            "owner": writer.actor, "type": "TECHNICAL_OWNER",
            "typeUrn": "urn:li:ownershipType:__system__technical_owner",
            "source": { "type": "MANUAL" },
        })]
    } else {
        given
            .iter()
            .map(|one| ownership::read(writer, call, one))
            .collect::<Result<_, _>>()?
    };
    ownership::put(writer, urn, &owners)
}

fn new_urn(call: &Call<'_>, part: &str) -> String {
    let id = call
        .opt("id")
        .filter(|id| !id.is_empty())
        .unwrap_or_else(new_id);
    format!("urn:li:{part}:{id}")
}

fn taken(writer: &Writer, urn: &str, what: &str) -> Result<(), ApiError> {
    if exists(writer, urn) {
        return Err(ApiError::bad_request(format!(
            "This {what} already exists!"
        )));
    }
    Ok(())
}

fn create_tag(writer: &mut Writer, call: &Call<'_>) -> Done {
    let urn = new_urn(call, "tag");
    taken(writer, &urn, "Tag")?;
    let properties = json!({ "name": call.text("name"), "description": call.opt("description") });
    writer.put(&urn, "tagProperties", properties);
    own(writer, call, &urn)?;
    Ok(json!(urn))
}

fn tag_color(writer: &mut Writer, call: &Call<'_>) -> Done {
    if !exists(writer, &call.urn) {
        return Err(ApiError::bad_request(format!(
            "Failed to set Tag {} color. Tag does not exist.",
            call.urn
        )));
    }
    let mut properties = writer.aspect(&call.urn, "tagProperties");
    properties["colorHex"] = json!(call.arguments.text("colorHex"));
    writer.put(&call.urn, "tagProperties", properties);
    Ok(json!(true))
}

fn delete(writer: &mut Writer, call: &Call<'_>) -> Done {
    let has_children = writer
        .catalog
        .graph()
        .incoming(&call.urn)
        .iter()
        .any(|edge| edge.kind == "IsPartOf" && edge.other.starts_with("urn:li:domain:"));
    if call.field == "deleteDomain" && has_children {
        return Err(ApiError::bad_request(format!(
            "Cannot delete domain {} which has child domains",
            call.urn
        )));
    }
    writer.remove(&call.urn);
    Ok(json!(true))
}

fn create_domain(writer: &mut Writer, call: &Call<'_>) -> Done {
    let urn = new_urn(call, "domain");
    taken(writer, &urn, "Domain")?;
    let (name, parent) = (call.text("name"), call.opt("parentDomain"));
    if let Some(parent) = parent.as_ref().filter(|parent| !exists(writer, parent)) {
        return Err(ApiError::bad_request(format!(
            "Parent Domain {parent} does not exist!"
        )));
    }
    let same = writer.catalog.records().any(|record| {
        record.text("domainProperties", &["name"]) == Some(&name)
            && record.text("domainProperties", &["parentDomain"]) == parent.as_deref()
    });
    if same {
        let place = if parent.is_some() {
            "in this Domain"
        } else {
            "at the root level"
        };
        return Err(ApiError::bad_request(format!(
            "\"{name}\" already exists {place}. Please pick a unique name."
        )));
    }
    let properties = json!({
        "name": name, "description": call.opt("description"), "created": writer.stamp(),
        "parentDomain": parent,
    });
    writer.put(&urn, "domainProperties", properties);
    own(writer, call, &urn)?;
    Ok(json!(urn))
}

fn create_product(writer: &mut Writer, call: &Call<'_>) -> Done {
    let urn = new_urn(call, "dataProduct");
    taken(writer, &urn, "Data Product")?;
    let domain = call.text("domainUrn");
    if !exists(writer, &domain) {
        return Err(ApiError::bad_request("The Domain provided does not exist"));
    }
    let given = |name: &str| call.input["properties"].get(name).cloned();
    let properties = json!({ "name": given("name"), "description": given("description") });
    writer.put(&urn, "dataProductProperties", properties);
    writer.put(&urn, "domains", json!({ "domains": [domain] }));
    own(writer, call, &urn)?;
    Ok(json!(urn))
}

fn create_glossary(writer: &mut Writer, call: &Call<'_>, part: &str) -> Done {
    let urn = new_urn(call, part);
    let (what, aspect) = match part {
        "glossaryTerm" => ("Glossary Term", "glossaryTermInfo"),
        _ => ("Glossary Node", "glossaryNodeInfo"),
    };
    taken(writer, &urn, what)?;
    let (name, parent) = (call.text("name"), call.opt("parentNode"));
    let same = writer.catalog.records().any(|record| {
        record.text(aspect, &["name"]) == Some(&name)
            && record.text(aspect, &["parentNode"]) == parent.as_deref()
    });
    if same {
        return Err(ApiError::bad_request(
            "Glossary Term with this name already exists at this level of the Business Glossary. \
             Please pick a unique name.",
        ));
    }
    let info = json!({
        "name": name, "definition": call.text("description"), "termSource": "INTERNAL",
        "parentNode": parent,
    });
    writer.put(&urn, aspect, info);
    own(writer, call, &urn)?;
    Ok(json!(urn))
}

fn create_ownership_type(writer: &mut Writer, call: &Call<'_>) -> Done {
    let urn = format!("urn:li:ownershipType:{}", new_id());
    let stamp = writer.stamp();
    let info = json!({
        "name": call.text("name"), "description": call.text("description"),
        "created": stamp, "lastModified": stamp,
    });
    writer.put(&urn, "ownershipTypeInfo", info);
    Ok(json!(urn))
}

fn create_property(writer: &mut Writer, call: &Call<'_>) -> Done {
    let id = call
        .opt("id")
        .or_else(|| call.opt("qualifiedName"))
        .unwrap_or_else(new_id);
    let urn = format!("urn:li:structuredProperty:{id}");
    if exists(writer, &urn) {
        return Err(ApiError::bad_request(
            "A structured property already exists with this urn",
        ));
    }
    let allowed: Vec<Value> = call
        .objects("allowedValues")
        .iter()
        .map(|value| {
            let inner = match value.get("numberValue").filter(|number| !number.is_null()) {
                Some(number) => json!({ "double": number }),
                None => json!({ "string": value.get("stringValue") }),
            };
            json!({ "value": inner, "description": value.get("description") })
        })
        .collect();
    let qualifier = call
        .input
        .get("typeQualifier")
        .filter(|qualifier| !qualifier.is_null());
    let definition = json!({
        "qualifiedName": call.opt("qualifiedName").unwrap_or(id),
        "displayName": call.opt("displayName"),
        "description": call.opt("description"),
        "immutable": call.input.get("immutable").and_then(Value::as_bool).unwrap_or(false),
        "valueType": call.text("valueType"),
        "typeQualifier": qualifier,
        "allowedValues": if allowed.is_empty() { Value::Null } else { json!(allowed) },
        "cardinality": call.opt("cardinality").unwrap_or_else(|| "SINGLE".to_owned()),
        "entityTypes": call.texts("entityTypes"),
        "created": writer.stamp(),
        "lastModified": writer.stamp(),
    });
    writer.put(&urn, "propertyDefinition", definition);
    Ok(json!(urn))
}

fn user_status(writer: &mut Writer, call: &Call<'_>) -> Done {
    let status = call.arguments.text("status");
    let aspect = json!({ "status": status, "lastModified": writer.stamp() });
    writer.put(&call.urn, "corpUserStatus", aspect);
    Ok(json!(status))
}

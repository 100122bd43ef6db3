//! Documents.

use serde_json::{Value, json};

use super::{Call, Done, exists, new_id, ownership};
use crate::datahub::error::ApiError;
use crate::datahub::hub::Writer;

/// The type of a document without one.
const DEFAULT_STATE: &str = "PUBLISHED";

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(writer: &mut Writer, call: &Call<'_>) -> Option<Done> {
    let urn = if call.urn.is_empty() {
        call.text("urn")
    } else {
        call.urn.clone()
    };
    let known = exists(writer, &urn);
    let done = match call.field {
        "createDocument" => return Some(create(writer, call)),
        "updateDocumentContents"
        | "updateDocumentRelatedEntities"
        | "moveDocument"
        | "updateDocumentStatus"
        | "updateDocumentSubType"
        | "updateDocumentSettings"
        | "deleteDocument"
            if !known =>
        {
            Err(ApiError::bad_request(format!(
                "Document with urn {urn} does not exist."
            )))
        }
        "updateDocumentContents" => contents(writer, call, &urn),
        "updateDocumentRelatedEntities" => related(writer, call, &urn),
        "moveDocument" => move_to(writer, call, &urn),
        "updateDocumentStatus" => change(writer, &urn, |info| {
            info["status"] = json!({ "state": call.text("state") })
        }),
        "updateDocumentSubType" => {
            let names: Vec<String> = call.opt("subType").into_iter().collect();
            writer.put(&urn, "subTypes", json!({ "typeNames": names }));
            Ok(json!(true))
        }
        "updateDocumentSettings" => {
            let shown = call
                .input
                .get("showInGlobalContext")
                .and_then(Value::as_bool);
            settings(writer, &urn, shown.unwrap_or(true));
            Ok(json!(true))
        }
        "deleteDocument" => {
            writer.put(&urn, "status", json!({ "removed": true }));
            Ok(json!(true))
        }
        _ => return None,
    };
    Some(done)
}

fn settings(writer: &mut Writer, urn: &str, shown: bool) {
    let aspect = json!({ "showInGlobalContext": shown, "lastModified": writer.stamp() });
    writer.put(urn, "documentSettings", aspect);
}

fn members(urns: &[String], name: &str) -> Value {
    urns.iter().map(|urn| json!({ name: urn })).collect()
}

fn check(writer: &Writer, urns: &[String]) -> Result<(), ApiError> {
    match urns.iter().find(|urn| !exists(writer, urn)) {
        Some(missing) => Err(ApiError::bad_request(format!(
            "Entity with urn {missing} does not exist."
        ))),
        None => Ok(()),
    }
}

fn create(writer: &mut Writer, call: &Call<'_>) -> Done {
    let id = call
        .opt("id")
        .filter(|id| !id.is_empty())
        .unwrap_or_else(new_id);
    let urn = format!("urn:li:document:{id}");
    if exists(writer, &urn) {
        return Err(ApiError::conflict(format!(
            "Document with ID {id} already exists"
        )));
    }
    let (assets, documents) = (call.texts("relatedAssets"), call.texts("relatedDocuments"));
    let parent = call.opt("parentDocument");
    check(writer, &assets)?;
    check(writer, &documents)?;
    check(writer, &parent.clone().into_iter().collect::<Vec<_>>())?;
    let stamp = writer.stamp();
    let info = json!({
        "customProperties": {},
        "title": call.opt("title"),
        "source": { "sourceType": "NATIVE" },
        "status": { "state": call.opt("state").unwrap_or_else(|| DEFAULT_STATE.to_owned()) },
        "contents": call.input.get("contents"),
        "created": stamp,
        "lastModified": stamp,
        "relatedAssets": members(&assets, "asset"),
        "relatedDocuments": members(&documents, "document"),
        "parentDocument": parent.map(|document| json!({ "document": document })),
    });
    writer.put(&urn, "documentInfo", info);
    if let Some(name) = call.opt("subType") {
        writer.put(&urn, "subTypes", json!({ "typeNames": [name] }));
    }
    let shown = call
        .input
        .get("settings")
        .and_then(|s| s.get("showInGlobalContext")?.as_bool());
    settings(writer, &urn, shown.unwrap_or(true));
    let owners = call.objects("owners");
    let owners: Vec<Value> = if owners.is_empty() {
        let own = json!({ "ownerUrn": writer.actor, "ownerEntityType": "CORP_USER", "type": "TECHNICAL_OWNER" });
        vec![ownership::read(writer, call, &own)?]
    } else {
        owners
            .iter()
            .map(|one| ownership::read(writer, call, one))
            .collect::<Result<_, _>>()?
    };
    ownership::put(writer, &urn, &owners)?;
    Ok(json!(urn))
}

/// Changes `documentInfo` and marks who did.
fn change(writer: &mut Writer, urn: &str, change: impl FnOnce(&mut Value)) -> Done {
    let mut info = writer.aspect(urn, "documentInfo");
    change(&mut info);
    info["lastModified"] = writer.stamp();
    writer.put(urn, "documentInfo", info);
    Ok(json!(true))
}

fn contents(writer: &mut Writer, call: &Call<'_>, urn: &str) -> Done {
    if let Some(name) = call.opt("subType") {
        writer.put(urn, "subTypes", json!({ "typeNames": [name] }));
    }
    change(writer, urn, |info| {
        if let Some(title) = call.opt("title") {
            info["title"] = json!(title);
        }
        if let Some(contents) = call.input.get("contents").filter(|c| c.is_object()) {
            info["contents"] = contents.clone();
        }
    })
}

fn related(writer: &mut Writer, call: &Call<'_>, urn: &str) -> Done {
    let (assets, documents) = (call.texts("relatedAssets"), call.texts("relatedDocuments"));
    check(writer, &assets)?;
    check(writer, &documents)?;
    let given = |name: &str| call.input.get(name).is_some_and(Value::is_array);
    change(writer, urn, |info| {
        if given("relatedAssets") {
            info["relatedAssets"] = members(&assets, "asset");
        }
        if given("relatedDocuments") {
            info["relatedDocuments"] = members(&documents, "document");
        }
    })
}

fn move_to(writer: &mut Writer, call: &Call<'_>, urn: &str) -> Done {
    let parent = call.opt("parentDocument");
    check(writer, &parent.clone().into_iter().collect::<Vec<_>>())?;
    let mut above = parent.clone();
    while let Some(at) = above {
        if at == urn {
            return Err(ApiError::bad_request(
                "Cannot move a document below itself.",
            ));
        }
        let info = writer.aspect(&at, "documentInfo");
        above = info["parentDocument"]["document"]
            .as_str()
            .map(str::to_owned);
    }
    change(writer, urn, |info| {
        info["parentDocument"] =
            parent.map_or(Value::Null, |document| json!({ "document": document }));
    })
}

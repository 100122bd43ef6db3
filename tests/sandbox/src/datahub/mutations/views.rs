//! Saved views, and the default one.

use serde_json::{Value, json};

use super::{Call, Done, exists, new_id};
use crate::datahub::error::ApiError;
use crate::datahub::hub::Writer;
use crate::datahub::options::Kind;

const GLOBAL_SETTINGS: &str = "urn:li:globalSettings:0";

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(writer: &mut Writer, call: &Call<'_>) -> Option<Done> {
    Some(match call.field {
        "createView" => create(writer, call),
        "deleteView" => delete(writer, call),
        "updateGlobalViewsSettings" => {
            set_default(writer, call, GLOBAL_SETTINGS, "globalSettingsInfo")
        }
        "updateCorpUserViewsSettings" => {
            let own = writer.actor.clone();
            set_default(writer, call, &own, "corpUserSettings")
        }
        _ => return None,
    })
}

fn create(writer: &mut Writer, call: &Call<'_>) -> Done {
    let kind = call.text("viewType");
    if kind == "GLOBAL" && call.kind != Kind::Admin {
        return Err(ApiError::unauthorized());
    }
    let definition = call.input.get("definition").cloned().unwrap_or_default();
    let filter = definition.get("filter").cloned().unwrap_or_default();
    let filters = filter
        .get("filters")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let or: Value = if filter["operator"] == "OR" {
        filters.iter().map(|one| json!({ "and": [one] })).collect()
    } else {
        json!([{ "and": filters }])
    };
    let stamp = writer.stamp();
    let info = json!({
        "type": kind, "name": call.text("name"), "description": call.opt("description"),
        "definition": {
            "entityTypes": definition.get("entityTypes").cloned().unwrap_or(json!([])),
            "filter": { "or": or },
        },
        "created": stamp, "lastModified": stamp,
    });
    let urn = format!("urn:li:dataHubView:{}", new_id());
    writer.put(&urn, "dataHubViewInfo", info);
    Ok(json!(urn))
}

fn delete(writer: &mut Writer, call: &Call<'_>) -> Done {
    let info = writer.aspect(&call.urn, "dataHubViewInfo");
    let own = info["type"] == "PERSONAL" && info["created"]["actor"] == writer.actor.as_str();
    if !own && call.kind != Kind::Admin {
        return Err(ApiError::unauthorized());
    }
    writer.remove(&call.urn);
    Ok(json!(true))
}

fn set_default(writer: &mut Writer, call: &Call<'_>, urn: &str, aspect: &str) -> Done {
    let view = call.opt("defaultView");
    if let Some(view) = view.as_ref().filter(|view| !exists(writer, view)) {
        return Err(ApiError::bad_request(format!(
            "View with urn {view} does not exist."
        )));
    }
    let mut settings = writer.aspect(urn, aspect);
    if !settings.is_object() {
        settings = json!({});
    }
    settings["views"] = json!({ "defaultView": view });
    writer.put(urn, aspect, settings);
    Ok(json!(true))
}

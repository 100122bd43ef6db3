//! The fields of `Query`.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::kinds::{EntityKind, urn_type};
use super::arguments::Arguments;
use super::{Cx, Resolved, Shape, people, searching};

/// One field of `Query`.
pub(crate) fn field<'a>(cx: &'a Cx, field: &str, arguments: &Arguments<'_>) -> Resolved<'a> {
    match field {
        "me" => Ok(people::me(cx).into()),
        "appConfig" => Ok(app_config(cx).into()),
        "entity" => checked(&arguments.text("urn")),
        "entityExists" => {
            let urn = arguments.text("urn");
            Ok(cx.catalog().get(&urn).is_some().into())
        }
        "entities" => entities(cx, arguments),
        "listAccessTokens" | "getAccessTokenMetadata" => searching::tokens(cx, field, arguments),
        _ => match by_type(field) {
            Some(kind) => one(&arguments.text("urn"), kind),
            None => searching::field(cx, field, arguments),
        },
    }
}

/// `dataset(urn:)` and the like: the field's name is the urn part, with a few exceptions.
fn by_type(field: &str) -> Option<&'static EntityKind> {
    let part = match field {
        "corpUser" => "corpuser",
        "view" => "dataHubView",
        other => other,
    };
    EntityKind::of_part(part).filter(|kind| kind.urn_part.eq_ignore_ascii_case(part))
}

fn checked<'a>(urn: &str) -> Resolved<'a> {
    if urn_type(urn).is_none() {
        return Err(malformed(urn));
    }
    Ok(urn.into())
}

fn one<'a>(urn: &str, kind: &EntityKind) -> Resolved<'a> {
    match urn_type(urn) {
        None => Err(malformed(urn)),
        Some(part) if part == kind.urn_part => Ok(urn.into()),
        Some(_) => Ok(Shape::NULL),
    }
}

fn malformed(urn: &str) -> ApiError {
    ApiError::bad_request(format!(
        "Failed to retrieve entity with urn {urn}, invalid urn"
    ))
}

/// As in DataHub, an unknown urn gives a stub, or is left out if existence is to be checked.
fn entities<'a>(cx: &Cx, arguments: &Arguments<'_>) -> Resolved<'a> {
    let catalog = cx.catalog();
    let check = arguments.get("checkForExistence") == Value::Bool(true);
    let urns = arguments.get("urns");
    let urns = urns
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let mut found = Vec::new();
    for urn in urns {
        if urn_type(urn).is_none() {
            return Err(malformed(urn));
        }
        if !check || catalog.get(urn).is_some() {
            found.push(urn);
        }
    }
    Ok(Shape::Own(found.into()))
}

fn app_config(cx: &Cx) -> Value {
    let flags = [
        "showSearchFiltersV2",
        "showBrowseV2",
        "nestedDomainsEnabled",
        "themeV2Enabled",
        "schemaFieldCLLEnabled",
        "showManageStructuredProperties",
        "showManageTags",
        "editableDatasetNameEnabled",
        "contextDocumentsEnabled",
    ];
    let on: serde_json::Map<String, Value> = flags
        .iter()
        .map(|flag| ((*flag).to_owned(), Value::Bool(true)))
        .collect();
    json!({
        "appVersion": cx.hub.version,
        "viewsConfig": { "enabled": true },
        "featureFlags": on,
        "semanticSearchConfig": { "enabled": false, "enabledEntities": [] },
    })
}

//! The older API: `/aspects`, `/entitiesV2`, `/entities`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use super::super::error::ApiError;
use super::super::formats;
use super::super::hub::{Actor, Hub};
use super::super::keys;
use super::super::kinds::urn_type;
use super::super::record::is_timeseries;
use super::{ingest, may_write, system_metadata, version_of};

type Answer = Result<Json<Value>, ApiError>;
type Parameters = Query<HashMap<String, String>>;

/// `GET /aspects/{urn}?aspect=&version=`: one aspect, under the name of its class.
pub(super) async fn aspect(
    State(hub): State<Arc<Hub>>,
    Path(urn): Path<String>,
    Query(parameters): Parameters,
) -> Answer {
    let name = parameters
        .get("aspect")
        .map(String::as_str)
        .unwrap_or_default();
    let version = parameters
        .get("version")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let catalog = hub.catalog();
    let found = catalog
        .get(&urn)
        .and_then(|record| version_of(record, name, version));
    let found = found.ok_or_else(|| {
        ApiError::not_found(format!(
            "Did not find urn: {urn} aspect: {name} version: {version}"
        ))
    })?;
    Ok(Json(
        json!({ "version": version, "aspect": { keys::class_of(name): found.value } }),
    ))
}

/// `POST /aspects?action=...`.
pub(super) async fn aspect_action(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Query(parameters): Parameters,
    Json(mut body): Json<Value>,
) -> Answer {
    match parameters.get("action").map(String::as_str) {
        Some("ingestProposal") => {
            may_write(&actor)?;
            let proposal = body
                .get_mut("proposal")
                .map(Value::take)
                .unwrap_or_default();
            let urn = hub.write(&actor.urn, |writer| ingest(writer, proposal))?;
            Ok(Json(json!({ "value": urn })))
        }
        Some("ingestProposalBatch") => {
            may_write(&actor)?;
            let Some(Value::Array(all)) = body.get_mut("proposals").map(Value::take) else {
                return Err(ApiError::bad_request("Parameter 'proposals' is required"));
            };
            hub.write(&actor.urn, |writer| {
                all.into_iter()
                    .try_for_each(|one| ingest(writer, one).map(drop))
            })?;
            Ok(Json(json!({ "value": "SUCCESS" })))
        }
        Some("getTimeseriesAspectValues") => timeseries(&hub, &body),
        other => Err(unknown_action(other)),
    }
}

fn unknown_action(action: Option<&str>) -> ApiError {
    let action = action.unwrap_or_default();
    ApiError::bad_request(format!("POST operation named {action} not supported"))
}

fn timeseries(hub: &Hub, body: &Value) -> Answer {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| body.get(name).and_then(Value::as_i64);
    let (from, to) = (number("startTimeMillis"), number("endTimeMillis"));
    let limit = number("limit")
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(10_000);
    let catalog = hub.catalog();
    let series = catalog
        .get(text("urn"))
        .map_or(&[][..], |record| record.series(text("aspect")));
    let values: Vec<Value> = series
        .iter()
        .filter(|value| {
            let at = value.get("timestampMillis").and_then(Value::as_i64).unwrap_or(0);
            from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to)
        })
        .take(limit)
        .map(|value| {
            json!({ "aspect": { "value": value.to_string(), "contentType": "application/json" } })
        })
        .collect();
    Ok(Json(json!({ "value": {
        "entityName": text("entity"), "aspectName": text("aspect"), "limit": limit,
        "values": values,
    } })))
}

/// `GET /entitiesV2/{urn}?aspects=List(a,b)`: several aspects, or all. For an unknown urn DataHub
/// answers with only the key.
pub(super) async fn entity(
    State(hub): State<Arc<Hub>>,
    Path(urn): Path<String>,
    Query(parameters): Parameters,
) -> Answer {
    let Some(entity_type) = urn_type(&urn) else {
        return Err(ApiError::bad_request(format!("Invalid urn: {urn}")));
    };
    let asked: Option<Vec<String>> = parameters.get("aspects").map(|list| {
        let inner = list
            .strip_prefix("List(")
            .and_then(|list| list.strip_suffix(')'));
        inner
            .unwrap_or(list)
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect()
    });
    let catalog = hub.catalog();
    let mut aspects = Map::new();
    if let Some(record) = catalog.get(&urn) {
        let mut names: Vec<String> = record.aspects().map(|(name, _)| name.to_owned()).collect();
        names.extend(keys::key_aspect(record).map(|(name, _)| name));
        names.dedup();
        for name in names {
            if asked.as_ref().is_some_and(|asked| !asked.contains(&name)) {
                continue;
            }
            let Some(found) = version_of(record, &name, 0) else {
                continue;
            };
            let envelope = json!({
                "name": name, "type": "VERSIONED", "version": 0,
                "value": found.value, "created": found.stamp(),
                "systemMetadata": system_metadata(&found),
            });
            aspects.insert(name, envelope);
        }
    }
    Ok(Json(
        json!({ "urn": urn, "entityName": entity_type, "aspects": aspects }),
    ))
}

/// `POST /entities?action=...`.
pub(super) async fn entity_action(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Query(parameters): Parameters,
    Json(mut body): Json<Value>,
) -> Answer {
    match parameters.get("action").map(String::as_str) {
        Some("ingest") => {
            may_write(&actor)?;
            let snapshot = body
                .get_mut("entity")
                .and_then(|entity| entity.get_mut("value"));
            let entry = json!([{ "proposedSnapshot": snapshot.map(Value::take) }]);
            let changes = formats::parse("entity", &entry.to_string())
                .map_err(|error| ApiError::bad_request(error.to_string()))?;
            hub.write(&actor.urn, |writer| {
                for change in changes {
                    writer.put(&change.urn, &change.aspect, change.value);
                }
                Ok(())
            })?;
            Ok(Json(json!({})))
        }
        Some("delete") => {
            may_write(&actor)?;
            let urn = body
                .get("urn")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let timeseries = body.get("aspectName").and_then(Value::as_str);
            let rows = hub.write(&actor.urn, |writer| {
                let known = writer
                    .catalog
                    .get(&urn)
                    .map_or(0, |record| record.aspects().count());
                match timeseries.filter(|name| is_timeseries(name)) {
                    Some(name) => writer.remove_aspect(&urn, name),
                    None => writer.remove(&urn),
                }
                Ok(known)
            })?;
            Ok(Json(
                json!({ "value": { "urn": urn, "rows": rows, "timeseriesRows": 0 } }),
            ))
        }
        Some("listUrns") => {
            let entity = body
                .get("entity")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let number = |name: &str| body.get(name).and_then(Value::as_u64).unwrap_or(0);
            let (start, count) = (number("start"), number("count"));
            let catalog = hub.catalog();
            let of_type = catalog.urns().filter(|urn| urn_type(urn) == Some(entity));
            let all: Vec<&str> = of_type.collect();
            let from = usize::try_from(start).unwrap_or(usize::MAX);
            let take = usize::try_from(count).unwrap_or(usize::MAX);
            let shown: Vec<&str> = all.iter().skip(from).take(take).copied().collect();
            Ok(Json(json!({ "value": {
                "start": start, "count": shown.len(), "total": all.len(), "entities": shown,
            } })))
        }
        other => Err(unknown_action(other)),
    }
}

//! The newer API: `/openapi/v3/entity`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::hub::{Actor, Hub, Writer};
use super::super::keys;
use super::super::kinds::urn_type;
use super::super::record::Record;
use super::{ingest, may_write, system_metadata, version_of};

type Answer = Result<Json<Value>, ApiError>;
type Parameters = Query<HashMap<String, String>>;

/// The header inside a request for an aspect that names the version wanted.
const VERSION_HEADER: &str = "If-Version-Match";

fn wants_system(parameters: &HashMap<String, String>) -> bool {
    parameters
        .get("systemMetadata")
        .is_some_and(|value| value == "true")
}

/// One aspect as the API wraps it.
fn envelope(record: &Record, name: &str, version: u64, system: bool) -> Option<Value> {
    let found = version_of(record, name, version)?;
    let mut envelope = json!({ "value": found.value });
    if system {
        envelope["systemMetadata"] = system_metadata(&found);
        envelope["auditStamp"] = found.stamp();
    }
    Some(envelope)
}

/// All aspects of an entity, or the named ones at their versions.
fn whole(record: &Record, asked: Option<&[(String, u64)]>, system: bool) -> Value {
    let mut entity = json!({ "urn": &*record.urn });
    let all: Vec<(String, u64)> = match asked {
        Some(asked) => asked.to_vec(),
        None => {
            let key = keys::key_aspect(record).map(|(name, _)| name);
            let names = record.aspects().map(|(name, _)| name.to_owned());
            names.chain(key).map(|name| (name, 0)).collect()
        }
    };
    for (name, version) in all {
        if let Some(found) = envelope(record, &name, version, system) {
            entity[name] = found;
        }
    }
    entity
}

/// `POST /openapi/v3/entity/{entity}/batchGet`.
pub(super) async fn batch_get(
    State(hub): State<Arc<Hub>>,
    Path(_entity): Path<String>,
    Query(parameters): Parameters,
    Json(body): Json<Value>,
) -> Answer {
    let system = wants_system(&parameters);
    let catalog = hub.catalog();
    let mut found = Vec::new();
    for request in body.as_array().into_iter().flatten() {
        let urn = request
            .get("urn")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let Some(record) = catalog.get(urn) else {
            continue;
        };
        let named = request
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name != "urn");
        let named: Vec<(String, u64)> = named
            .map(|(name, wanted)| {
                let header = wanted
                    .get("headers")
                    .and_then(|headers| headers.get(VERSION_HEADER));
                let version = header
                    .and_then(Value::as_str)
                    .and_then(|text| text.parse().ok());
                (name.clone(), version.unwrap_or(0))
            })
            .collect();
        let asked = (!named.is_empty()).then_some(named.as_slice());
        found.push(whole(record, asked, system));
    }
    Ok(Json(Value::Array(found)))
}

/// `GET /openapi/v3/entity/{entity}/{urn}`.
pub(super) async fn entity(
    State(hub): State<Arc<Hub>>,
    Path((_entity, urn)): Path<(String, String)>,
    Query(parameters): Parameters,
) -> Answer {
    let catalog = hub.catalog();
    let record = catalog.get(&urn).ok_or_else(|| missing(&urn))?;
    let asked: Option<Vec<(String, u64)>> = parameters.get("aspects").map(|list| {
        list.split(',')
            .map(|name| (name.trim().to_owned(), 0))
            .collect()
    });
    Ok(Json(whole(
        record,
        asked.as_deref(),
        wants_system(&parameters),
    )))
}

fn missing(urn: &str) -> ApiError {
    ApiError::not_found(format!("Entity {urn} does not exist"))
}

/// `GET /openapi/v3/entity/{entity}/{urn}/{aspect}?version=`.
pub(super) async fn aspect(
    State(hub): State<Arc<Hub>>,
    Path((_entity, urn, aspect)): Path<(String, String, String)>,
    Query(parameters): Parameters,
) -> Answer {
    let version = parameters
        .get("version")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let catalog = hub.catalog();
    let record = catalog.get(&urn).ok_or_else(|| missing(&urn))?;
    let found = envelope(record, &aspect, version, wants_system(&parameters));
    found
        .map(Json)
        .ok_or_else(|| ApiError::not_found(format!("{urn} has no {aspect}")))
}

/// `POST /openapi/v3/entity/{entity}`: an array of entities with the aspects to write.
pub(super) async fn write(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Path(entity_type): Path<String>,
    Query(parameters): Parameters,
    Json(body): Json<Value>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    write_all(&hub, &actor, &entity_type, &parameters, body, "UPSERT")
}

/// `PATCH /openapi/v3/entity/{entity}`: the same with patches in place of values.
pub(super) async fn patch(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Path(entity_type): Path<String>,
    Query(parameters): Parameters,
    Json(body): Json<Value>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    write_all(&hub, &actor, &entity_type, &parameters, body, "PATCH")
}

fn write_all(
    hub: &Hub,
    actor: &Actor,
    entity_type: &str,
    parameters: &HashMap<String, String>,
    body: Value,
    change: &str,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    may_write(actor)?;
    let Value::Array(entities) = body else {
        return Err(ApiError::bad_request(
            "The body must be an array of entities",
        ));
    };
    let written = hub.write(&actor.urn, |writer| {
        entities
            .iter()
            .map(|entity| write_one(writer, entity_type, entity, change))
            .collect()
    })?;
    let later = parameters.get("async").is_none_or(|value| value != "false");
    let status = if later {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(Value::Array(written))))
}

fn write_one(
    writer: &mut Writer,
    entity_type: &str,
    entity: &Value,
    change: &str,
) -> Result<Value, ApiError> {
    let urn = entity
        .get("urn")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !urn_type(urn).is_some_and(|part| part.eq_ignore_ascii_case(entity_type)) {
        return Err(ApiError::bad_request(format!(
            "`{urn}` is not a urn of type {entity_type}"
        )));
    }
    let mut written = json!({ "urn": urn });
    let aspects = entity
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "urn");
    for (name, envelope) in aspects.filter(|(_, envelope)| !envelope.is_null()) {
        let value = envelope.get("value").cloned().unwrap_or_default();
        let proposal = json!({
            "entityUrn": urn, "aspectName": name, "changeType": change,
            "aspect": { "json": value }, "systemMetadata": envelope.get("systemMetadata"),
        });
        ingest(writer, proposal)?;
        written[name.as_str()] = json!({ "value": value });
    }
    Ok(written)
}

/// `POST /openapi/v3/entity/{entity}/{urn}/{aspect}`: one aspect.
pub(super) async fn write_aspect(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Path((entity_type, urn, aspect)): Path<(String, String, String)>,
    Json(body): Json<Value>,
) -> Answer {
    may_write(&actor)?;
    let entity = json!({ "urn": urn, aspect: body });
    let written = hub.write(&actor.urn, |writer| {
        write_one(writer, &entity_type, &entity, "UPSERT")
    })?;
    Ok(Json(written))
}

/// `DELETE /openapi/v3/entity/{entity}/{urn}`.
pub(super) async fn delete(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Path((_entity, urn)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    may_write(&actor)?;
    hub.write(&actor.urn, |writer| {
        writer.remove(&urn);
        Ok(())
    })?;
    Ok(StatusCode::OK)
}

/// `DELETE /openapi/v3/entity/{entity}/{urn}/{aspect}`.
pub(super) async fn delete_aspect(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Path((_entity, urn, aspect)): Path<(String, String, String)>,
) -> Result<StatusCode, ApiError> {
    may_write(&actor)?;
    hub.write(&actor.urn, |writer| {
        writer.remove_aspect(&urn, &aspect);
        Ok(())
    })?;
    Ok(StatusCode::OK)
}

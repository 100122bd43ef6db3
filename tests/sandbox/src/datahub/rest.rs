//! As much of DataHub's REST API as its Python SDK and command line need: single aspects
//! ([`restli`]) and whole entities ([`openapi`]), reading and writing.

mod openapi;
mod patch;
mod restli;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::error::ApiError;
use super::formats;
use super::hub::{Actor, Hub, Writer};
use super::keys;
use super::options::Kind;
use super::record::{Aspect, Record};

/// The routes; all of them require a token.
pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/aspects/{*urn}", get(restli::aspect))
        .route("/aspects", post(restli::aspect_action))
        .route("/entitiesV2/{*urn}", get(restli::entity))
        .route("/entities", post(restli::entity_action))
        .route(
            "/openapi/v3/entity/{entity}",
            post(openapi::write).patch(openapi::patch),
        )
        .route(
            "/openapi/v3/entity/{entity}/batchGet",
            post(openapi::batch_get),
        )
        .route(
            "/openapi/v3/entity/{entity}/{urn}",
            get(openapi::entity).delete(openapi::delete),
        )
        .route(
            "/openapi/v3/entity/{entity}/{urn}/{aspect}",
            get(openapi::aspect)
                .delete(openapi::delete_aspect)
                .post(openapi::write_aspect),
        )
}

/// The error in the form of DataHub's REST API.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({
            "exceptionClass": "com.linkedin.restli.server.RestLiServiceException",
            "message": self.message,
            "status": self.code,
        });
        (status, Json(body)).into_response()
    }
}

/// Refuses a caller who may only read.
fn may_write(actor: &Actor) -> Result<(), ApiError> {
    if actor.kind != Kind::Viewer {
        return Ok(());
    }
    Err(ApiError {
        code: 403,
        kind: "UNAUTHORIZED",
        message: format!("User {} is unauthorized to modify entity", actor.urn),
    })
}

/// A version of an aspect: 0 is the present one, 1 and up are earlier ones, the oldest first. The key
/// is not stored and has one version.
fn version_of(record: &Record, name: &str, version: u64) -> Option<Arc<Aspect>> {
    if version > 0 {
        let mut earlier = record.earlier(name).iter();
        return earlier.find(|aspect| aspect.version == version).cloned();
    }
    match record.latest(name) {
        Some(latest) => Some(Arc::clone(latest)),
        None => keys::key_aspect(record)
            .filter(|(key, _)| key == name)
            .map(|(_, value)| {
                let first = record
                    .aspects()
                    .next()
                    .map(|(_, aspect)| Arc::clone(aspect));
                Arc::new(Aspect {
                    value,
                    system: Value::Null,
                    version: 1,
                    time: first.as_ref().map_or(0, |aspect| aspect.time),
                    actor: first.map_or_else(|| super::hub::SYSTEM.to_owned(), |a| a.actor.clone()),
                })
            }),
    }
}

/// The system metadata of an aspect, with its version number as text, as in DataHub.
fn system_metadata(aspect: &Aspect) -> Value {
    let mut system = if aspect.system.is_object() {
        aspect.system.clone()
    } else {
        json!({})
    };
    let defaults = [
        ("lastObserved", json!(aspect.time)),
        ("runId", json!("no-run-id-provided")),
        ("lastRunId", json!("no-run-id-provided")),
    ];
    for (name, value) in defaults {
        if system.get(name).is_none() {
            system[name] = value;
        }
    }
    system["version"] = json!(aspect.version.to_string());
    system["aspectCreated"] = aspect.stamp();
    system["aspectModified"] = aspect.stamp();
    system
}

/// Writes one proposal and returns the urn.
fn ingest(writer: &mut Writer, mut proposal: Value) -> Result<String, ApiError> {
    let is_patch = proposal.get("changeType").and_then(Value::as_str) == Some("PATCH");
    if is_patch {
        // A patch is a list or an object; proposals carry objects.
        let text = proposal["aspect"]["value"]
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok());
        let patch: Value = text.unwrap_or_else(|| proposal["aspect"]["json"].take());
        proposal["aspect"] = json!({ "json": { "patch": patch } });
    }
    let change = formats::proposal(proposal).map_err(ApiError::bad_request)?;
    let change =
        change.ok_or_else(|| ApiError::bad_request("Deletes go to /entities?action=delete"))?;
    let mut value = change.value;
    if is_patch {
        let mut aspect = writer.aspect(&change.urn, &change.aspect);
        patch::apply(&mut aspect, &value["patch"])?;
        value = aspect;
    }
    writer.put_with_system(&change.urn, &change.aspect, value, change.system);
    Ok(change.urn)
}

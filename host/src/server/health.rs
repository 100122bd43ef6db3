//! The probes: `/health` shows that the process answers, `/ready` whether it can serve people now.
//!
//! Neither needs a token, so neither tells more than the names of its parts, and frequent probes
//! cost no more: the check behind `/ready` remembers its answer for a while.

use std::sync::Arc;

use axum::{
    Json,
    extract::State as Shared,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde_json::{Map, Value, json};

use super::state::State;

/// `GET /health`.
pub(super) async fn health() -> Response {
    let head = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (head, r#"{"status":"ok"}"#).into_response()
}

/// `GET /ready`.
pub(super) async fn ready(Shared(state): Shared<Arc<State>>) -> Response {
    if state.is_draining() {
        return answer(
            StatusCode::SERVICE_UNAVAILABLE,
            json!({"status": "draining"}),
        );
    }
    let parts = state.probe.parts().await;
    let ready = parts.iter().all(|part| part.state.is_well());
    let kinds: Map<String, Value> = parts
        .iter()
        .filter_map(|part| Some((part.name.clone(), json!(part.kind?))))
        .collect();
    let parts: Map<String, Value> = parts
        .into_iter()
        .map(|part| (part.name, json!(part.state.word())))
        .collect();
    let (status, word) = match ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
    };
    let mut body = json!({"status": word, "parts": parts});
    if !kinds.is_empty() {
        body["kinds"] = Value::Object(kinds);
    }
    answer(status, body)
}

fn answer(status: StatusCode, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

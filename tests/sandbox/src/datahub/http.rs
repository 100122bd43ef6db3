//! The routes of the embedded DataHub, and the common part of all: switches, the record,
//! authentication.
//!
//! Every path also exists below `/api/gms`, from where DataHub's frontend forwards requests.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router, body::Bytes, middleware};
use serde_json::{Value, json};

use super::controls::Recorded;
use super::engine;
use super::hub::{Actor, Hub};
use super::rest;

/// The largest request body, in bytes.
const MAX_BODY: usize = 16 << 20;

/// All routes.
pub(crate) fn router(hub: Arc<Hub>) -> Router {
    let guarded = Router::new()
        .route("/api/graphql", post(graphql))
        .route("/config", get(config))
        .merge(rest::routes())
        .layer(middleware::from_fn_with_state(Arc::clone(&hub), guard));
    let routes = guarded.route("/health", get(health));
    Router::new()
        .merge(routes.clone())
        .nest("/api/gms", routes)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(hub)
}

async fn health() -> &'static str {
    ""
}

async fn config(State(hub): State<Arc<Hub>>) -> Json<Value> {
    Json(json!({
        "models": {},
        "patchCapable": true,
        "versions": {"acryldata/datahub": {"version": hub.version, "commit": "sandbox"}},
        "managedIngestion": {"defaultCliVersion": "1.6.0", "enabled": false},
        "statefulIngestionCapable": true,
        "supportsImpactAnalysis": true,
        "timeZone": "UTC",
        "telemetry": {"enabledCli": false, "enabledIngestion": false},
        "datasetUrnNameCasing": false,
        "retention": "true",
        "datahub": {"serverType": "sandbox", "serverEnv": hub.server_env},
        "baseUrl": "",
        "noCode": "true",
    }))
}

/// Switches, record, authentication. `/config` needs no token, as in DataHub.
async fn guard(State(hub): State<Arc<Hub>>, mut request: Request, next: Next) -> Response {
    hub.controls.wait().await;
    if let Some(status) = hub.controls.status() {
        note(&hub, &request, None);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return (
            [(header::RETRY_AFTER, "1")],
            status_page(status, "switched on"),
        )
            .into_response();
    }
    if hub.controls.garbage() {
        note(&hub, &request, None);
        return "<<< this is not JSON".into_response();
    }
    if request.uri().path().ends_with("/config") {
        note(&hub, &request, None);
        return next.run(request).await;
    }
    match hub.auth.authenticate(&hub, bearer(request.headers())).await {
        Ok(urn) => {
            let actor = hub.actor(urn);
            if !request.uri().path().ends_with("/api/graphql") {
                note(&hub, &request, Some(actor.urn.clone()));
            }
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(error) => {
            note(&hub, &request, None);
            tracing::debug!(%error, "request refused");
            status_page(
                StatusCode::UNAUTHORIZED,
                "Unauthorized to perform this action.",
            )
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()
}

fn note(hub: &Hub, request: &Request, actor: Option<String>) {
    let path = request.uri().path().to_owned();
    hub.controls.record(Recorded {
        path,
        actor,
        operation: None,
    });
}

/// A refusal as an HTML page, as DataHub's servlet container answers it.
fn status_page(status: StatusCode, message: &str) -> Response {
    let page = format!(
        "<html>\n<head><title>Error {code} {message}</title></head>\n\
         <body><h2>HTTP ERROR {code} {message}</h2></body>\n</html>\n",
        code = status.as_u16(),
    );
    (status, Html(page)).into_response()
}

async fn graphql(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    body: Bytes,
) -> Response {
    let parsed: Result<Value, _> = serde_json::from_slice(&body);
    let Ok(Value::Object(mut request)) = parsed else {
        return bad_request("the body is not a JSON object");
    };
    let Some(Value::String(query)) = request.remove("query") else {
        return bad_request("the body has no `query`");
    };
    let operation = match request.remove("operationName") {
        Some(Value::String(name)) if !name.is_empty() => Some(name),
        _ => None,
    };
    let variables = match request.remove("variables") {
        Some(Value::Object(variables)) => Value::Object(variables),
        None | Some(Value::Null) => json!({}),
        Some(_) => return bad_request("`variables` is not an object"),
    };
    let asked = engine::Asked {
        query: &query,
        operation: operation.as_deref(),
        variables,
    };
    let answer = engine::execute(&hub, &actor, asked);
    hub.controls.record(Recorded {
        path: "/api/graphql".to_owned(),
        actor: Some(actor.urn),
        operation: answer.operation,
    });
    ([(header::CONTENT_TYPE, "application/json")], answer.body).into_response()
}

fn bad_request(message: &str) -> Response {
    (
        StatusCode::BAD_REQUEST,
        Json(json!({ "message": message, "status": 400 })),
    )
        .into_response()
}

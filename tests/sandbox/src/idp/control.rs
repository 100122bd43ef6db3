//! The controls over HTTP, for tests in other processes. Served only if switched on; bodies must be
//! JSON, so that a web page cannot send them without a preflight request.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::faults::{Endpoint, Fault};
use super::keys::SigningKey;
use super::mint::{self, SignWith};
use super::options::{Client, PUBLIC_CLIENT};
use super::state::Idp;

pub(super) fn router() -> Router<Arc<Idp>> {
    Router::new()
        .route("/counts", get(counts))
        .route("/rotate", post(rotate))
        .route("/break", post(break_endpoint))
        .route("/heal", post(heal))
        .route("/mint", post(mint_token))
        .route("/advance", post(advance))
        .route("/redirect-uri", post(redirect_uri))
}

/// `{"discovery": 1, "jwks": 1, ...}`
async fn counts(State(idp): State<Arc<Idp>>) -> Json<Value> {
    let mut counts = Map::new();
    for endpoint in Endpoint::ALL {
        if let Ok(Value::String(name)) = serde_json::to_value(endpoint) {
            counts.insert(name, json!(idp.faults.requests(endpoint)));
        }
    }
    Json(Value::Object(counts))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotate {
    /// The new key takes the old one's `kid` and replaces it.
    #[serde(default)]
    same_kid: bool,
    /// Old keys are no longer published.
    #[serde(default)]
    forget: bool,
}

async fn rotate(State(idp): State<Arc<Idp>>, Json(how): Json<Rotate>) -> Response {
    let algorithm = idp.options.algorithm;
    let kid = {
        let keys = idp.keys.read();
        if how.same_kid {
            keys.current().kid().to_owned()
        } else {
            keys.next_kid()
        }
    };
    let made = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm, kid)).await;
    let Ok(Ok(key)) = made else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let kid = key.kid().to_owned();
    let mut keys = idp.keys.write();
    if how.same_kid || how.forget {
        keys.replace_with(Arc::new(key));
    } else {
        keys.rotate_to(Arc::new(key));
    }
    Json(json!({ "kid": kid })).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Break {
    /// The endpoint to break; none breaks every endpoint.
    endpoint: Option<Endpoint>,
    fault: Fault,
}

async fn break_endpoint(State(idp): State<Arc<Idp>>, Json(what): Json<Break>) -> StatusCode {
    for endpoint in Endpoint::ALL {
        if what.endpoint.is_none_or(|only| only == endpoint) {
            idp.faults.set(endpoint, Some(what.fault.clone()));
        }
    }
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn heal(State(idp): State<Arc<Idp>>, Json(Nothing {}): Json<Nothing>) -> StatusCode {
    idp.faults.clear();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mint {
    #[serde(default)]
    header: Map<String, Value>,
    #[serde(default)]
    claims: Map<String, Value>,
}

/// `{"token": ...}`: good claims with the given ones over them, signed with the current key.
async fn mint_token(State(idp): State<Arc<Idp>>, Json(what): Json<Mint>) -> Response {
    let now = idp.clock.unix_seconds();
    let mut claims = json!({
        "iss": idp.issuer,
        "sub": "admin",
        "aud": idp.options.audience,
        "exp": now + idp.options.access_token_ttl.as_secs(),
        "iat": now,
        "client_id": PUBLIC_CLIENT,
        "scope": "openid profile email",
    });
    mint::merge(&mut claims, Value::Object(what.claims));
    match idp.sign(&Value::Object(what.header), &claims, SignWith::Current) {
        Ok(token) => Json(json!({ "token": token })).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u64,
}

async fn advance(State(idp): State<Arc<Idp>>, Json(by): Json<Advance>) -> StatusCode {
    idp.clock.advance(Duration::from_secs(by.seconds));
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RedirectUri {
    client_id: String,
    redirect_uri: String,
}

/// Adds a redirect URI to a client, which is registered as a public one if it is new.
async fn redirect_uri(State(idp): State<Arc<Idp>>, Json(new): Json<RedirectUri>) -> StatusCode {
    let mut clients = idp.clients.write();
    match clients.iter_mut().find(|client| client.id == new.client_id) {
        Some(client) => client.redirect_uris.push(new.redirect_uri),
        None => clients.push(Client::public(&new.client_id).redirect(new.redirect_uri)),
    }
    StatusCode::NO_CONTENT
}

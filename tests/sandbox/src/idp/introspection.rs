//! Introspection (RFC 7662) for resource servers, revocation (RFC 7009) for clients.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::client_auth::authenticate;
use super::error::{NO_STORE, OAuthError, Parameters};
use super::mint;
use super::state::Idp;

pub(super) async fn introspect(
    State(idp): State<Arc<Idp>>,
    headers: HeaderMap,
    body: String,
) -> Result<Response, OAuthError> {
    let form = Parameters::parse(&body)?;
    let client = authenticate(&idp, &headers, &form)?;
    if client.secret.is_none() || !client.resource_server {
        let basic = headers.contains_key("authorization");
        return Err(OAuthError::invalid_client("not a resource server", basic));
    }
    let token = form.require("token")?;
    let now = idp.clock.unix_seconds();
    let claims = idp.store.lock().active_access(token, now).cloned();
    let answer = match claims {
        Some(mut claims) => {
            let username = claims["preferred_username"].clone();
            mint::merge(
                &mut claims,
                json!({ "active": true, "token_type": "Bearer", "username": username }),
            );
            claims
        }
        None => json!({ "active": false }),
    };
    Ok((NO_STORE, Json(answer)).into_response())
}

/// Revokes all tokens of the token's sign-in; an unknown token is not an error (RFC 7009 2.2).
pub(super) async fn revoke(
    State(idp): State<Arc<Idp>>,
    headers: HeaderMap,
    body: String,
) -> Result<StatusCode, OAuthError> {
    let form = Parameters::parse(&body)?;
    let client = authenticate(&idp, &headers, &form)?;
    let token = form.require("token")?;
    let mut store = idp.store.lock();
    let of_refresh = store
        .refresh
        .get(token)
        .filter(|refresh| refresh.grant.client_id == client.id)
        .map(|refresh| refresh.grant.family.clone());
    if let Some(family) = of_refresh {
        store.end_family(&family);
        return Ok(StatusCode::OK);
    }
    let ours = store
        .access
        .get(token)
        .is_some_and(|access| access.claims["client_id"] == client.id.as_str());
    if ours && let Some(access) = store.access.get_mut(token) {
        // the token stays known, so that a signature alone does not make it valid again
        access.claims["exp"] = json!(0);
    }
    Ok(StatusCode::OK)
}

//! `POST /oauth/register` (RFC 7591): anybody can register a client.
//!
//! Nothing is stored: the `client_id` is the checked registration itself, sealed. It never holds
//! anything of ours, least of all our id or secret at the identity provider.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    clients::{Registration, clean_name},
    context::Context,
    error::{ErrorCode, OAuthError},
    limits::Peer,
    redirect_uri::{RedirectUri, log_refused},
    seal::Kind,
};

/// Redirect URIs that one client may have.
const MAX_REDIRECT_URIS: usize = 10;
/// Longest `client_id` that is issued, in bytes: it travels in URLs.
const MAX_ISSUED_ID_BYTES: usize = 3_000;

/// The metadata that a client sends of itself. Anything else in the request is ignored.
#[derive(Deserialize)]
struct Asked {
    redirect_uris: Option<Vec<String>>,
    client_name: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    application_type: Option<String>,
}

/// The answer, with all that was registered (RFC 7591 section 3.2.1).
#[derive(Serialize)]
struct Registered {
    client_id: String,
    client_id_issued_at: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    client_name: String,
    redirect_uris: Vec<RedirectUri>,
    grant_types: [&'static str; 2],
    response_types: [&'static str; 1],
    token_endpoint_auth_method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_type: Option<String>,
    scope: String,
}

/// Serves the endpoint.
pub(super) async fn post(
    State(context): State<Arc<Context>>,
    peer: Peer,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, OAuthError> {
    context.register_limits.count_peer(&peer)?;
    let body = body.map_err(|_| OAuthError::too_large())?;
    let asked: Asked = serde_json::from_slice(&body).map_err(|_| {
        metadata_error("the request is not a JSON object with client metadata (RFC 7591)")
    })?;
    let redirect_uris = redirect_uris(&context, asked.redirect_uris.as_deref())?;
    let offers = |list: &Option<Vec<String>>, wanted: &str| {
        list.as_ref()
            .is_none_or(|list| list.is_empty() || list.iter().any(|item| item == wanted))
    };
    if !offers(&asked.grant_types, "authorization_code") {
        return Err(metadata_error("`grant_types` must hold authorization_code"));
    }
    if !offers(&asked.response_types, "code") {
        return Err(metadata_error("`response_types` must hold code"));
    }
    let application_type = asked.application_type;
    if application_type
        .as_deref()
        .is_some_and(|kind| !matches!(kind, "native" | "web"))
    {
        return Err(metadata_error(
            "`application_type` is neither native nor web",
        ));
    }
    let registration = Registration {
        name: asked
            .client_name
            .as_deref()
            .map(clean_name)
            .unwrap_or_default(),
        redirect_uris,
        issued_at: context.clock.unix_millis().seconds(),
    };
    let client_id = context
        .sealer
        .seal(Kind::Client, &registration)
        .map_err(|_| OAuthError::server("the registration could not be sealed"))?;
    if client_id.len() > MAX_ISSUED_ID_BYTES {
        return Err(metadata_error(
            "the redirect URIs are too long in total; at most 2 KB",
        ));
    }
    let registered = Registered {
        client_id,
        client_id_issued_at: registration.issued_at,
        client_name: registration.name,
        redirect_uris: registration.redirect_uris,
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        // A client that asked for a secret works without one (RFC 7591 section 3.2.1).
        token_endpoint_auth_method: "none",
        application_type,
        scope: context.settings.default_scopes.join(" "),
    };
    let mut response = (StatusCode::CREATED, Json(registered)).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The redirect URIs that are registered: those that follow the rules. The answer lists them, so a
/// client with one that is not allowed works with the others.
fn redirect_uris(
    context: &Context,
    asked: Option<&[String]>,
) -> Result<Vec<RedirectUri>, OAuthError> {
    let error = |text: String| OAuthError::new(ErrorCode::InvalidRedirectUri, text);
    let asked = asked.filter(|asked| !asked.is_empty());
    let asked = asked.ok_or_else(|| error("`redirect_uris` is missing or empty".to_owned()))?;
    if asked.len() > MAX_REDIRECT_URIS {
        return Err(error(format!(
            "there are more than {MAX_REDIRECT_URIS} redirect URIs"
        )));
    }
    let (mut kept, mut refused, mut first) = (Vec::new(), Vec::new(), None);
    for (index, uri) in asked.iter().enumerate() {
        match context.rules.check(uri) {
            Ok(uri) => kept.push(uri),
            Err(why) => {
                first.get_or_insert_with(|| format!("redirect URI {} {why}", index + 1));
                refused.push((&**uri, why));
            }
        }
    }
    log_refused(&refused, kept.len());
    match first {
        Some(first) if kept.is_empty() => Err(error(first)),
        _ => Ok(kept),
    }
}

fn metadata_error(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClientMetadata, description)
}

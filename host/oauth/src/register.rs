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
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    clients::Registration,
    context::Context,
    error::{ErrorCode, OAuthError},
    limits::Peer,
    metadata::scopes,
    names::clean_name,
    redirect_uri::{RedirectUri, log_refused},
    seal::Kind,
};

/// Redirect URIs that one client may have; the first ones count.
const MAX_REDIRECT_URIS: usize = 10;
/// Redirect URIs that are looked at.
const MAX_READ_URIS: usize = 100;
/// Longest `client_id` that is issued, in bytes: it travels in URLs.
const MAX_ISSUED_ID_BYTES: usize = 3_000;

/// The metadata that a client sends of itself. Members that are not needed and not usable count as
/// absent (RFC 7591 section 2: the server may replace or leave out any of them).
struct Asked(Map<String, Value>);

impl Asked {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// Returns whether a list offers `wanted`; one without any text in it says nothing.
    fn offers(&self, name: &str, wanted: &str) -> bool {
        let list = self.0.get(name).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        let mut texts = texts.peekable();
        texts.peek().is_none() || texts.any(|text| text == wanted)
    }
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
    let refuse = |description| refused(&context, ErrorCode::InvalidClientMetadata, description);
    let asked = serde_json::from_slice(&body)
        .map(Asked)
        .map_err(|_| refuse("the request is not a JSON object with client metadata (RFC 7591)"))?;
    let redirect_uris = redirect_uris(&context, asked.0.get("redirect_uris"))?;
    if !asked.offers("grant_types", "authorization_code") {
        return Err(refuse("`grant_types` must hold authorization_code"));
    }
    if !asked.offers("response_types", "code") {
        return Err(refuse("`response_types` must hold code"));
    }
    let application_type = asked.text("application_type");
    let application_type = application_type.filter(|kind| matches!(*kind, "native" | "web"));
    let registration = Registration {
        name: asked
            .text("client_name")
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
        return Err(refuse(
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
        application_type: application_type.map(str::to_owned),
        scope: scopes(&context.settings).join(" "),
    };
    let mut response = (StatusCode::CREATED, Json(registered)).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The redirect URIs that are registered: the first ones that follow the rules. The answer lists
/// them, so a client with one that is not allowed, or with very many, works with these.
fn redirect_uris(context: &Context, asked: Option<&Value>) -> Result<Vec<RedirectUri>, OAuthError> {
    let refuse = |code, description| Err(refused(context, code, description));
    let asked = match asked {
        Some(Value::Array(asked)) if !asked.is_empty() => asked,
        // A client that has one may leave out the brackets.
        Some(one @ Value::String(_)) => std::slice::from_ref(one),
        None | Some(Value::Null | Value::Array(_)) => {
            let description = "`redirect_uris` is missing or empty";
            return refuse(ErrorCode::InvalidRedirectUri, description);
        }
        Some(_) => {
            let description = "`redirect_uris` is not a list";
            return refuse(ErrorCode::InvalidClientMetadata, description);
        }
    };
    let (mut kept, mut unusable, mut first) = (Vec::new(), Vec::new(), None);
    for (index, uri) in asked.iter().enumerate().take(MAX_READ_URIS) {
        let Some(uri) = uri.as_str() else {
            continue;
        };
        match context.rules.check(uri) {
            Ok(uri) => kept.push(uri),
            Err(why) => {
                first.get_or_insert_with(|| format!("redirect URI {} {why}", index + 1));
                unusable.push((uri, why));
            }
        }
    }
    let more = kept.len().saturating_sub(MAX_REDIRECT_URIS);
    if more > 0 {
        kept.truncate(MAX_REDIRECT_URIS);
        tracing::info!(
            left_out = more,
            "a client has more redirect URIs than are registered"
        );
    }
    unusable.truncate(MAX_REDIRECT_URIS);
    log_refused(&unusable, kept.len());
    match first {
        _ if !kept.is_empty() => Ok(kept),
        Some(first) => Err(OAuthError::new(ErrorCode::InvalidRedirectUri, first)),
        None => refuse(
            ErrorCode::InvalidClientMetadata,
            "`redirect_uris` holds nothing but values that are not text",
        ),
    }
}

/// The refusal of a registration. Logs some of each kind: the client's makers see the reason only
/// if their client shows it. `description` has nothing of the request in it.
fn refused(context: &Context, code: ErrorCode, description: &'static str) -> OAuthError {
    let now = context.clock.elapsed();
    if let Some(left_out) = context.lines.admit(description, now) {
        tracing::warn!(reason = description, left_out, "registration refused");
    }
    OAuthError::new(code, description)
}

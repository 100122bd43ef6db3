//! The token endpoint (RFC 6749 section 3.2): one function per grant.

use std::sync::Arc;

use aws_lc_rs::digest;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::client_auth::authenticate;
use super::error::{NO_STORE, OAuthError, Parameters};
use super::keys::KeyError;
use super::options::{Client, ResourceParameter};
use super::state::Idp;
use super::store::{Grant, Stale};
use super::tokens::AccessRequest;

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN_URN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT_URN: &str = "urn:ietf:params:oauth:token-type:jwt";

pub(super) async fn token(
    State(idp): State<Arc<Idp>>,
    headers: HeaderMap,
    body: String,
) -> Result<Response, OAuthError> {
    let form = Parameters::parse(&body)?;
    let client = authenticate(&idp, &headers, &form)?;
    if idp.options.resource == ResourceParameter::Refused && form.get("resource").is_some() {
        return Err(OAuthError::new(
            "invalid_target",
            "`resource` is not supported",
        ));
    }
    let answer = match form.require("grant_type")? {
        "authorization_code" => authorization_code(&idp, &client, &form)?,
        "refresh_token" => refresh_token(&idp, &client, &form)?,
        "client_credentials" => client_credentials(&idp, &client, &form)?,
        TOKEN_EXCHANGE => token_exchange(&idp, &client, &form)?,
        other => {
            return Err(OAuthError::new(
                "unsupported_grant_type",
                format!("not `{other}`"),
            ));
        }
    };
    Ok((NO_STORE, Json(answer)).into_response())
}

impl From<KeyError> for OAuthError {
    fn from(error: KeyError) -> Self {
        tracing::error!(%error, "cannot sign");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Self::new("server_error", "cannot sign")
        }
    }
}

impl From<Stale> for OAuthError {
    fn from(stale: Stale) -> Self {
        Self::new("invalid_grant", stale.to_string())
    }
}

fn authorization_code(idp: &Idp, client: &Client, form: &Parameters) -> Result<Value, OAuthError> {
    let code = form.require("code")?;
    let now = idp.clock.unix_seconds();
    let (grant, redirect_uri, challenge) = idp.store.lock().redeem(code, &client.id, now)?;
    if form.require("redirect_uri")? != redirect_uri {
        return Err(OAuthError::new(
            "invalid_grant",
            "`redirect_uri` is not the authorized one",
        ));
    }
    match (challenge, form.get("code_verifier")) {
        (Some(challenge), Some(verifier)) => check_verifier(&challenge, verifier)?,
        (None, None) => {}
        // RFC 9700 2.1.1: a verifier without a challenge is a downgrade as well
        (Some(_), None) => return Err(OAuthError::new("invalid_grant", "no `code_verifier`")),
        (None, Some(_)) => return Err(OAuthError::new("invalid_grant", "no `code_challenge`")),
    }
    respond(idp, grant)
}

/// RFC 7636 section 4.6, method S256.
fn check_verifier(challenge: &str, verifier: &str) -> Result<(), OAuthError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(legal) {
        return Err(OAuthError::invalid_request("`code_verifier` is malformed"));
    }
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    if URL_SAFE_NO_PAD.encode(hash.as_ref()) == challenge {
        return Ok(());
    }
    Err(OAuthError::new(
        "invalid_grant",
        "`code_verifier` does not fit",
    ))
}

fn refresh_token(idp: &Idp, client: &Client, form: &Parameters) -> Result<Value, OAuthError> {
    let token = form.require("refresh_token")?;
    let now = idp.clock.unix_seconds();
    let rotate = idp.options.rotate_refresh_tokens;
    let mut grant = idp.store.lock().refresh(token, &client.id, now, rotate)?;
    if let Some(narrower) = form.get("scope") {
        grant.scope = narrowed(&grant.scope, narrower)?;
    }
    respond(idp, grant)
}

fn narrowed(granted: &str, asked: &str) -> Result<String, OAuthError> {
    let mut asked_scopes = asked.split(' ');
    if asked_scopes.all(|scope| granted.split(' ').any(|known| known == scope)) {
        return Ok(asked.to_owned());
    }
    Err(OAuthError::new(
        "invalid_scope",
        "wider than what was granted",
    ))
}

/// The answer for a person's grant: access token, refresh token, ID token where `openid` was asked.
fn respond(idp: &Idp, grant: Grant) -> Result<Value, OAuthError> {
    let person = idp
        .person(&grant.username)
        .ok_or_else(|| OAuthError::new("invalid_grant", "the person is gone"))?;
    let access = idp.issue_access(&AccessRequest {
        person: Some(person),
        client_id: &grant.client_id,
        scope: &grant.scope,
        audience: idp.audience(grant.resource.as_deref()),
        family: Some(&grant.family),
        actor: None,
        ttl: idp.options.access_token_ttl,
    })?;
    let mut answer = json!({
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": idp.options.access_token_ttl.as_secs(),
        "scope": grant.scope,
    });
    if grant.scope.split(' ').any(|scope| scope == "openid") {
        answer["id_token"] = json!(idp.issue_id_token(person, &grant, &access)?);
    }
    answer["refresh_token"] = json!(idp.issue_refresh(grant));
    Ok(answer)
}

fn client_credentials(idp: &Idp, client: &Client, form: &Parameters) -> Result<Value, OAuthError> {
    if client.secret.is_none() || !client.client_credentials {
        return Err(OAuthError::new(
            "unauthorized_client",
            "not allowed for this client",
        ));
    }
    let scope = form.get("scope").unwrap_or_default();
    let access = idp.issue_access(&AccessRequest {
        person: None,
        client_id: &client.id,
        scope,
        audience: idp.audience(form.get("resource")),
        family: None,
        actor: None,
        ttl: idp.options.access_token_ttl,
    })?;
    Ok(json!({
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": idp.options.access_token_ttl.as_secs(),
        "scope": scope,
    }))
}

/// RFC 8693: an access token of a person in, one for another audience out; the client is the actor.
fn token_exchange(idp: &Idp, client: &Client, form: &Parameters) -> Result<Value, OAuthError> {
    if client.secret.is_none() || !client.resource_server {
        return Err(OAuthError::new(
            "unauthorized_client",
            "not allowed for this client",
        ));
    }
    if ![ACCESS_TOKEN_URN, JWT_URN].contains(&form.require("subject_token_type")?) {
        return Err(OAuthError::invalid_request(
            "`subject_token_type` must be an access token",
        ));
    }
    let wanted = form.get("requested_token_type").unwrap_or(ACCESS_TOKEN_URN);
    if ![ACCESS_TOKEN_URN, JWT_URN].contains(&wanted) {
        return Err(OAuthError::invalid_request(
            "`requested_token_type` is not supported",
        ));
    }
    let claims = idp
        .good_claims(form.require("subject_token")?)
        .ok_or_else(|| OAuthError::invalid_request("`subject_token` is not good"))?;
    let person = claims["sub"]
        .as_str()
        .and_then(|sub| idp.person(sub))
        .ok_or_else(|| OAuthError::invalid_request("`subject_token` is nobody's"))?;
    let audience = exchange_audience(idp, form)?;
    let granted = claims["scope"].as_str().unwrap_or_default();
    let scope = match form.get("scope") {
        Some(asked) => narrowed(granted, asked)?,
        None => granted.to_owned(),
    };
    let access = idp.issue_access(&AccessRequest {
        person: Some(person),
        client_id: &client.id,
        scope: &scope,
        audience: &audience,
        family: None,
        actor: Some(&client.id),
        ttl: idp.options.access_token_ttl,
    })?;
    Ok(json!({
        "access_token": access,
        "issued_token_type": ACCESS_TOKEN_URN,
        "token_type": "Bearer",
        "expires_in": idp.options.access_token_ttl.as_secs(),
        "scope": scope,
    }))
}

fn exchange_audience(idp: &Idp, form: &Parameters) -> Result<String, OAuthError> {
    let options = &idp.options;
    let asked = form
        .get("audience")
        .or_else(|| form.get("resource"))
        .unwrap_or(&options.audience);
    let known = asked == options.audience
        || options
            .exchange_audiences
            .iter()
            .any(|audience| audience == asked);
    if known {
        return Ok(asked.to_owned());
    }
    Err(OAuthError::new("invalid_target", "unknown audience"))
}

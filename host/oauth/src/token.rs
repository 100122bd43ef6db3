//! `POST /oauth/token` (RFC 6749 section 3.2): exchanges a code or a refresh token for tokens.
//!
//! Whatever is wrong with a code or token, the answer is the same. Only what is wrong counts against
//! the sender's address.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::HeaderMap,
};

use super::{
    context::Context,
    error::{ErrorCode, OAuthError},
    grants::{TokenAnswer, authorization_code, refresh_token},
    limits::Peer,
    params::Params,
    resource,
    types::ClientId,
};

/// Serves the endpoint.
pub(super) async fn post(
    State(context): State<Arc<Context>>,
    peer: Peer,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<TokenAnswer, OAuthError> {
    let answer = grant(&context, &headers, body).await;
    answer.map_err(|error| context.token_limits.failed(&peer, error))
}

async fn grant(
    context: &Arc<Context>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<TokenAnswer, OAuthError> {
    let (id, params) = authenticated(context, headers, body)?;
    let client = id.key();
    context.clients.check_standing(&client)?;
    if !resource::is_ours(context, &client, &params) {
        return Err(OAuthError::new(
            ErrorCode::InvalidTarget,
            "`resource` is not this server",
        ));
    }
    match params.required("grant_type")? {
        "authorization_code" => authorization_code::redeem(context, &id, &params).await,
        "refresh_token" => refresh_token::refresh(context, &client, &params).await,
        _ => Err(OAuthError::new(
            ErrorCode::UnsupportedGrantType,
            "the grant types are authorization_code and refresh_token",
        )),
    }
}

/// The form of a request, and the client that sent it.
pub(super) fn authenticated(
    context: &Context,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(ClientId, Params), OAuthError> {
    let body = body.map_err(|_| OAuthError::too_large())?;
    let params = Params::parse(&body).ok_or_else(OAuthError::too_large)?;
    if params.any_repeated() {
        let description = "a parameter is repeated";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    }
    let client = context.clients.authenticate(headers, &params)?;
    Ok((client, params))
}

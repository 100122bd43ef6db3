//! `POST /oauth/token` (RFC 6749 section 3.2): exchanges a code or a refresh token for tokens.
//!
//! Whatever is wrong with a code or token, the answer is the same.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    TokenMode,
    authorize::is_our_resource,
    callback::{CodeContent, describe},
    context::{Context, SPENT_CODE_TTL},
    error::{ErrorCode, OAuthError},
    limits::Peer,
    params::Params,
    refresh,
    seal::Kind,
    store::TakenCode,
    tokens::{IssueError, TokenSet},
    types::{ClientKey, Code, CodeVerifier, FamilyId},
};

/// A successful answer (RFC 6749 section 5.1).
#[derive(Serialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: String,
    pub(super) token_type: &'static str,
    pub(super) expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) scope: String,
}

impl IntoResponse for TokenAnswer {
    fn into_response(self) -> Response {
        let mut response = Json(self).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        response
    }
}

/// Serves the endpoint.
pub(super) async fn post(
    State(context): State<Arc<Context>>,
    peer: Peer,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<TokenAnswer, OAuthError> {
    context.token_limits.count_peer(&peer)?;
    let (client, params) = authenticated(&context, &headers, body)?;
    context.token_limits.count_client(&client)?;
    if !is_our_resource(&context, &params) {
        return Err(OAuthError::new(
            ErrorCode::InvalidTarget,
            "`resource` is not this server",
        ));
    }
    match single(&params, "grant_type")? {
        "authorization_code" => redeem(&context, &client, &params).await,
        "refresh_token" => refresh::refresh(&context, &client, &params).await,
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
) -> Result<(ClientKey, Params), OAuthError> {
    let body = body.map_err(|_| OAuthError::too_large())?;
    let params = Params::parse(&body).ok_or_else(OAuthError::too_large)?;
    if params.any_repeated() {
        let description = "a parameter is repeated";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    }
    let client = context.clients.authenticate(headers, &params)?;
    Ok((client, params))
}

/// The value of a required parameter.
pub(super) fn single<'a>(params: &'a Params, name: &str) -> Result<&'a str, OAuthError> {
    params
        .get(name)
        .ok()
        .flatten()
        .ok_or_else(|| OAuthError::new(ErrorCode::InvalidRequest, format!("`{name}` is missing")))
}

/// Redeems a code (RFC 6749 section 4.1.3 with RFC 7636 section 4.5).
async fn redeem(
    context: &Context,
    client: &ClientKey,
    params: &Params,
) -> Result<TokenAnswer, OAuthError> {
    let code = Code::parse(single(params, "code")?).ok_or_else(OAuthError::invalid_grant)?;
    // No verifier, no code: PKCE cannot be left out (and the code stays for whoever has one).
    let verifier = single(params, "code_verifier")?;
    let verifier = CodeVerifier::parse(verifier).ok_or_else(OAuthError::invalid_grant)?;
    // Taken before anything is compared: a code is valid for one attempt.
    let sealed = match context
        .store
        .take_code(&code.store_key(), SPENT_CODE_TTL)
        .await?
    {
        TakenCode::Fresh(sealed) => sealed,
        TakenCode::Spent(family) => {
            tracing::warn!(client = %client, "code was used twice, its tokens are revoked");
            context
                .store
                .end_family(&family, context.settings.refresh_ttl)
                .await?;
            return Err(OAuthError::invalid_grant());
        }
        TakenCode::Unknown => return Err(OAuthError::invalid_grant()),
    };
    let content: CodeContent = context
        .sealer
        .open(Kind::Code, &sealed)
        .ok_or_else(OAuthError::invalid_grant)?;
    let CodeContent {
        request,
        tokens,
        family,
    } = content;
    // OAuth 2.1 has no redirect_uri here; a client that sends one must send the right one.
    let redirect_uri = params.get("redirect_uri").ok().flatten();
    let same_uri = redirect_uri.is_none_or(|uri| uri == request.reply_to.redirect_uri.as_str());
    if request.client != *client || !same_uri || !request.challenge.matches(&verifier) {
        return Err(OAuthError::invalid_grant());
    }
    answer(context, &tokens, client, &family, 0)
}

/// The tokens as the client gets them.
pub(super) fn answer(
    context: &Context,
    tokens: &TokenSet,
    client: &ClientKey,
    family: &FamilyId,
    generation: u64,
) -> Result<TokenAnswer, OAuthError> {
    let (access_token, refresh_token) = match context.settings.token_mode {
        TokenMode::Sealed => context.tokens.issue(tokens, client, family, generation)?,
        TokenMode::Relay => (tokens.token.clone(), tokens.refresh.clone()),
    };
    Ok(TokenAnswer {
        access_token,
        token_type: "Bearer",
        expires_in: tokens.expires.saturating_sub(context.clock.now().seconds()),
        refresh_token,
        scope: tokens.scope.clone(),
    })
}

impl From<IssueError> for OAuthError {
    fn from(error: IssueError) -> Self {
        tracing::error!(%error, "token cannot be issued");
        Self::server(describe(&error))
    }
}

//! `GET /oauth/callback`: the identity provider sends the browser back.
//!
//! Continues once, and only in the browser that started (CVE-2026-27124 is what happens otherwise).
//! The provider's code is redeemed here, its token is tried, and the client gets a code of ours.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};

use super::{
    authorize::check_client,
    browser::Browser,
    context::{CODE_TTL, Context},
    error::{ErrorCode, PageError},
    grant::{CodeContent, Request, Transaction},
    grants::token_set,
    limits::Peer,
    params::Params,
    seal::Kind,
    trial,
    types::{Code, FamilyId, State as UpstreamState},
    upstream::{ProviderError, Secrets, UpstreamError, UpstreamTokens},
};

/// Longest query that is accepted, in bytes.
const MAX_QUERY_BYTES: usize = 16 * 1_024;

/// Serves the endpoint.
pub(super) async fn get(
    State(context): State<Arc<Context>>,
    peer: Peer,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    match callback(
        &context,
        &peer,
        &headers,
        query.as_deref().unwrap_or_default(),
    )
    .await
    {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn callback(
    context: &Context,
    peer: &Peer,
    headers: &HeaderMap,
    query: &str,
) -> Result<Response, PageError> {
    let Context { clock, sealer, .. } = context;
    // Whoever comes back from the provider to a sign-in of theirs is a person; all others count.
    let stale = || match context.authorize_limits.count_peer(peer) {
        Ok(()) => PageError::bad_request(
            "This sign-in was finished before, took too long or began in another browser. Start again from your app.",
        ),
        Err(too_many) => too_many.into(),
    };
    let params = (query.len() <= MAX_QUERY_BYTES)
        .then(|| Params::parse(query.as_bytes()))
        .flatten();
    let params = params
        .filter(|params| !params.any_repeated())
        .ok_or_else(stale)?;
    let get = |name| params.get(name).ok().flatten();
    let state = get("state")
        .and_then(UpstreamState::parse)
        .ok_or_else(stale)?;
    // Without our cookie nothing is taken out: a leaked state is not enough to spoil a sign-in.
    let browser = Browser::known(headers, sealer, &context.public_url, clock).ok_or_else(stale)?;
    let sealed = context
        .store
        .take_transaction(&state.store_key())
        .await?
        .ok_or_else(stale)?;
    let transaction: Transaction = sealer.open(Kind::Transaction, &sealed).ok_or_else(stale)?;
    if !browser.id.is(&transaction.browser) {
        tracing::warn!(client = %transaction.request.client, "sign-in came back in another browser");
        return Err(stale());
    }
    check_client(context, &transaction.request.client)?;
    Ok(finish(context, transaction, &params).await)
}

/// Finishes the sign-in. Every error from here on is reported to the client.
async fn finish(context: &Context, transaction: Transaction, params: &Params) -> Response {
    let issuer = context.public_url.issuer();
    let Transaction {
        request,
        verifier,
        nonce,
        ..
    } = transaction;
    let get = |name| params.get(name).ok().flatten();
    let iss = get("iss");
    // An error gives nothing away, and some providers name themselves beside codes only.
    let is_named = iss.is_some() || get("error").is_none();
    if is_named && !context.upstream.is_issuer(iss).await {
        context.upstream.log_other_issuer(iss);
        let description = "the answer did not come from the configured identity provider";
        return request
            .reply_to
            .error(ErrorCode::ServerError, description, issuer);
    }
    if let Some(error) = get("error") {
        let secrets = Secrets::new(get("state"));
        let error = ProviderError::new(error, get("error_description"), &secrets);
        let client = request.client.as_str();
        context.upstream.log_refused_sign_in(client, &error);
        return request.reply_to.provider_error(&error, issuer);
    }
    let Some(code) = get("code") else {
        let description = "the identity provider sent neither a code nor an error";
        return request
            .reply_to
            .error(ErrorCode::ServerError, description, issuer);
    };
    let resource = context.public_url.resource();
    let redeemed = context
        .upstream
        .redeem(code, &verifier, nonce.as_ref(), &resource);
    let tokens = match redeemed.await {
        Ok(tokens) => tokens,
        Err(error) => {
            let what = "code of the identity provider could not be redeemed";
            context
                .upstream
                .log_refusal(what, request.client.as_str(), &error);
            let (code, description) = match error {
                UpstreamError::Unavailable(_) => (
                    ErrorCode::TemporarilyUnavailable,
                    "the identity provider does not answer",
                ),
                _ => (
                    ErrorCode::ServerError,
                    "the identity provider did not give a token",
                ),
            };
            return request.reply_to.error(code, description, issuer);
        }
    };
    if let Err((code, description)) = trial::check(&*context.trial, &tokens.token).await {
        return request.reply_to.error(code, description, issuer);
    }
    match issue_code(context, request.clone(), tokens).await {
        Ok(code) => request.reply_to.code(code.expose(), issuer),
        Err((code, description)) => request.reply_to.error(code, description, issuer),
    }
}

async fn issue_code(
    context: &Context,
    request: Request,
    upstream: UpstreamTokens,
) -> Result<Code, (ErrorCode, &'static str)> {
    let family = FamilyId::random();
    let tokens = token_set(context, &upstream, &request.scope);
    // A token that cannot be issued is reported now, not after the client redeemed the code.
    context.tokens.check(&tokens).map_err(|error| {
        tracing::error!(%error, "token cannot be issued");
        (ErrorCode::ServerError, error.describe())
    })?;
    let code = Code::random();
    let content = CodeContent {
        request,
        tokens,
        family,
    };
    let failed = |_| (ErrorCode::ServerError, "the code could not be made");
    let sealed = context.sealer.seal(Kind::Code, &content).map_err(failed)?;
    context
        .store
        .put_code(&code.store_key(), sealed, &content.family, CODE_TTL)
        .await
        .map_err(|error| {
            tracing::error!(%error, "sign-in store failed");
            (
                ErrorCode::TemporarilyUnavailable,
                "the sign-in state cannot be kept now",
            )
        })?;
    tracing::info!(client = %content.request.client, "person signed in");
    Ok(code)
}

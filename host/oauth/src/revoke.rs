//! `POST /oauth/revoke` (RFC 7009): a client signs a person out.
//!
//! Revoking either token ends the whole sign-in, here and at the provider. The answer does not tell
//! whether there was anything to revoke. In relay mode the access token is the provider's, so only the
//! refresh token can be revoked.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
};

use super::{
    TokenMode, at_provider,
    context::Context,
    error::{ErrorCode, OAuthError},
    limits::Peer,
    token::authenticated,
    tokens::Owned,
};

/// Serves the endpoint.
pub(super) async fn post(
    State(context): State<Arc<Context>>,
    peer: Peer,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, OAuthError> {
    let revoked = revoke(&context, &headers, body).await;
    match revoked.map_err(|error| context.token_limits.failed(&peer, error))? {
        Revoked::SignIn => {}
        Revoked::Nothing => context.token_limits.count_peer(&peer)?,
    }
    Ok(StatusCode::OK)
}

/// What a request has revoked; its answer does not tell.
enum Revoked {
    /// A sign-in of this client.
    SignIn,
    /// Nothing: the token is unknown, or another client's.
    Nothing,
}

async fn revoke(
    context: &Arc<Context>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Revoked, OAuthError> {
    let (id, params) = authenticated(context, headers, body)?;
    let client = id.key();
    let token = params.required("token")?;
    let owned = match context.tokens.open_refresh(token) {
        Some(content) => Some(Owned {
            client: content.client.clone(),
            family: content.family.clone(),
            expires: content.expires,
            at_provider: Some(content.upstream.clone()),
        }),
        None => context.tokens.access_owner(token),
    };
    match owned {
        Some(owned) if owned.client == client => {
            context.token_limits.count_sign_in(&owned.family)?;
            let Owned {
                family,
                expires,
                at_provider,
                ..
            } = owned;
            at_provider::end(context, &family, expires, at_provider).await?;
            tracing::info!(client = %client, "client revoked a sign-in");
            Ok(Revoked::SignIn)
        }
        // Perhaps an access token of the provider: nothing shows whose it is, so no client may end it.
        None if context.settings.token_mode == TokenMode::Relay => Err(OAuthError::new(
            ErrorCode::UnsupportedTokenType,
            "only refresh tokens can be revoked here",
        )),
        _ => Ok(Revoked::Nothing),
    }
}

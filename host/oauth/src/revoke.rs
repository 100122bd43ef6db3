//! `POST /oauth/revoke` (RFC 7009): a client signs a person out.
//!
//! Revoking either token ends the whole sign-in. The answer does not tell whether there was
//! anything to revoke. In relay mode the access token is the provider's, so only the refresh token
//! can be revoked.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
};

use super::{
    TokenMode,
    context::Context,
    error::{ErrorCode, OAuthError},
    limits::Peer,
    token::authenticated,
};

/// Serves the endpoint.
pub(super) async fn post(
    State(context): State<Arc<Context>>,
    peer: Peer,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, OAuthError> {
    context.token_limits.count_peer(&peer)?;
    let (client, params) = authenticated(&context, &headers, body)?;
    context.token_limits.count_client(&client)?;
    let token = params.required("token")?;
    let (owner, family) = if let Some(content) = context.tokens.open_refresh(token) {
        if content.client == client {
            forget_upstream(&context, content.upstream.clone());
        }
        (content.client.clone(), content.family.clone())
    } else if let Some(owned) = context.tokens.access_owner(token) {
        owned
    } else if context.settings.token_mode == TokenMode::Relay {
        // Perhaps an access token of the provider: nothing shows whose it is, so no client may end it.
        return Err(OAuthError::new(
            ErrorCode::UnsupportedTokenType,
            "only refresh tokens can be revoked here",
        ));
    } else {
        return Ok(StatusCode::OK);
    };
    if owner == client {
        context
            .store
            .end_family(&family, context.settings.refresh_ttl)
            .await?;
        tracing::info!(client = %client, "client revoked a sign-in");
    }
    Ok(StatusCode::OK)
}

/// Revokes the token at the provider, too, without waiting for it.
fn forget_upstream(context: &Arc<Context>, token: String) {
    let context = Arc::clone(context);
    tokio::spawn(async move {
        if let Err(error) = context.upstream.revoke(&token).await {
            tracing::warn!(%error, "identity provider did not revoke a token");
        }
    });
}

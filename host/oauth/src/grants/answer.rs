//! The successful answer of the token endpoint (RFC 6749 section 5.1).

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use foundation::clock::UnixMillis;
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::{
    TokenMode,
    context::Context,
    error::OAuthError,
    tokens::{IssueError, Terms, TokenSet},
    upstream::UpstreamTokens,
};

/// A successful answer (RFC 6749 section 5.1).
#[derive(Serialize)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: String,
    pub(crate) token_type: &'static str,
    pub(crate) expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) scope: String,
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

/// The tokens as the client gets them.
pub(super) async fn answer(
    context: &Context,
    tokens: &TokenSet,
    terms: &Terms<'_>,
) -> Result<TokenAnswer, OAuthError> {
    let issuer = &context.tokens;
    issuer.check(tokens)?;
    let access_token = match context.settings.token_mode {
        TokenMode::Sealed => issuer.issue_access(tokens, terms).await?,
        TokenMode::Relay => tokens.token.clone(),
    };
    // Ours in relay mode, too: bound to the client (RFC 6749 section 6), and the provider is asked
    // once however often it comes.
    let refresh_token = issuer.issue_refresh(tokens, terms)?;
    Ok(TokenAnswer {
        access_token,
        token_type: "Bearer",
        // Whole seconds that are surely left: clients believe it to the second.
        expires_in: UnixMillis::from_seconds(tokens.expires)
            .0
            .saturating_sub(context.clock.unix_millis().0)
            / 1_000,
        refresh_token,
        scope: terms.part.unwrap_or(&tokens.scope).to_owned(),
    })
}

/// The provider's answer as we keep it.
pub(crate) fn token_set(context: &Context, upstream: &UpstreamTokens, scope: &str) -> TokenSet {
    let now = context.clock.unix_millis();
    let longest = now.after(context.settings.access_ttl);
    TokenSet {
        token: upstream.token.expose_secret().to_owned(),
        refresh: upstream
            .refresh
            .as_ref()
            .map(|token| token.expose_secret().to_owned()),
        expires: upstream
            .expires
            .map_or(longest, |expires| expires.min(longest))
            .seconds(),
        refresh_expires: now.after(context.settings.refresh_ttl).seconds(),
        scope: upstream.scope.clone().unwrap_or_else(|| scope.to_owned()),
        subjects: upstream.subjects.clone(),
    }
}

impl From<IssueError> for OAuthError {
    fn from(error: IssueError) -> Self {
        if let IssueError::Store(error) = error {
            return error.into();
        }
        tracing::error!(%error, "token cannot be issued");
        Self::server(error.describe())
    }
}

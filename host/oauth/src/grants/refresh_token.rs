//! The refresh_token grant (RFC 6749 section 6) with rotation (OAuth 2.1 section 4.3.1).
//!
//! The provider is asked once for each of our refresh tokens, however many requests present it and
//! at however many replicas: providers that rotate end the session at a second use. Within its
//! grace period a used token gets the newest answer of the family, also if that is several
//! refreshes later: parallel calls of one client arrive in any order. A later use ends the family.
//! It is always asked for all that was granted; a client that asks for less gets an envelope that is
//! good for less, and may ask for all again.

use std::{sync::Arc, time::Duration};

use super::{
    answer::{TokenAnswer, answer, token_set},
    rotation::{Presented, Rotated, rotate},
    scope::part,
};
use crate::{
    at_provider,
    authorize::{upstream_scope, upstream_spelling},
    context::{Context, REFRESH_GRACE},
    error::OAuthError,
    params::Params,
    seal::Kind,
    tokens::{RefreshContent, Terms, TokenSet},
    types::ClientKey,
    upstream::UpstreamError,
};

/// The interval at which waiting requests check for the answer.
const POLL: Duration = Duration::from_millis(50);
/// The longest time that they wait.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// Answers the grant.
pub(crate) async fn refresh(
    context: &Arc<Context>,
    client: &ClientKey,
    params: &Params,
) -> Result<TokenAnswer, OAuthError> {
    let presented = params.required("refresh_token")?;
    let content = context
        .tokens
        .open_refresh(presented)
        .ok_or_else(OAuthError::invalid_grant)?;
    if content.client != *client {
        return Err(OAuthError::invalid_grant());
    }
    context.token_limits.count_sign_in(&content.family)?;
    let asked = params.get("scope").ok().flatten();
    let part = part(&content, asked, context.settings.token_mode)?;
    let content = Arc::new(content);
    let waiting = tokio::time::timeout(MAX_WAIT, answered(context, &content));
    let (tokens, generation) = waiting
        .await
        .map_err(|_| OAuthError::unavailable("the refresh takes too long"))??;
    let terms = Terms {
        client,
        family: &content.family,
        generation,
        names: &content.names,
        part: part.as_deref(),
    };
    answer(context, &tokens, &terms).await
}

/// Gets the answer for this refresh token, by asking or from the request that is or was asking, and
/// the number of the next refresh token.
async fn answered(
    context: &Arc<Context>,
    content: &Arc<RefreshContent>,
) -> Result<(TokenSet, u64), OAuthError> {
    let presented = Presented {
        family: &content.family,
        generation: content.generation,
        ttl: context.remembered(content.expires),
    };
    let asking = || async {
        // On its own task: the rotated token must not be lost when the client hangs up.
        let task = tokio::spawn(ask(Arc::clone(context), Arc::clone(content)));
        task.await
            .unwrap_or_else(|_| Err(OAuthError::server("refresh failed")))
    };
    let pause = || tokio::time::sleep(POLL);
    match rotate(&*context.store, &presented, asking, pause).await? {
        Rotated::Asked(tokens) => Ok((tokens, content.generation + 1)),
        Rotated::Replayed { generation, value } => {
            let family = content.family.as_str();
            let tokens = context.sealer.open_at(Kind::Answer, family, &value);
            tokens
                .map(|tokens| (tokens, generation))
                .ok_or_else(OAuthError::invalid_grant)
        }
        Rotated::Revoked => {
            tracing::warn!(client = %content.client, "refresh token was used before, or its sign-in has ended");
            at_provider::tell(context, &content.family, None);
            Err(OAuthError::invalid_grant())
        }
    }
}

/// Asks the provider, and keeps the answer for requests within the grace period.
async fn ask(context: Arc<Context>, content: Arc<RefreshContent>) -> Result<TokenSet, OAuthError> {
    let RefreshContent {
        family,
        generation,
        scope,
        upstream,
        ..
    } = &*content;
    let resource = context.public_url.resource();
    // As the provider granted it, with what was added to it at the sign-in.
    let offered = &context.settings.default_scopes;
    let asked = upstream_scope(&upstream_spelling(scope, offered), offered);
    let refreshed = context.upstream.refresh(upstream, &asked, &resource).await;
    let fresh = match refreshed {
        Ok(fresh) => fresh,
        Err(error) => {
            let what = "identity provider did not refresh";
            context
                .upstream
                .log_refusal(what, content.client.as_str(), &error);
            if error.needs_sign_in() {
                at_provider::end(&context, family, content.expires, None).await?;
                return Err(OAuthError::invalid_grant());
            }
            context.store.release(family, *generation).await?;
            return Err(not_refreshed(&error));
        }
    };
    if !fresh.subjects.fit(&content.subjects) {
        tracing::error!(
            client = %content.client,
            "the identity provider answered a refresh with the tokens of another person: the sign-in has ended"
        );
        at_provider::end(&context, family, content.expires, None).await?;
        return Err(OAuthError::invalid_grant());
    }
    let mut tokens = token_set(&context, &fresh, scope);
    tokens.subjects = fresh.subjects.or(&content.subjects);
    // A provider that does not rotate sends none: the old one stays valid.
    tokens.refresh.get_or_insert_with(|| upstream.clone());
    let sealed = context
        .sealer
        .seal_at(Kind::Answer, family.as_str(), &tokens)
        .map_err(|_| OAuthError::server("the answer could not be kept"))?;
    // First, so that whoever ends the sign-in from now on finds it.
    at_provider::keep(&context, family, tokens.refresh.as_deref()).await;
    let kept = context
        .store
        .answer(family, *generation, sealed, REFRESH_GRACE);
    if !kept.await? {
        tracing::info!(client = %content.client, "a sign-in ended while it was refreshed");
        at_provider::tell(&context, family, tokens.refresh.clone());
        return Err(OAuthError::invalid_grant());
    }
    Ok(tokens)
}

fn not_refreshed(error: &UpstreamError) -> OAuthError {
    match error {
        UpstreamError::Unavailable(_) => {
            OAuthError::unavailable("the identity provider does not answer")
        }
        _ => OAuthError::server("the identity provider did not give a token"),
    }
}

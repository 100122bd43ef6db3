//! The authorization code grant (RFC 6749 section 4.1.3) with PKCE (RFC 7636 section 4.5).

use std::sync::Arc;

use super::{
    answer::{TokenAnswer, answer},
    scope::names,
};
use crate::{
    at_provider,
    context::{Context, SPENT_CODE_TTL},
    error::OAuthError,
    grant::CodeContent,
    params::Params,
    redirect_uri::RedirectUri,
    seal::Kind,
    store::{Standing, TakenCode},
    tokens::Terms,
    types::{ClientId, Code, CodeVerifier},
};

/// Redeems a code of ours. Any error spends it.
pub(crate) async fn redeem(
    context: &Arc<Context>,
    id: &ClientId,
    params: &Params,
) -> Result<TokenAnswer, OAuthError> {
    let client = &id.key();
    let code = Code::parse(params.required("code")?).ok_or_else(OAuthError::invalid_grant)?;
    // No verifier, no code: PKCE cannot be left out (and the code stays for whoever has one).
    let verifier = params.required("code_verifier")?;
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
            at_provider::end(context, &family, 0, None).await?;
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
    list(context, id, &request.reply_to.redirect_uri).await;
    at_provider::keep(context, &family, tokens.refresh.as_deref()).await;
    if context.store.standing(&family) == Standing::Ended {
        // A second use of the code was quicker than the first.
        at_provider::tell(context, &family, tokens.refresh.clone());
        return Err(OAuthError::invalid_grant());
    }
    let names = names(&request.asked, &request.scope, &tokens.scope);
    let terms = Terms {
        client,
        family: &family,
        generation: 0,
        names: &names,
        part: None,
    };
    answer(context, &tokens, &terms).await
}

/// Lists the client for the operator. A sign-in does not fail for that.
async fn list(context: &Context, id: &ClientId, redirect_uri: &RedirectUri) {
    let listed = context.clients.listed(id, redirect_uri);
    if let Err(error) = context.store.note_client(listed).await {
        tracing::warn!(%error, "a client is not in the list of clients");
    }
}

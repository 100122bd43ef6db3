//! The provider's side of a sign-in. Its refresh token is kept in the store, sealed, for the one who
//! ends the sign-in and does not hold it: with an access token, or because a token was used twice.
//!
//! Never fails a sign-in: where the refresh token is not known, the provider is told of less.

use std::sync::Arc;

use super::{context::Context, seal::Kind, store::StoreError, types::FamilyId};

/// The longest refresh token of a provider that is kept, in bytes.
const MAX_KEPT_BYTES: usize = 4 * 1_024;

/// Keeps the newest refresh token of the sign-in `family`.
pub(super) async fn keep(context: &Context, family: &FamilyId, refresh: Option<&str>) {
    let Some(refresh) = refresh.filter(|refresh| refresh.len() <= MAX_KEPT_BYTES) else {
        return;
    };
    let sealed = context
        .sealer
        .seal_at(Kind::Provider, family.as_str(), &refresh);
    let ttl = context.settings.refresh_ttl;
    let kept = match sealed {
        Ok(sealed) => context.store.put_upstream(family, sealed, ttl).await,
        Err(error) => Err(StoreError(error.to_string())),
    };
    if let Err(error) = kept {
        tracing::warn!(%error, "a refresh token of the provider is not kept: a revocation by access token may not reach the provider");
    }
}

/// Ends the sign-in `family`: none of its tokens is valid any more, here and at the provider.
/// A token of it may be good until `expires`, in seconds since 1970; `presented` is a token of the
/// provider that the caller holds, for where the store keeps none.
///
/// # Errors
/// If the store cannot end it.
pub(super) async fn end(
    context: &Arc<Context>,
    family: &FamilyId,
    expires: u64,
    presented: Option<String>,
) -> Result<(), StoreError> {
    let ttl = context.remembered(expires);
    context.store.end_family(family, ttl).await?;
    tell(context, family, presented);
    Ok(())
}

/// Tells the provider that the sign-in `family` has ended, without waiting for it.
pub(super) fn tell(context: &Arc<Context>, family: &FamilyId, presented: Option<String>) {
    let (context, family) = (Arc::clone(context), family.clone());
    tokio::spawn(async move {
        let newest = kept(&context, &family).await;
        let presented = presented.filter(|presented| newest.as_ref() != Some(presented));
        for token in newest.into_iter().chain(presented) {
            if let Err(error) = context.upstream.revoke(&token).await {
                tracing::warn!(%error, "identity provider did not revoke a token");
            }
        }
    });
}

/// Takes the refresh token that is kept.
async fn kept(context: &Context, family: &FamilyId) -> Option<String> {
    match context.store.take_upstream(family).await {
        Ok(sealed) => {
            let place = family.as_str();
            context.sealer.open_at(Kind::Provider, place, &sealed?)
        }
        Err(error) => {
            tracing::warn!(%error, "the provider's refresh token of an ended sign-in is not known");
            None
        }
    }
}

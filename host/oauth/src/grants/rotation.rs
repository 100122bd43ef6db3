//! The rotation of refresh tokens with grace: of all requests that present one token, or another of its
//! family within the grace period, one asks the provider, and all get its answer.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::{
    store::{RefreshClaim, Store, StoreError},
    types::FamilyId,
};

/// The longest time that one refresh at the provider may hold up the others. More than its
/// time-out.
const LEASE: Duration = Duration::from_secs(30);

/// A refresh token that is presented: the one of number `generation` in its family.
pub(super) struct Presented<'a> {
    pub(super) family: &'a FamilyId,
    pub(super) generation: u64,
    /// The time for which the family is remembered.
    pub(super) ttl: Duration,
}

/// The end of a request with a refresh token.
pub(super) enum Rotated<T> {
    /// This request has asked the provider.
    Asked(T),
    /// Another one has, and kept this answer with the refresh token of number `generation`.
    Replayed { generation: u64, value: String },
    /// The token was used before the grace period, or its family has ended. It has ended now.
    Revoked,
}

/// Asks the provider with `ask`, or waits with `pause` for the request that is asking. `ask` must call
/// [`Store::answer`] or [`Store::release`].
///
/// # Errors
/// Of the store, and of `ask`.
pub(super) async fn rotate<T, E, A, P>(
    store: &dyn Store,
    presented: &Presented<'_>,
    ask: impl FnOnce() -> A,
    pause: impl Fn() -> P,
) -> Result<Rotated<T>, E>
where
    E: From<StoreError>,
    A: Future<Output = Result<T, E>>,
    P: Future<Output = ()>,
{
    let Presented {
        family,
        generation,
        ttl,
    } = *presented;
    loop {
        match store.claim_refresh(family, generation, LEASE, ttl).await? {
            RefreshClaim::Granted => return ask().await.map(Rotated::Asked),
            RefreshClaim::InProgress => pause().await,
            RefreshClaim::Replayed { generation, value } => {
                return Ok(Rotated::Replayed { generation, value });
            }
            RefreshClaim::Revoked => return Ok(Rotated::Revoked),
        }
    }
}

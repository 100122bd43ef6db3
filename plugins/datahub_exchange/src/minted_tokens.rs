//! The minted tokens: one in use for each person, never two minted at once for one person, a
//! bounded number, renewed ahead of their expiry, and all revoked at shutdown.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use plugin_api::sdk::{Failure, Token};
use tokio::{sync::Semaphore, task::JoinSet};
use validator_common::{Cache, Clock, Remember};

use crate::{
    mapping::UserUrn,
    mint::{Mint, renew_ahead},
};

/// The time that all revocations at shutdown may take together: less than the 5 s after which the
/// host drops a validator, so that the log says how many are left.
const REVOKE_TIMEOUT: Duration = Duration::from_secs(4);
/// The time for which a token that DataHub accepted, or minted, is used without asking DataHub
/// again. The host asks about a person whose answer it has cached only if DataHub has refused the
/// token since, or if the person presents another one.
pub(crate) const TAKEN_FOR: Duration = Duration::from_secs(2);
const REVOKE_AT_ONCE: usize = 8;
/// The shortest time between two replacements of a person's token. If DataHub refuses the new one
/// within it, it would refuse the next one too: an operator must fix that, another sign-in does
/// not.
pub(crate) const REPLACE_EVERY: Duration = Duration::from_secs(60);

/// A person's token.
#[derive(Debug)]
pub(crate) struct Minted {
    token: Token,
    expires_at: u64,
    /// The time of renewal, on the monotonic clock.
    renew_at: Duration,
}

impl Minted {
    pub(crate) fn token(&self) -> &Token {
        &self.token
    }

    /// The expiry, in seconds since the Unix epoch.
    pub(crate) fn expires_at(&self) -> u64 {
        self.expires_at
    }
}

/// The tokens that were minted and are still valid at DataHub.
#[derive(Debug, Default)]
struct Living {
    /// The ids, each with its expiry on the monotonic clock.
    tokens: HashMap<UserUrn, Vec<(String, Duration)>>,
    /// Set when the host stops: tokens minted from then on are revoked at once.
    closed: bool,
}

/// The people and their tokens.
#[derive(Debug)]
pub(crate) struct MintedTokens {
    mint: Mint,
    clock: Clock,
    held: Cache<UserUrn, Arc<Minted>>,
    /// The people whose token DataHub accepted, or minted, within [`TAKEN_FOR`].
    taken: Cache<UserUrn, bool>,
    /// The people whose token was replaced within [`REPLACE_EVERY`], because DataHub refused it.
    replaced: Cache<UserUrn, ()>,
    renewing: Mutex<HashSet<UserUrn>>,
    living: Mutex<Living>,
    max_people: usize,
}

impl MintedTokens {
    pub(crate) fn new(mint: Mint, max_people: usize, clock: Clock) -> Self {
        Self {
            mint,
            held: Cache::new(max_people as u64, clock.clone()),
            taken: Cache::new(max_people as u64, clock.clone()),
            replaced: Cache::new(max_people as u64, clock.clone()),
            clock,
            renewing: Mutex::default(),
            living: Mutex::default(),
            max_people,
        }
    }

    pub(crate) fn mint(&self) -> &Mint {
        &self.mint
    }

    /// The person's token, if one is held that need not be renewed yet and that DataHub accepted
    /// within [`TAKEN_FOR`]. Never waits.
    pub(crate) fn held(&self, user: &UserUrn) -> Option<Arc<Minted>> {
        self.taken.get(user)?;
        self.held
            .get(user)
            .filter(|minted| self.clock.elapsed() < minted.renew_at)
    }

    /// The time for which the host may cache a token: until its renewal is due, at least one
    /// second.
    pub(crate) fn remember_for(&self, minted: &Minted) -> Duration {
        minted
            .renew_at
            .saturating_sub(self.clock.elapsed())
            .max(Duration::from_secs(1))
    }

    /// The person's token, minted if there is none that DataHub accepts. One that is due for
    /// renewal is still returned while the next one is minted in the background.
    ///
    /// # Errors
    /// As [`Mint::mint`]; [`Failure::unavailable`] when the host stops, or if DataHub refused the
    /// previous token as well.
    pub(crate) async fn token_of(this: &Arc<Self>, user: &UserUrn) -> Result<Arc<Minted>, Failure> {
        if let Some(minted) = this.held.get(user) {
            let taken = this.is_taken(user, &minted).await?;
            // While DataHub was asked, another call may have replaced the token.
            match this.held.get(user) {
                Some(held) if taken => {
                    if this.clock.elapsed() >= held.renew_at {
                        Self::renew(this, user.clone());
                    }
                    return Ok(held);
                }
                Some(held) if Arc::ptr_eq(&held, &minted) => {
                    if this.replaced.get(user).is_some() {
                        let why = "DataHub refuses the tokens that it mints for this person";
                        return Err(Failure::unavailable(why).retry_after(REPLACE_EVERY));
                    }
                    tracing::warn!(user = %user, "DataHub refuses a token that it minted");
                    this.replaced.put(
                        user,
                        Remember {
                            value: (),
                            ttl: REPLACE_EVERY,
                        },
                    );
                    this.held.forget(user);
                }
                _ => {}
            }
        }
        // In a task of its own: a caller that disconnects must neither leave a token behind that is
        // recorded nowhere, nor let the next caller mint a second one meanwhile.
        let (people, user) = (Arc::clone(this), user.clone());
        let minting =
            tokio::spawn(async move { people.held.get_or(&user, || people.fresh(&user)).await });
        minting
            .await
            .map_err(|_| Failure::internal("minting failed"))?
    }

    /// Says whether DataHub accepts this token. Concurrent callers share one request.
    async fn is_taken(&self, user: &UserUrn, minted: &Minted) -> Result<bool, Failure> {
        let ask = || async {
            let value = self.mint.is_taken(&minted.token).await;
            let ttl = if value { TAKEN_FOR } else { Duration::ZERO };
            Ok(Remember { value, ttl })
        };
        self.taken.get_or(user, ask).await
    }

    fn renew(this: &Arc<Self>, user: UserUrn) {
        if !this.renewing.lock().insert(user.clone()) {
            return;
        }
        let people = Arc::clone(this);
        tokio::spawn(async move {
            match people.fresh(&user).await {
                Ok(fresh) => people.held.put(&user, fresh),
                Err(failure) => {
                    tracing::warn!(user = %user, reason = failure.log_detail(), "DataHub token not renewed");
                    if failure.kind() == plugin_api::sdk::FailureKind::Rejected {
                        people.held.forget(&user);
                    }
                }
            }
            people.renewing.lock().remove(&user);
        });
    }

    async fn fresh(&self, user: &UserUrn) -> Result<Remember<Arc<Minted>>, Failure> {
        if self.living.lock().closed {
            return Err(Failure::unavailable("the server is stopping"));
        }
        self.make_room(user).await;
        let fresh = self.mint.mint(user).await?;
        let wall = u64::try_from(self.clock.unix()).unwrap_or_default();
        let lifetime = Duration::from_secs(fresh.expires_at.saturating_sub(wall));
        let now = self.clock.elapsed();
        if let Some(id) = fresh.id
            && !self.note(user, &id, now + lifetime)
        {
            self.revoke(&id).await;
            return Err(Failure::unavailable("the server is stopping"));
        }
        let minted = Minted {
            token: fresh.token,
            expires_at: fresh.expires_at,
            renew_at: now + lifetime - renew_ahead(lifetime),
        };
        self.taken.put(
            user,
            Remember {
                value: true,
                ttl: TAKEN_FOR,
            },
        );
        Ok(Remember {
            value: Arc::new(minted),
            ttl: lifetime,
        })
    }

    /// Records a minted token; `false` if the host stops and it must be revoked.
    fn note(&self, user: &UserUrn, id: &str, dies_at: Duration) -> bool {
        let mut living = self.living.lock();
        if !living.closed {
            living
                .tokens
                .entry(user.clone())
                .or_default()
                .push((id.to_owned(), dies_at));
        }
        !living.closed
    }

    /// Drops the records of expired tokens and, if there are still too many people, revokes the
    /// tokens of the person whose tokens expire first.
    async fn make_room(&self, user: &UserUrn) {
        let now = self.clock.elapsed();
        let ended = {
            let mut living = self.living.lock();
            living.tokens.retain(|_, tokens| {
                tokens.retain(|(_, dies_at)| *dies_at > now);
                !tokens.is_empty()
            });
            if living.tokens.len() < self.max_people || living.tokens.contains_key(user) {
                return;
            }
            let last = |tokens: &Vec<(String, Duration)>| tokens.iter().map(|(_, at)| *at).max();
            let next = living.tokens.iter().min_by_key(|(_, tokens)| last(tokens));
            let Some(next) = next.map(|(user, _)| user.clone()) else {
                return;
            };
            self.held.forget(&next);
            living.tokens.remove(&next).unwrap_or_default()
        };
        tracing::warn!(
            max_people = self.max_people,
            "too many people at once, revoking one person's tokens early"
        );
        for (id, _) in ended {
            self.revoke(&id).await;
        }
    }

    async fn revoke(&self, id: &str) {
        if let Err(failure) = self.mint.revoke(id).await {
            tracing::warn!(
                reason = failure.log_detail(),
                "a DataHub token was not revoked, it expires within the hour"
            );
        }
    }

    /// Revokes all recorded tokens and stops minting.
    pub(crate) async fn revoke_all(self: &Arc<Self>) {
        let tokens = {
            let mut living = self.living.lock();
            living.closed = true;
            std::mem::take(&mut living.tokens)
        };
        let now = self.clock.elapsed();
        let ids: Vec<String> = tokens
            .into_values()
            .flatten()
            .filter(|(_, dies_at)| *dies_at > now)
            .map(|(id, _)| id)
            .collect();
        if ids.is_empty() {
            return;
        }
        tracing::info!(tokens = ids.len(), "revoking the minted DataHub tokens");
        let at_once = Arc::new(Semaphore::new(REVOKE_AT_ONCE));
        let mut revocations = JoinSet::new();
        for id in ids {
            let (people, at_once) = (Arc::clone(self), Arc::clone(&at_once));
            revocations.spawn(async move {
                // The semaphore is never closed, so this always gets a permit in the end.
                let _permit = at_once.acquire_owned().await;
                people.revoke(&id).await;
            });
        }
        let all = async { while revocations.join_next().await.is_some() {} };
        if tokio::time::timeout(REVOKE_TIMEOUT, all).await.is_err() {
            tracing::warn!(
                left = revocations.len(),
                "not all DataHub tokens were revoked in time, they expire within the hour"
            );
        }
    }
}

//! The store in Redis, shared by replicas. Each operation is one Lua script, so one atomic step, and
//! all its keys are in one slot of a cluster.
//!
//! Times come from the caller and are compared inside the scripts; Redis' own expiry only cleans
//! up. Ended families are mirrored into this process every [`POLL_INTERVAL`], so that checking
//! whether a bearer token's family has ended costs no round trip. Never logs the store's address,
//! which may hold a password.

mod address;
mod clients;
mod connection;
mod mirror;
mod reach;
mod scripts;
mod trust;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use foundation::clock::{Clock, UnixMillis};
use futures::FutureExt;
use outbound::Authorities;
use parking_lot::RwLock;
use redis::FromRedisValue;
use secrecy::{ExposeSecret, SecretString};

use self::{
    address::Address,
    connection::{Call, Connection, PREFIX},
    scripts::Scripts,
};
pub use self::{address::StoreUrlError, reach::check_store_url};
pub(crate) use self::{
    reach::{probe_key, reach, store_kind},
    trust::{Trust, is_unknown_name, trouble},
};
use super::{
    ListedClient, MAX_IN_GRACE, Owner, RefreshClaim, Standing, Store, StoreError, StoreFuture,
    StoreHealth, StoreKind, TakenCode,
};
use crate::{
    SettingsError,
    types::{ClientKey, FamilyId, StoreKey},
};

/// The time until a family that another replica ended is known here.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The longest time that one operation may take, with finding a server.
const TIMEOUT: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct RedisStore {
    connection: Connection,
    kind: StoreKind,
    prefix: String,
    clock: Clock,
    /// The most pending authorizations that are kept.
    capacity: usize,
    scripts: Scripts,
    ended: RwLock<HashMap<FamilyId, UnixMillis>>,
    /// Blocked clients, and the seconds since which they are.
    blocked: RwLock<HashMap<ClientKey, u64>>,
    /// True once `ended` and `blocked` were fetched: before that, any family may have ended.
    knows_ended: AtomicBool,
    /// True if the last operation succeeded.
    answers: AtomicBool,
    /// Told of each operation whether it succeeded.
    observe: fn(bool),
}

impl RedisStore {
    /// A store at `url`, connected to when first used, so that a Redis that is down does not stop
    /// the start.
    ///
    /// # Errors
    /// If `url` is not a Redis URL. The text never holds it.
    pub(crate) fn new(
        url: &SecretString,
        namespace: &str,
        clock: Clock,
        capacity: usize,
        observe: fn(bool),
        authorities: &Authorities,
    ) -> Result<Arc<Self>, SettingsError> {
        let address = Address::parse(url.expose_secret())?;
        let kind = address.kind();
        let connection = Connection::new(address, &Trust::new(authorities))
            .map_err(|_| StoreUrlError::Unreadable)?;
        let store = Arc::new(Self {
            connection,
            kind,
            prefix: format!("{PREFIX}:{namespace}"),
            clock,
            capacity,
            scripts: Scripts::new(),
            ended: RwLock::default(),
            blocked: RwLock::default(),
            knows_ended: AtomicBool::new(false),
            answers: AtomicBool::new(false),
            observe,
        });
        tokio::spawn(mirror::follow(Arc::downgrade(&store)));
        Ok(store)
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    async fn run<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, StoreError> {
        self.run_within(call, TIMEOUT).await
    }

    async fn run_within<T: FromRedisValue>(
        &self,
        call: Call<'_>,
        limit: Duration,
    ) -> Result<T, StoreError> {
        let answer = self.connection.call(&call, limit).await;
        self.answers.store(answer.is_ok(), Ordering::Relaxed);
        (self.observe)(answer.is_ok());
        answer
    }
}

impl Store for RedisStore {
    fn put_transaction<'a>(
        &'a self,
        key: &'a StoreKey,
        value: String,
        owner: &'a Owner,
        ttl: Duration,
    ) -> StoreFuture<'a, ()> {
        async move {
            let now = self.clock.unix_millis();
            self.run(
                self.scripts
                    .put_transaction
                    .key(self.key("tx"))
                    .arg(key.as_str())
                    .arg(value)
                    .arg(format!("n {}", owner.network))
                    .arg(format!("c {}", owner.client))
                    .arg(now.0)
                    .arg(now.after(ttl).0)
                    .arg(self.capacity),
            )
            .await
        }
        .boxed()
    }

    fn take_transaction<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<String>> {
        async move {
            let now = self.clock.unix_millis().0;
            self.run(
                self.scripts
                    .take_transaction
                    .key(self.key("tx"))
                    .arg(key.as_str())
                    .arg(now),
            )
            .await
        }
        .boxed()
    }

    fn put_code<'a>(
        &'a self,
        key: &'a StoreKey,
        value: String,
        family: &'a FamilyId,
        ttl: Duration,
    ) -> StoreFuture<'a, ()> {
        async move {
            let until = self.clock.unix_millis().after(ttl).0;
            self.run(
                self.scripts
                    .put_code
                    .key(self.key(&format!("code:{}", key.as_str())))
                    .arg(value)
                    .arg(family.as_str())
                    .arg(until)
                    .arg(millis(ttl)),
            )
            .await
        }
        .boxed()
    }

    fn put_token<'a>(
        &'a self,
        key: &'a StoreKey,
        value: String,
        ttl: Duration,
    ) -> StoreFuture<'a, ()> {
        async move {
            let until = self.clock.unix_millis().after(ttl).0;
            let key = self.key(&format!("token:{}", key.as_str()));
            let call = self.scripts.put_token.key(key);
            self.run(call.arg(value).arg(until).arg(millis(ttl))).await
        }
        .boxed()
    }

    fn get_token<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<String>> {
        async move {
            let now = self.clock.unix_millis().0;
            let key = self.key(&format!("token:{}", key.as_str()));
            self.run(self.scripts.get_token.key(key).arg(now)).await
        }
        .boxed()
    }

    fn put_upstream<'a>(
        &'a self,
        family: &'a FamilyId,
        value: String,
        ttl: Duration,
    ) -> StoreFuture<'a, ()> {
        async move {
            let until = self.clock.unix_millis().after(ttl).0;
            let key = self.key(&format!("upstream:{}", family.as_str()));
            let call = self.scripts.put_token.key(key);
            self.run(call.arg(value).arg(until).arg(millis(ttl))).await
        }
        .boxed()
    }

    fn take_upstream<'a>(&'a self, family: &'a FamilyId) -> StoreFuture<'a, Option<String>> {
        async move {
            let now = self.clock.unix_millis().0;
            let key = self.key(&format!("upstream:{}", family.as_str()));
            self.run(self.scripts.take_token.key(key).arg(now)).await
        }
        .boxed()
    }

    fn take_code<'a>(
        &'a self,
        key: &'a StoreKey,
        remember: Duration,
    ) -> StoreFuture<'a, TakenCode> {
        async move {
            let now = self.clock.unix_millis();
            let taken: Vec<String> = self
                .run(
                    self.scripts
                        .take_code
                        .key(self.key(&format!("code:{}", key.as_str())))
                        .arg(now.0)
                        .arg(now.after(remember).0)
                        .arg(millis(remember)),
                )
                .await?;
            let mut taken = taken.into_iter();
            match (taken.next().as_deref(), taken.next()) {
                (Some("fresh"), Some(value)) => Ok(TakenCode::Fresh(value)),
                (Some("spent"), Some(family)) => Ok(TakenCode::Spent(FamilyId::from_store(family))),
                (Some("unknown"), _) => Ok(TakenCode::Unknown),
                _ => Err(StoreError("unexpected answer".to_owned())),
            }
        }
        .boxed()
    }

    fn claim_refresh<'a>(
        &'a self,
        family: &'a FamilyId,
        generation: u64,
        lease: Duration,
        ttl: Duration,
    ) -> StoreFuture<'a, RefreshClaim> {
        async move {
            let now = self.clock.unix_millis();
            let spent: Vec<String> = self
                .run(
                    self.scripts
                        .spend
                        .key(self.key(&format!("family:{}", family.as_str())))
                        .key(self.key("ended"))
                        .arg(family.as_str())
                        .arg(generation)
                        .arg(now.0)
                        .arg(now.after(lease).0)
                        .arg(now.after(ttl).0)
                        .arg(millis(ttl)),
                )
                .await?;
            let mut spent = spent.into_iter();
            let (word, value, newest) = (spent.next(), spent.next(), spent.next());
            let newest = newest.and_then(|newest| newest.parse().ok());
            match (word.as_deref(), value, newest) {
                (Some("claimed"), _, _) => Ok(RefreshClaim::Granted),
                (Some("busy"), _, _) => Ok(RefreshClaim::InProgress),
                (Some("answered"), Some(value), Some(generation)) => {
                    Ok(RefreshClaim::Replayed { generation, value })
                }
                (Some("ended"), _, _) => {
                    self.ended.write().insert(family.clone(), now.after(ttl));
                    Ok(RefreshClaim::Revoked)
                }
                _ => Err(StoreError("unexpected answer".to_owned())),
            }
        }
        .boxed()
    }

    fn answer<'a>(
        &'a self,
        family: &'a FamilyId,
        generation: u64,
        value: String,
        grace: Duration,
    ) -> StoreFuture<'a, bool> {
        async move {
            let now = self.clock.unix_millis();
            let until = now.after(grace).0;
            self.run(
                self.scripts
                    .answer
                    .key(self.key(&format!("family:{}", family.as_str())))
                    .key(self.key("ended"))
                    .arg(generation)
                    .arg(value)
                    .arg(until)
                    .arg(millis(grace))
                    .arg(MAX_IN_GRACE)
                    .arg(family.as_str())
                    .arg(now.0),
            )
            .await
        }
        .boxed()
    }

    fn release<'a>(&'a self, family: &'a FamilyId, generation: u64) -> StoreFuture<'a, ()> {
        async move {
            let key = self.key(&format!("family:{}", family.as_str()));
            self.run(self.scripts.release.key(key).arg(generation))
                .await
        }
        .boxed()
    }

    fn end_family<'a>(&'a self, family: &'a FamilyId, ttl: Duration) -> StoreFuture<'a, ()> {
        async move {
            let until = self.clock.unix_millis().after(ttl);
            self.ended.write().insert(family.clone(), until);
            self.run(
                self.scripts
                    .end_family
                    .key(self.key(&format!("family:{}", family.as_str())))
                    .key(self.key("ended"))
                    .arg(family.as_str())
                    .arg(until.0),
            )
            .await
        }
        .boxed()
    }

    fn note_client(&self, client: ListedClient) -> StoreFuture<'_, ()> {
        self.note(client).boxed()
    }

    fn client_standing(&self, client: &ClientKey) -> Standing {
        match self.blocked.read().contains_key(client) {
            true => Standing::Ended,
            false if self.knows_ended.load(Ordering::Acquire) => Standing::Live,
            false => Standing::Unknown,
        }
    }

    fn standing(&self, family: &FamilyId) -> Standing {
        // First, so that what is fetched meanwhile is looked at.
        let knows_ended = self.knows_ended.load(Ordering::Acquire);
        let now = self.clock.unix_millis();
        match self.ended.read().get(family) {
            Some(until) if now < *until => Standing::Ended,
            _ if knows_ended => Standing::Live,
            _ => Standing::Unknown,
        }
    }

    fn kind(&self) -> StoreKind {
        self.kind
    }

    fn health(&self) -> StoreHealth {
        let answers = self.answers.load(Ordering::Relaxed);
        match answers && self.knows_ended.load(Ordering::Acquire) {
            true => StoreHealth::Answers,
            false => StoreHealth::Unavailable,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

//! The store in Redis, shared by replicas. Each operation is one Lua script, so one atomic step.
//!
//! Times come from the caller and are compared inside the scripts; Redis' own expiry only cleans
//! up. Ended families are mirrored into this process every [`POLL_INTERVAL`], so that checking
//! whether a bearer token's family has ended costs no round trip. Never logs the store's address,
//! which may hold a password.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use foundation::clock::{Clock, UnixMillis};
use futures::FutureExt;
use parking_lot::RwLock;
use redis::{
    Client, FromRedisValue, Script, ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::{ExposeSecret, SecretString};

use super::{MAX_IN_GRACE, Owner, RefreshClaim, Store, StoreError, StoreFuture, TakenCode};
use crate::{
    SettingsError,
    types::{FamilyId, StoreKey},
};

/// The time until a family that another replica ended is known here.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The longest time that one command may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// One slot of a cluster for all keys, since the scripts touch several.
const PREFIX: &str = "{datahub-mcp}";
/// The most ended families that are mirrored at once.
const MAX_MIRRORED: usize = 200_000;

/// See the module.
pub(crate) struct RedisStore {
    connection: ConnectionManager,
    prefix: String,
    clock: Clock,
    /// The most pending authorizations that are kept.
    capacity: usize,
    scripts: Scripts,
    ended: RwLock<HashMap<FamilyId, UnixMillis>>,
}

struct Scripts {
    put_transaction: Script,
    take_transaction: Script,
    put_code: Script,
    take_code: Script,
    spend: Script,
    answer: Script,
    release: Script,
    end_family: Script,
    ended: Script,
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
    ) -> Result<Arc<Self>, SettingsError> {
        let refused = |error: redis::RedisError| SettingsError::Store(error.category().to_owned());
        let client = Client::open(url.expose_secret()).map_err(refused)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            .set_number_of_retries(1);
        let connection =
            ConnectionManager::new_lazy_with_config(client, config).map_err(refused)?;
        let store = Arc::new(Self {
            connection,
            prefix: format!("{PREFIX}:{namespace}"),
            clock,
            capacity,
            scripts: Scripts::new(),
            ended: RwLock::default(),
        });
        tokio::spawn(mirror(Arc::downgrade(&store)));
        Ok(store)
    }

    /// Fetches the families that have ended.
    pub(super) async fn refresh_ended(&self) -> Result<(), StoreError> {
        let now = self.clock.unix_millis();
        let ended: Vec<(String, u64)> = self
            .run(
                self.scripts
                    .ended
                    .arg(self.key("ended"))
                    .arg(now.0)
                    .arg(MAX_MIRRORED),
            )
            .await?;
        let fresh = ended
            .into_iter()
            .map(|(f, until)| (FamilyId::from_store(f), UnixMillis(until)));
        let mut known = self.ended.write();
        // Families that this replica ended stay, even if Redis does not know of them yet.
        known.retain(|_, until| now < *until);
        known.extend(fresh);
        Ok(())
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    async fn run<T: FromRedisValue>(
        &self,
        invocation: &mut ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection.clone();
        invocation
            .invoke_async(&mut connection)
            .await
            .map_err(|error: redis::RedisError| StoreError(error.category().to_owned()))
    }
}

/// Mirrors ended families for as long as the store is in use.
async fn mirror(store: Weak<RedisStore>) {
    let mut failing = false;
    let mut interval = tokio::time::interval(POLL_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(store) = store.upgrade() else { return };
        let result = store.refresh_ended().await;
        if let Err(error) = &result
            && !failing
        {
            tracing::warn!(%error, "store does not answer, revocations by other replicas are delayed");
        }
        if failing && result.is_ok() {
            tracing::info!("store answers again");
        }
        failing = result.is_err();
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
                    .arg(self.key("tx"))
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
                    .arg(self.key("tx"))
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
                    .arg(self.key(&format!("code:{}", key.as_str())))
                    .arg(value)
                    .arg(family.as_str())
                    .arg(until)
                    .arg(millis(ttl)),
            )
            .await
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
                        .arg(self.key(&format!("code:{}", key.as_str())))
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
                        .arg(self.key(&format!("family:{}", family.as_str())))
                        .arg(self.key("ended"))
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
    ) -> StoreFuture<'a, ()> {
        async move {
            let until = self.clock.unix_millis().after(grace).0;
            self.run(
                self.scripts
                    .answer
                    .arg(self.key(&format!("family:{}", family.as_str())))
                    .arg(generation)
                    .arg(value)
                    .arg(until)
                    .arg(millis(grace))
                    .arg(MAX_IN_GRACE),
            )
            .await
        }
        .boxed()
    }

    fn release<'a>(&'a self, family: &'a FamilyId, generation: u64) -> StoreFuture<'a, ()> {
        async move {
            let key = self.key(&format!("family:{}", family.as_str()));
            self.run(self.scripts.release.arg(key).arg(generation))
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
                    .arg(self.key(&format!("family:{}", family.as_str())))
                    .arg(self.key("ended"))
                    .arg(family.as_str())
                    .arg(until.0),
            )
            .await
        }
        .boxed()
    }

    fn is_ended(&self, family: &FamilyId) -> bool {
        self.ended
            .read()
            .get(family)
            .is_some_and(|until| self.clock.unix_millis() < *until)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Scripts {
    fn new() -> Self {
        Self {
            put_transaction: Script::new(include_str!("redis/put_transaction.lua")),
            take_transaction: Script::new(include_str!("redis/take_transaction.lua")),
            put_code: Script::new(include_str!("redis/put_code.lua")),
            take_code: Script::new(include_str!("redis/take_code.lua")),
            spend: Script::new(include_str!("redis/spend.lua")),
            answer: Script::new(include_str!("redis/answer.lua")),
            release: Script::new(include_str!("redis/release.lua")),
            end_family: Script::new(include_str!("redis/end_family.lua")),
            ended: Script::new(include_str!("redis/ended.lua")),
        }
    }
}

//! What has ended and who is blocked, mirrored into this process every [`POLL_INTERVAL`].
//!
//! A Redis that loses its data (restarted without persistence, flushed, evicted, a failover to an empty replica) gets back
//! what this process knows: nothing that was revoked or blocked is good again here, or at a server that
//! starts later.

use std::{
    collections::{HashMap, HashSet},
    sync::{Weak, atomic::Ordering},
    time::Duration,
};

use foundation::clock::UnixMillis;

use super::{POLL_INTERVAL, RedisStore};
use crate::{
    store::StoreError,
    types::{ClientKey, FamilyId},
};

/// The time limit for fetching what has ended, for which nobody waits: enough to ask all Sentinels.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most ended families that are mirrored at once.
const MAX_MIRRORED: usize = 200_000;
/// The most that one script gets back.
const MAX_RETURNED: usize = 1_000;

/// Mirrors for as long as the store is in use.
pub(super) async fn follow(store: Weak<RedisStore>) {
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
            let consequence = if store.knows_ended.load(Ordering::Acquire) {
                "revocations by other replicas are delayed"
            } else {
                "tokens of sign-ins are answered 503 until it is known which were revoked"
            };
            tracing::warn!(%error, consequence, "store does not answer");
        }
        if failing && result.is_ok() {
            tracing::info!("store answers again");
        }
        failing = result.is_err();
    }
}

impl RedisStore {
    /// Fetches the families that have ended, and the clients that are blocked.
    pub(in crate::store) async fn refresh_ended(&self) -> Result<(), StoreError> {
        let now = self.clock.unix_millis();
        let call = self.scripts.ended.key(self.key("ended"));
        let call = call.arg(now.0).arg(MAX_MIRRORED);
        let ended: Vec<(String, u64)> = self.run_within(call, PATIENCE).await?;
        let in_redis: HashMap<FamilyId, UnixMillis> = ended
            .into_iter()
            .map(|(family, until)| (FamilyId::from_store(family), UnixMillis(until)))
            .collect();
        let has_none = in_redis.is_empty();
        let is_all = in_redis.len() < MAX_MIRRORED;
        let missing: Vec<(FamilyId, UnixMillis)> = {
            let mut known = self.ended.write();
            known.retain(|_, until| now < *until);
            // Those that this process ended a moment ago, or that Redis has lost.
            let missing = known.iter().map(|(family, until)| (family.clone(), *until));
            let missing = missing.filter(|(family, _)| is_all && !in_redis.contains_key(family));
            let missing = missing.collect();
            known.extend(in_redis);
            missing
        };
        self.return_ended(&missing).await?;
        let lost_blocks = self.refresh_blocked().await?;
        if lost_blocks > 0 || (has_none && !missing.is_empty()) {
            tracing::error!(
                ended = missing.len(),
                blocked = lost_blocks,
                hint = "let Redis keep its data (persistence, `maxmemory-policy noeviction`): refresh tokens that were used may be good again",
                "the store has lost what had ended and who is blocked; what this server knows of it was put back"
            );
        }
        self.knows_ended.store(true, Ordering::Release);
        Ok(())
    }

    async fn return_ended(&self, missing: &[(FamilyId, UnixMillis)]) -> Result<(), StoreError> {
        for some in missing.chunks(MAX_RETURNED) {
            let call = self.scripts.return_ended.key(self.key("ended"));
            let call = some.iter().fold(call, |call, (family, until)| {
                call.arg(until.0).arg(family.as_str())
            });
            let () = self.run_within(call, PATIENCE).await?;
        }
        Ok(())
    }

    /// Fetches the clients that are blocked. A block that is gone and that nobody ended is put back; the
    /// number of these.
    async fn refresh_blocked(&self) -> Result<usize, StoreError> {
        let (blocked, unblocked) = self.blocked_since().await?;
        let in_redis = |(key, since)| (ClientKey::from_store(key), since);
        let in_redis: HashMap<ClientKey, u64> = blocked.into_iter().map(in_redis).collect();
        let unblocked: HashSet<ClientKey> =
            unblocked.into_iter().map(ClientKey::from_store).collect();
        let lost: Vec<(ClientKey, u64)> = {
            let mut known = self.blocked.write();
            known.retain(|client, _| !unblocked.contains(client));
            let lost = known.iter().map(|(client, since)| (client.clone(), *since));
            let lost = lost.filter(|(client, _)| !in_redis.contains_key(client));
            let lost = lost.collect();
            known.extend(in_redis);
            lost
        };
        for some in lost.chunks(MAX_RETURNED) {
            let call = self.scripts.return_blocks.key(self.key("clients:blocked"));
            let call = call.key(self.key("clients:unblocked"));
            let call = some.iter().fold(call, |call, (client, since)| {
                call.arg(client.as_str()).arg(since)
            });
            let () = self.run_within(call, PATIENCE).await?;
        }
        Ok(lost.len())
    }
}

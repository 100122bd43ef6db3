//! The pending authorizations of a store in memory: unfinished sign-ins of strangers cost a fixed
//! amount of memory and push out each other first.

use std::collections::{BTreeSet, HashMap, VecDeque};

use foundation::clock::UnixMillis;

use super::super::Owner;
use crate::types::StoreKey;

/// Pending authorizations, and the number of them that each owner holds.
pub(super) struct Transactions {
    /// The most that are kept.
    capacity: usize,
    pub(super) entries: HashMap<StoreKey, Pending>,
    /// By expiry: what has expired is removed first.
    order: BTreeSet<(UnixMillis, StoreKey)>,
    by_owner: HashMap<String, VecDeque<StoreKey>>,
    /// Owners by the number that they hold.
    ranking: BTreeSet<(usize, String)>,
}

pub(super) struct Pending {
    value: String,
    expires: UnixMillis,
    owners: [String; 2],
}

impl Transactions {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: HashMap::new(),
            order: BTreeSet::new(),
            by_owner: HashMap::new(),
            ranking: BTreeSet::new(),
        }
    }

    pub(super) fn put(
        &mut self,
        key: StoreKey,
        value: String,
        owner: &Owner,
        now: UnixMillis,
        expires: UnixMillis,
    ) {
        while let Some((end, oldest)) = self.order.first().cloned()
            && end <= now
        {
            self.remove(&oldest);
        }
        while self.entries.len() >= self.capacity
            && let Some((_, largest)) = self.ranking.last().cloned()
            && let Some(oldest) = self
                .by_owner
                .get(&largest)
                .and_then(|keys| keys.front())
                .cloned()
        {
            self.remove(&oldest);
        }
        let owners = [
            format!("n {}", owner.network),
            format!("c {}", owner.client),
        ];
        for name in &owners {
            let keys = self.by_owner.entry(name.clone()).or_default();
            self.ranking.remove(&(keys.len(), name.clone()));
            keys.push_back(key.clone());
            self.ranking.insert((keys.len(), name.clone()));
        }
        self.order.insert((expires, key.clone()));
        self.entries.insert(
            key,
            Pending {
                value,
                expires,
                owners,
            },
        );
    }

    pub(super) fn take(&mut self, key: &StoreKey, now: UnixMillis) -> Option<String> {
        self.remove(key)
            .filter(|pending| now < pending.expires)
            .map(|pending| pending.value)
    }

    fn remove(&mut self, key: &StoreKey) -> Option<Pending> {
        let pending = self.entries.remove(key)?;
        self.order.remove(&(pending.expires, key.clone()));
        for name in &pending.owners {
            let Some(keys) = self.by_owner.get_mut(name) else {
                continue;
            };
            self.ranking.remove(&(keys.len(), name.clone()));
            if let Some(position) = keys.iter().position(|held| held == key) {
                keys.remove(position);
            }
            if keys.is_empty() {
                self.by_owner.remove(name);
            } else {
                self.ranking.insert((keys.len(), name.clone()));
            }
        }
        Some(pending)
    }
}

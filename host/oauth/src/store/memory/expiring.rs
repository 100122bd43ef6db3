//! A bounded map whose entries expire.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

use foundation::clock::UnixMillis;

/// A map whose entries expire, and whose oldest make room when it is full.
pub(super) struct Expiring<K, V> {
    pub(super) entries: HashMap<K, (u64, UnixMillis, V)>,
    order: BTreeSet<(UnixMillis, u64, K)>,
    next: u64,
    capacity: usize,
}

impl<K: Clone + Eq + Hash + Ord, V> Expiring<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeSet::new(),
            next: 0,
            capacity,
        }
    }

    pub(super) fn put(&mut self, key: K, value: V, now: UnixMillis, expires: UnixMillis) {
        self.remove(&key);
        while let Some((first, _, _)) = self.order.first()
            && (*first <= now || self.entries.len() >= self.capacity)
            && let Some((_, _, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.next += 1;
        self.order.insert((expires, self.next, key.clone()));
        self.entries.insert(key, (self.next, expires, value));
    }

    pub(super) fn get(&self, key: &K, now: UnixMillis) -> Option<&V> {
        self.entries
            .get(key)
            .filter(|(_, expires, _)| now < *expires)
            .map(|(_, _, value)| value)
    }

    pub(super) fn contains(&self, key: &K, now: UnixMillis) -> bool {
        self.get(key, now).is_some()
    }

    pub(super) fn take(&mut self, key: &K, now: UnixMillis) -> Option<V> {
        self.remove(key)
            .filter(|(expires, _)| now < *expires)
            .map(|(_, value)| value)
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<(UnixMillis, V)> {
        let (number, expires, value) = self.entries.remove(key)?;
        self.order.remove(&(expires, number, key.clone()));
        Some((expires, value))
    }
}

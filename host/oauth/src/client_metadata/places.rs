//! The places for fetches: so many at once, and of these a share for each network. Strangers name the
//! documents, and a host of theirs may take as long as a fetch may take.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The maximum number of concurrent fetches.
const MAX_AT_ONCE: usize = 16;
/// The maximum number of these for one network.
const MAX_OF_NETWORK: usize = 4;
/// The longest time that a fetch waits for its place. Documents that can be had come in less.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct Places {
    all: Arc<Semaphore>,
    networks: Mutex<HashMap<String, Weak<Semaphore>>>,
    wait: Duration,
}

/// The place of a fetch under way.
pub(super) struct Place {
    _of_network: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Default for Places {
    fn default() -> Self {
        Self::new(MAX_AT_ONCE, MAX_WAIT)
    }
}

impl Places {
    /// `all` places, for each of which a fetch waits no longer than `wait`.
    pub(super) fn new(all: usize, wait: Duration) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            networks: Mutex::default(),
            wait,
        }
    }

    /// A place for a fetch that `network` caused; `None` if there is none in time.
    pub(super) async fn take(&self, network: &str) -> Option<Place> {
        let own = self.of(network);
        let both = async {
            // First that of the network: who waits for it must not hold one of all.
            let of_network = own.acquire_owned().await.ok()?;
            let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Place {
                _of_network: of_network,
                _of_all: of_all,
            })
        };
        tokio::time::timeout(self.wait, both).await.ok().flatten()
    }

    /// The share of a network, which lasts as long as somebody waits for it or holds a part.
    fn of(&self, network: &str) -> Arc<Semaphore> {
        let mut networks = self.networks.lock();
        if let Some(known) = networks.get(network).and_then(Weak::upgrade) {
            return known;
        }
        networks.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(MAX_OF_NETWORK));
        networks.insert(network.to_owned(), Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_network_leaves_places_for_others() {
        let places = Places::new(MAX_OF_NETWORK + 1, Duration::ZERO);
        let mut held = Vec::new();
        for _ in 0..MAX_OF_NETWORK {
            held.push(places.take("a").await.unwrap());
        }
        assert!(places.take("a").await.is_none());
        let other = places.take("b").await.unwrap();
        assert!(places.take("c").await.is_none(), "all are taken");
        drop(other);
        let third = places.take("c").await.unwrap();
        held.pop();
        assert!(places.take("a").await.is_some());
        drop((held, third));
        // Nothing is kept of networks that hold nothing.
        let _place = places.take("d").await.unwrap();
        assert_eq!(places.networks.lock().len(), 1);
    }
}

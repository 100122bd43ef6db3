//! The open connections of a listener, and the choice of the one to close when all places are taken.
//!
//! A connection that waits for its client costs others a place and serves nobody. The one that is
//! closed is of the network with the most connections, and has waited longest: who opens many loses
//! their own first. A connection is never closed while this server works on a request.

use std::{
    cmp::Reverse,
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use foundation::client_address::{ClientAddress, ClientNetwork};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::shares::Taken;

/// The kind of place that a connection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// One of those that the limit allows.
    Usual,
    /// One beyond the limit, for probes only.
    Reserve,
}

/// One open connection.
#[derive(Debug)]
pub(super) struct OpenConnection {
    id: u64,
    network: Mutex<ClientNetwork>,
    place: Place,
    /// True from the head of a request to its answer.
    serving: AtomicBool,
    /// True while a part of a request's body is still to come.
    owed: AtomicBool,
    /// True while an answer is a stream of events that has not ended.
    streaming: AtomicBool,
    /// What answers hold that are not sent yet.
    unsent: Mutex<Vec<Taken>>,
    /// The time at which it began to wait, in milliseconds of the list's clock.
    since: AtomicU64,
    start: Instant,
    close: CancellationToken,
}

impl OpenConnection {
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Notes that the connection comes from `peer`, for which a proxy speaks.
    pub(super) fn comes_from(&self, peer: IpAddr) {
        *self.network.lock() = ClientAddress::new(peer).network();
    }

    /// The network that it comes from.
    pub(super) fn network(&self) -> ClientNetwork {
        *self.network.lock()
    }

    /// Waits until the connection has to make room for another.
    pub(super) async fn closed(&self) {
        self.close.cancelled().await;
    }

    /// Notes that a request begins or has its answer.
    pub(super) fn serves(&self, serving: bool) {
        self.since.store(millis(self.start), Ordering::Relaxed);
        self.serving.store(serving, Ordering::Relaxed);
    }

    /// Notes whether the client still owes a part of a body.
    pub(super) fn owes(&self, owed: bool) {
        self.owed.store(owed, Ordering::Relaxed);
    }

    /// Notes that an answer begins to be a stream of events, or that the stream has ended.
    pub(super) fn streams(&self, streaming: bool) {
        self.since.store(millis(self.start), Ordering::Relaxed);
        self.streaming.store(streaming, Ordering::Relaxed);
    }

    /// Keeps what the answer to the request holds until it is sent.
    pub(super) fn keeps(&self, taken: Taken) {
        self.unsent.lock().push(taken);
    }

    /// Notes that all that there was to send has been sent.
    pub(super) fn has_sent(&self) {
        // Before its answer is there, what the request holds is not that of another one.
        if !self.serving.load(Ordering::Relaxed) {
            self.unsent.lock().clear();
        }
    }

    fn is_waiting(&self) -> bool {
        let idle = !self.serving.load(Ordering::Relaxed) && !self.streaming.load(Ordering::Relaxed);
        (idle || self.owed.load(Ordering::Relaxed)) && !self.close.is_cancelled()
    }
}

fn millis(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// All open connections of a listener.
#[derive(Debug, Clone)]
pub(super) struct OpenConnections {
    open: Arc<Mutex<HashMap<u64, Arc<OpenConnection>>>>,
    start: Instant,
}

impl OpenConnections {
    pub(super) fn new() -> Self {
        Self {
            open: Arc::default(),
            start: Instant::now(),
        }
    }

    /// Adds a connection of `peer`, until the returned value is dropped.
    pub(super) fn add(&self, peer: IpAddr, place: Place) -> Listed {
        let mut open = self.open.lock();
        let mut id = rand::random();
        while open.contains_key(&id) {
            id = rand::random();
        }
        let connection = Arc::new(OpenConnection {
            id,
            network: Mutex::new(ClientAddress::new(peer).network()),
            place,
            serving: AtomicBool::new(false),
            owed: AtomicBool::new(false),
            streaming: AtomicBool::new(false),
            unsent: Mutex::default(),
            since: AtomicU64::new(millis(self.start)),
            start: self.start,
            close: CancellationToken::new(),
        });
        open.insert(id, Arc::clone(&connection));
        Listed {
            connection,
            list: self.clone(),
        }
    }

    /// Closes the connection at `place` that waits for its client and whose network has the most;
    /// false if none waits.
    pub(super) fn close_one(&self, place: Place) -> bool {
        let open = self.open.lock();
        let mut networks: HashMap<ClientNetwork, (usize, Option<&OpenConnection>)> = HashMap::new();
        for connection in open.values() {
            let (count, longest) = networks.entry(*connection.network.lock()).or_default();
            *count += 1;
            if connection.place != place || !connection.is_waiting() {
                continue;
            }
            let since = |one: &OpenConnection| one.since.load(Ordering::Relaxed);
            if longest.is_none_or(|longest| since(connection) < since(longest)) {
                *longest = Some(connection);
            }
        }
        let chosen = networks
            .into_values()
            .filter_map(|(count, longest)| Some((count, longest?)))
            .max_by_key(|(count, one)| (*count, Reverse(one.since.load(Ordering::Relaxed))));
        if let Some((_, connection)) = chosen {
            connection.close.cancel();
        }
        chosen.is_some()
    }
}

/// An open connection in the list.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) connection: Arc<OpenConnection>,
    list: OpenConnections,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.list.open.lock().remove(&self.connection.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(list: &OpenConnections, peer: &str, since: u64) -> Listed {
        let listed = list.add(peer.parse().unwrap(), Place::Usual);
        listed.connection.since.store(since, Ordering::Relaxed);
        listed
    }

    fn is_closed(listed: &Listed) -> bool {
        listed.connection.close.is_cancelled()
    }

    #[test]
    fn the_network_with_the_most_loses_the_one_that_waited_longest() {
        let list = OpenConnections::new();
        let one = add(&list, "192.0.2.1", 0);
        let many = [5, 3, 4].map(|since| add(&list, "198.51.100.1", since));
        assert!(list.close_one(Place::Usual));
        assert_eq!(many.each_ref().map(is_closed), [false, true, false]);
        assert!(!is_closed(&one));
        drop(many);
        assert!(list.close_one(Place::Usual));
        assert!(is_closed(&one));
        assert!(!list.close_one(Place::Usual), "it is on its way already");
        drop(one);
        assert!(list.open.lock().is_empty());
    }

    #[test]
    fn a_request_under_way_is_left_alone_once_it_is_whole() {
        let list = OpenConnections::new();
        let one = add(&list, "192.0.2.1", 0);
        one.connection.serves(true);
        assert!(!list.close_one(Place::Usual));
        assert!(!list.close_one(Place::Reserve));
        one.connection.owes(true);
        assert!(list.close_one(Place::Usual));
        assert!(is_closed(&one));
    }
}

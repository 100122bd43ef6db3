//! People who ask at a fixed rate, whether the answer to the last request has come or not.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::MissedTickBehavior};

use super::wire::Wire;

/// What people saw: answers by status (0: the connection broke), and the time from when a request
/// was due to its answer.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) latencies: Vec<Duration>,
}

impl Seen {
    pub(super) fn note(&mut self, status: u16, latency: Duration) {
        *self.statuses.entry(status).or_default() += 1;
        self.latencies.push(latency);
    }

    pub(super) fn add(&mut self, other: Self) {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.latencies.extend(other.latencies);
    }

    /// The latency that so many of a thousand do not exceed.
    pub(super) fn permille(&mut self, share: usize) -> Duration {
        self.latencies.sort();
        let place = self.latencies.len().saturating_sub(1) * share / 1000;
        self.latencies.get(place).copied().unwrap_or_default()
    }

    pub(super) fn line(&mut self) -> String {
        let (p50, p99, longest) = (self.permille(500), self.permille(990), self.permille(1000));
        format!(
            "{:?}, p50 {p50:.2?}, p99 {p99:.2?}, longest {longest:.2?}",
            self.statuses
        )
    }

    pub(super) fn all_are(&self, status: u16) -> bool {
        self.statuses.keys().all(|found| *found == status)
    }
}

/// `count` people at one connection each, for `time`. Each sends `request` every `pause`.
pub(super) async fn ask(
    address: SocketAddr,
    count: u32,
    pause: Duration,
    time: Duration,
    request: impl Fn(u32) -> Vec<u8>,
) -> anyhow::Result<Seen> {
    let mut people = JoinSet::new();
    for number in 0..count {
        let request = request(number);
        people.spawn(async move {
            // Not all at the same moment.
            tokio::time::sleep(pause * number / count).await;
            let mut seen = Seen::default();
            let mut tick = tokio::time::interval(pause);
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let (begin, mut wire) = (Instant::now(), None);
            while begin.elapsed() < time {
                let due = tick.tick().await;
                let status = match one(&mut wire, address, &request).await {
                    Ok(status) => status,
                    Err(_) => {
                        wire = None;
                        0
                    }
                };
                seen.note(status, due.elapsed());
            }
            seen
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = people.join_next().await {
        all.add(seen?);
    }
    Ok(all)
}

async fn one(wire: &mut Option<Wire>, address: SocketAddr, request: &[u8]) -> std::io::Result<u16> {
    let open = match wire {
        Some(open) => open,
        None => wire.insert(Wire::open(address).await?),
    };
    Ok(open.ask(request).await?.status)
}

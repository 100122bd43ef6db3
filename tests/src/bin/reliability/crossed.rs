//! Requests of 200 people, in turns on shared connections, that must never get another one's answer.
//!
//! Every seventh call is given up after a moment, some people's DataHub is too slow for the time limit
//! or refuses their token (which evicts the verdict), and the validators are reloaded every second.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use integration_tests::{Behaviour, StubDataHub, Vitals, marker, say};
use rustix::process::Signal;
use tokio::{task::JoinSet, time::sleep};

use super::{
    wire::{self, Wire},
    world::World,
};

const PEOPLE: u64 = 200;
const CONNECTIONS: u64 = 64;
/// Those whose DataHub misbehaves, changed twice a second.
const UNLUCKY: u64 = 8;
const MARKER: &str = "bearer-";

/// What happened so far.
#[derive(Default)]
struct Counts {
    asked: AtomicU64,
    given_up: AtomicU64,
    crossed: AtomicU64,
    own: AtomicU64,
}

pub(super) async fn run(requests: u64) -> anyhow::Result<()> {
    let world = World::start(|server| {
        server
            .env("DATAHUB_MCP_GMS_TIMEOUT_SECS", "1")
            .env("TOKEN_VALIDATOR_CACHE_ENTRIES", "100")
    })
    .await?;
    let address = world.server.address();
    let tokens: Arc<Vec<String>> = Arc::new((0..PEOPLE).map(|n| format!("good-p{n}")).collect());
    let markers: Arc<Vec<String>> = Arc::new(tokens.iter().map(|token| marker(token)).collect());
    let counts = Arc::new(Counts::default());
    let begin = Instant::now();
    let mut workers = JoinSet::new();
    for worker in 0..CONNECTIONS {
        let (tokens, markers) = (Arc::clone(&tokens), Arc::clone(&markers));
        let counts = Arc::clone(&counts);
        workers.spawn(async move {
            let mut statuses = BTreeMap::<u16, u64>::new();
            let mut wire = None;
            let mut person = worker;
            while counts.asked.fetch_add(1, Ordering::Relaxed) < requests {
                // A step that has no divisor in common with the number of people.
                person = (person + 67) % PEOPLE;
                let place = usize::try_from(person).unwrap_or_default();
                let (Some(token), Some(own)) = (tokens.get(place), markers.get(place)) else {
                    break;
                };
                let status = one(&mut wire, address, token, own, &counts).await;
                *statuses.entry(status).or_default() += 1;
            }
            statuses
        });
    }
    let mut statuses = BTreeMap::<u16, u64>::new();
    let mut round = 0;
    loop {
        tokio::select! {
            joined = workers.join_next() => {
                let Some(joined) = joined else { break };
                for (status, count) in joined? {
                    *statuses.entry(status).or_default() += count;
                }
            }
            () = sleep(Duration::from_millis(500)) => {
                disturb(&world.datahub, &tokens, round);
                if round % 2 == 0 {
                    world.server.signal(Signal::HUP)?;
                }
                if round % 60 == 59 {
                    report(&counts, begin, round / 2);
                }
                round += 1;
            }
        }
    }
    report(&counts, begin, round / 2);
    say(&format!("by status: {statuses:?} (0: given up or closed)"));
    say(&format!("the server: {}", Vitals::of(world.server.pid())?));
    ensure!(counts.crossed.load(Ordering::Relaxed) == 0, "crossed");
    ensure!(
        counts.own.load(Ordering::Relaxed) > requests / 2,
        "too few answers"
    );
    Ok(())
}

/// Lets DataHub misbehave to others than before.
fn disturb(datahub: &StubDataHub, tokens: &[String], round: u64) {
    let behaviours = [
        Behaviour::Slow(Duration::from_millis(1500)),
        Behaviour::Unauthorized,
        Behaviour::Fixed(500, "broken".to_owned(), "text/plain"),
        Behaviour::Slow(Duration::from_millis(30)),
    ];
    let of = |round: u64| {
        let first = round.wrapping_mul(UNLUCKY);
        (first..first.wrapping_add(UNLUCKY))
            .filter_map(|n| tokens.get(usize::try_from(n % PEOPLE).ok()?))
    };
    for token in of(round.wrapping_sub(1)) {
        datahub.behave_to(token, Behaviour::Echo);
    }
    for (token, behaviour) in of(round).zip(behaviours.iter().cycle()) {
        datahub.behave_to(token, behaviour.clone());
    }
}

async fn one(
    wire: &mut Option<Wire>,
    address: SocketAddr,
    token: &str,
    own: &str,
    counts: &Counts,
) -> u16 {
    let asked = counts.asked.load(Ordering::Relaxed);
    let request = wire::search(address, token);
    let answer = async {
        let open = match &mut *wire {
            Some(open) => open,
            None => wire.insert(Wire::open(address).await?),
        };
        open.ask(&request).await
    };
    // Some leave in the middle. Nobody else may get what was meant for them.
    let patience = match asked % 7 {
        0 => Duration::from_micros(asked % 3_000),
        _ => Duration::from_secs(60),
    };
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(answer)) => {
            let text = String::from_utf8_lossy(&answer.body);
            let mut found = text.match_indices(MARKER).map(|(at, _)| text.get(at..));
            let is_own = |found: Option<&str>| found.is_some_and(|text| text.starts_with(own));
            if text.contains(own) {
                counts.own.fetch_add(1, Ordering::Relaxed);
            }
            if !found.all(is_own) {
                counts.crossed.fetch_add(1, Ordering::Relaxed);
                say(&format!("CROSSED: {own} got {text}"));
            }
            answer.status
        }
        Ok(Err(_)) => {
            *wire = None;
            0
        }
        Err(_) => {
            counts.given_up.fetch_add(1, Ordering::Relaxed);
            *wire = None;
            0
        }
    }
}

fn report(counts: &Counts, begin: Instant, reloads: u64) {
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
    say(&format!(
        "{} requests in {:.0?}, {reloads} reloads asked for: {} answers with the own marker, {} given up, {} crossed",
        load(&counts.asked).saturating_sub(CONNECTIONS),
        begin.elapsed(),
        load(&counts.own),
        load(&counts.given_up),
        load(&counts.crossed)
    ));
}

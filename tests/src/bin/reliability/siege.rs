//! One person with 2,000 sockets and strangers with 2,000, at once, against eight people who work.
//!
//! A quarter each of the sockets sends a head byte by byte, a head and no body, a request every two
//! seconds, and nothing after one request. The person's calls are of the kind that DataHub does not
//! answer. A connection that the server closes is opened again after a second.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use integration_tests::{Behaviour, Vitals, say};
use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    people,
    wire::{self, Wire},
    world::{World, within},
};

const SOCKETS: u32 = 2_000;
const PEOPLE: u32 = 8;
const PAUSE: Duration = Duration::from_millis(100);
const GREEDY: &str = "good-greedy";
/// Bounds of this scenario.
const MOST_MIB: u64 = 143;
const REST: Duration = Duration::from_secs(10);

pub(super) async fn run(seconds: u64) -> anyhow::Result<()> {
    let world = World::start(|server| server).await?;
    world.datahub.behave_to(GREEDY, Behaviour::Stall);
    let (address, pid) = (world.server.address(), world.server.pid());
    let time = Duration::from_secs(seconds);
    let work = || {
        people::ask(address, PEOPLE, PAUSE, time, |number| {
            wire::search(address, &format!("good-person{number}"))
        })
    };
    // The first part fills caches and pools.
    work().await?;
    let rest = Vitals::of(pid)?;
    say(&format!("at rest: {rest}"));
    let mut quiet = work().await?;
    say(&format!("people alone: {}", quiet.line()));

    let (end, hostile) = (CancellationToken::new(), TaskTracker::new());
    let opened = Arc::new(AtomicU64::new(0));
    for number in 0..2 * SOCKETS {
        let (end, opened) = (end.clone(), Arc::clone(&opened));
        hostile.spawn(async move {
            // 4,000 in two seconds.
            sleep(Duration::from_micros(500) * number).await;
            tokio::select! {
                () = end.cancelled() => {}
                () = besiege(number, address, &opened) => {}
            }
        });
    }
    let probes = tokio::spawn(health(address, end.clone()));
    sleep(Duration::from_secs(4)).await;
    let open = world.connections().await?;
    let watch = tokio::spawn(highest(pid, end.clone()));
    let mut busy = work().await?;
    say(&format!("people in the siege: {}", busy.line()));
    let still_open = world.connections().await?;
    end.cancel();
    hostile.close();
    hostile.wait().await;
    let (highest, mut probes) = (watch.await??, probes.await??);
    say(&format!(
        "connections {open}, at the end {still_open}, opened {}; at most {highest}",
        opened.load(Ordering::Relaxed)
    ));
    say(&format!("/health on new connections: {}", probes.line()));

    let begin = Instant::now();
    let few = u64::from(PEOPLE) + 2;
    let at_rest = within(REST, async || {
        let connections = world.connections().await.unwrap_or(u64::MAX);
        let files = Vitals::of(pid).map_or(usize::MAX, |vitals| vitals.files);
        connections <= few && files <= rest.files + 4
    })
    .await;
    say(&format!(
        "back at rest after {:.1?}: {}",
        begin.elapsed(),
        Vitals::of(pid)?
    ));
    let (before, after) = (quiet.permille(990), busy.permille(990));
    say(&format!(
        "p99 in the siege is {:.2} times that without it",
        after.as_secs_f64() / before.as_secs_f64()
    ));
    ensure!(
        busy.all_are(200),
        "people were refused: {:?}",
        busy.statuses
    );
    ensure!(probes.all_are(200), "/health: {:?}", probes.statuses);
    ensure!(highest.resident_mib() < MOST_MIB, "{highest}");
    ensure!(at_rest, "not at rest after {REST:?}");
    Ok(())
}

/// Asks for `/health` on a new connection, ten times a second.
async fn health(address: SocketAddr, end: CancellationToken) -> anyhow::Result<people::Seen> {
    let mut seen = people::Seen::default();
    while !end.is_cancelled() {
        let begin = Instant::now();
        let status = match Wire::open(address).await {
            Ok(mut wire) => wire.ask(&wire::get(address, "/health")).await,
            Err(error) => Err(error),
        };
        seen.note(status.map_or(0, |answer| answer.status), begin.elapsed());
        sleep(Duration::from_millis(100)).await;
    }
    Ok(seen)
}

/// The most that the process holds until `end`.
async fn highest(pid: u32, end: CancellationToken) -> anyhow::Result<Vitals> {
    let mut highest = Vitals::default();
    while !end.is_cancelled() {
        let now = Vitals::of(pid)?;
        highest.resident_kib = highest.resident_kib.max(now.resident_kib);
        highest.files = highest.files.max(now.files);
        highest.threads = highest.threads.max(now.threads);
        sleep(Duration::from_millis(200)).await;
    }
    Ok(highest)
}

/// One hostile socket, without an end. Even numbers are of one person, odd ones of strangers.
async fn besiege(number: u32, address: SocketAddr, opened: &AtomicU64) {
    let is_person = number.is_multiple_of(2);
    let source = match is_person {
        true => Ipv4Addr::new(127, 0, 0, 2),
        false => Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + number),
    };
    let token = match is_person {
        true => GREEDY.to_owned(),
        false => format!("made-up-{number}"),
    };
    loop {
        if let Ok(mut wire) = Wire::open_from(IpAddr::from(source), address).await {
            opened.fetch_add(1, Ordering::Relaxed);
            match number / 2 % 4 {
                0 => slow_head(&mut wire, address, &token).await,
                1 => no_body(&mut wire, address, &token).await,
                2 => requests(&mut wire, address, &token).await,
                _ => idle(&mut wire, address, &token).await,
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
}

async fn slow_head(wire: &mut Wire, address: SocketAddr, token: &str) {
    for byte in wire::search(address, token) {
        if wire.send(&[byte]).await.is_err() {
            return;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

async fn no_body(wire: &mut Wire, address: SocketAddr, token: &str) {
    let head = wire::head(address, token, 100_000) + "{";
    if wire.send(head.as_bytes()).await.is_ok() {
        wire.wait_for_end().await;
    }
}

async fn requests(wire: &mut Wire, address: SocketAddr, token: &str) {
    while wire.ask(&wire::search(address, token)).await.is_ok() {
        sleep(Duration::from_secs(2)).await;
    }
}

async fn idle(wire: &mut Wire, address: SocketAddr, token: &str) {
    if wire.ask(&wire::list(address, token)).await.is_ok() {
        wire.wait_for_end().await;
    }
}

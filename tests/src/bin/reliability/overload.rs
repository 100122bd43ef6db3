//! Three times as many requests as the server may answer: the excess is refused quickly, and it is over when the
//! load is.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::ensure;
use integration_tests::{Behaviour, Vitals, say};
use tokio::{task::JoinSet, time::MissedTickBehavior};

use super::{
    people::{self, Seen},
    wire::{self, Wire},
    world::{World, within},
};

const CONNECTIONS: u32 = 1_000;
const PEOPLE: u32 = 100;
/// The time that DataHub takes: calls pile up although the machine could answer them. With 512 places, 1,700
/// of them are answered in a second.
const DATAHUB: Duration = Duration::from_millis(300);
/// The time between two requests of a connection that is refused: 5,000 a second. Without a pause, the time of a
/// refusal would be that of a thousand others before it.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) async fn run(seconds: u64) -> anyhow::Result<()> {
    let world = World::start(|server| server).await?;
    world.datahub.behave(Behaviour::Slow(DATAHUB));
    let (address, pid) = (world.server.address(), world.server.pid());
    let work = || {
        people::ask(
            address,
            8,
            Duration::from_millis(500),
            Duration::from_secs(10),
            |number| wire::search(address, &format!("good-other{number}")),
        )
    };
    work().await?;
    let mut quiet = work().await?;
    say(&format!("unloaded: {}", quiet.line()));
    let (begin, before) = (Instant::now(), Vitals::of(pid)?.cpu);
    let mut workers = JoinSet::new();
    for number in 0..CONNECTIONS {
        workers.spawn(hammer(number, address, Duration::from_secs(seconds)));
    }
    let (mut by_status, mut without) = (BTreeMap::<u16, Seen>::new(), 0);
    while let Some(joined) = workers.join_next().await {
        let (seen, missing) = joined??;
        without += missing;
        for (status, latency) in seen {
            by_status.entry(status).or_default().note(status, latency);
        }
    }
    for seen in by_status.values_mut() {
        say(&format!("in {:.0?}: {}", begin.elapsed(), seen.line()));
    }
    say(&format!(
        "{without} refusals without Retry-After; {}",
        Vitals::of(pid)?
    ));
    let requests: usize = by_status.values().map(|seen| seen.latencies.len()).sum();
    #[expect(clippy::cast_precision_loss, reason = "some thousands of requests")]
    let cpu = (Vitals::of(pid)?.cpu - before).as_secs_f64() * 1e6 / requests as f64;
    say(&format!(
        "{requests} requests, {cpu:.0} us CPU of the server for each"
    ));
    let bound = quiet.permille(990) * 2;
    let after = Instant::now();
    let over = within(Duration::from_secs(5), async || {
        let Ok(mut wire) = Wire::open(address).await else {
            return false;
        };
        let asked = Instant::now();
        let answer = wire.ask(&wire::search(address, "good-other0")).await;
        answer.is_ok_and(|answer| answer.status == 200) && asked.elapsed() <= bound
    })
    .await;
    say(&format!("as before after {:.1?}", after.elapsed()));
    ensure!(over, "not as before after five seconds");
    ensure!(without == 0, "refusals without Retry-After");
    Ok(())
}

type Answers = Vec<(u16, Duration)>;

/// Asks again and again, whatever the server says.
async fn hammer(
    number: u32,
    address: SocketAddr,
    time: Duration,
) -> anyhow::Result<(Answers, u64)> {
    let request = wire::search(address, &format!("good-p{}", number % PEOPLE));
    let (begin, mut seen, mut without) = (Instant::now(), Vec::new(), 0);
    let mut wire = Wire::open(address).await?;
    // Not all at the same moment.
    tokio::time::sleep(PAUSE * number / CONNECTIONS).await;
    let mut tick = tokio::time::interval(PAUSE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while begin.elapsed() < time {
        tick.tick().await;
        let asked = Instant::now();
        match wire.ask(&request).await {
            Ok(answer) => {
                let refused = matches!(answer.status, 429 | 503);
                without += u64::from(refused && !answer.has("retry-after"));
                seen.push((answer.status, asked.elapsed()));
            }
            Err(_) => {
                seen.push((0, asked.elapsed()));
                wire = Wire::open(address).await?;
            }
        }
    }
    Ok((seen, without))
}

//! Killed under load, again and again: the time until the next one is ready.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use integration_tests::{StubDataHub, artifacts, flooded, say};
use sandbox::idp::{EmbeddedIdp, Options};
use tokio::task::JoinSet;

use super::{
    wire::{self, Wire},
    world::within,
};

const CONNECTIONS: usize = 16;
const PAUSE: Duration = Duration::from_millis(5);
/// The bound of this scenario.
const READY: Duration = Duration::from_secs(1);

pub(super) async fn run(rounds: u64) -> anyhow::Result<()> {
    let idp = EmbeddedIdp::start(Options::default()).await?;
    let datahub = StubDataHub::start().await?;
    artifacts();
    let state = tempfile::tempdir()?;
    let builder =
        flooded(&idp, &datahub).env("OAUTH_STATE_DIR", state.path().display().to_string());
    let token = idp.access_token("editor");
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begin = Instant::now();
        let server = builder.clone().start()?;
        let address = server.address();
        let is_ready = within(Duration::from_secs(30), async || {
            let Ok(mut wire) = Wire::open(address).await else {
                return false;
            };
            let answer = wire.ask(&wire::get(address, "/ready")).await;
            answer.is_ok_and(|answer| answer.status == 200)
        })
        .await;
        ensure!(is_ready, "never ready: {}", server.output());
        times.push(begin.elapsed());
        let mut load = JoinSet::new();
        for number in 0..CONNECTIONS {
            let request = match number % 2 {
                0 => wire::search(address, &token),
                _ => wire::list(address, &token),
            };
            let mut wire = Wire::open(address).await?;
            load.spawn(async move {
                // Until the server is gone.
                while wire.ask(&request).await.is_ok() {
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        // Dropped, it is killed at once (SIGKILL).
        drop(server);
        while load.join_next().await.is_some() {}
    }
    times.sort();
    let median = *times.get(times.len() / 2).context("no round")?;
    let longest = *times.last().context("no round")?;
    say(&format!(
        "killed {rounds} times under load; ready again after {median:.0?} at the median, {longest:.0?} at the most"
    ));
    ensure!(longest <= READY, "later than after {READY:?}");
    Ok(())
}

//! The time that this server adds to a call: a fixed rate of searches, directly to the stub of DataHub,
//! through a bare hop and through the server, in turns.

use std::time::Duration;

use integration_tests::{Bare, SEARCH, say};

use super::{people, wire, world::World};

const ROUNDS: u32 = 3;
const PEOPLE: u32 = 8;
/// 500 requests a second.
const PAUSE: Duration = Duration::from_millis(16);

pub(super) async fn run(seconds: u64) -> anyhow::Result<()> {
    let world = World::start(|server| server).await?;
    let (ours, theirs) = (world.server.address(), world.datahub.address());
    let time = Duration::from_secs(seconds) / ROUNDS;
    let hop = Bare::hop(&world.datahub.url())?;
    let direct = format!(
        "POST /api/graphql HTTP/1.1\r\nHost: {theirs}\r\nAuthorization: Bearer good-x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{SEARCH}",
        SEARCH.len()
    );
    let mut without = people::Seen::default();
    let mut through = [people::Seen::default(), people::Seen::default()];
    for _ in 0..ROUNDS {
        without
            .add(people::ask(theirs, PEOPLE, PAUSE, time, |_| direct.clone().into_bytes()).await?);
        for (seen, address) in through.iter_mut().zip([hop.address(), ours]) {
            let request = |number| wire::search(address, &format!("good-person{number}"));
            seen.add(people::ask(address, PEOPLE, PAUSE, time, request).await?);
        }
    }
    say(&format!("directly: {}", without.line()));
    for (name, seen) in ["a bare hop", "the server"].into_iter().zip(&mut through) {
        say(&format!("through {name}: {}", seen.line()));
        for share in [500, 990] {
            let added = seen.permille(share).saturating_sub(without.permille(share));
            say(&format!("added at {share} of a thousand: {added:.2?}"));
        }
    }
    Ok(())
}

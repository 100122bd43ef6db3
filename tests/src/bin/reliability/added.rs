//! The time that this server adds to a call: a fixed rate of searches, directly to the stub of DataHub and
//! through the server, in turns.

use std::time::Duration;

use integration_tests::say;

use super::{people, wire, world::World};

const ROUNDS: u32 = 3;
const PEOPLE: u32 = 8;
/// 500 requests a second.
const PAUSE: Duration = Duration::from_millis(16);

pub(super) async fn run(seconds: u64) -> anyhow::Result<()> {
    let world = World::start(|server| server).await?;
    let (ours, theirs) = (world.server.address(), world.datahub.address());
    let time = Duration::from_secs(seconds) / ROUNDS;
    let query = r#"{"operationName":"search","query":"query search { searchAcrossEntities { total } }","variables":{}}"#;
    let direct = format!(
        "POST /api/graphql HTTP/1.1\r\nHost: {theirs}\r\nAuthorization: Bearer good-x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{query}",
        query.len()
    );
    let (mut through, mut without) = (people::Seen::default(), people::Seen::default());
    for _ in 0..ROUNDS {
        without
            .add(people::ask(theirs, PEOPLE, PAUSE, time, |_| direct.clone().into_bytes()).await?);
        let request = |number| wire::search(ours, &format!("good-person{number}"));
        through.add(people::ask(ours, PEOPLE, PAUSE, time, request).await?);
    }
    say(&format!("directly: {}", without.line()));
    say(&format!("through the server: {}", through.line()));
    for share in [500, 990] {
        let added = through
            .permille(share)
            .saturating_sub(without.permille(share));
        say(&format!("added at {share} of a thousand: {added:.2?}"));
    }
    Ok(())
}

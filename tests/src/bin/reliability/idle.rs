//! The price of connections that wait for their next request, and of people beside them.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::ensure;
use integration_tests::{Vitals, say};

use super::{
    people,
    wire::{self, Wire},
    world::World,
};

const MOST_KIB: f64 = 35.0;

pub(super) async fn run(connections: u64) -> anyhow::Result<()> {
    let world = World::start(|server| server).await?;
    let (address, pid) = (world.server.address(), world.server.pid());
    let work = || {
        people::ask(
            address,
            8,
            Duration::from_millis(50),
            Duration::from_secs(10),
            |number| wire::search(address, &format!("good-person{number}")),
        )
    };
    work().await?;
    let mut quiet = work().await?;
    let rest = Vitals::of(pid)?;
    say(&format!("at rest: {rest}; people: {}", quiet.line()));
    let mut open = Vec::new();
    for number in 0..connections {
        let source =
            Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + (number / 50) as u32);
        let mut wire = Wire::open_from(source.into(), address).await?;
        let token = format!("good-idle{}", number % 500);
        let answer = wire.ask(&wire::list(address, &token)).await?;
        ensure!(answer.status == 200, "{}", answer.status);
        open.push(wire);
    }
    let full = Vitals::of(pid)?;
    let mut beside = work().await?;
    #[expect(clippy::cast_precision_loss, reason = "kibibytes and connections")]
    let each = full.resident_kib.saturating_sub(rest.resident_kib) as f64 / connections as f64;
    say(&format!(
        "with {connections} idle connections: {full}, {each:.1} KiB each"
    ));
    say(&format!("people beside them: {}", beside.line()));
    ensure!(beside.all_are(200), "{:?}", beside.statuses);
    ensure!(each <= MOST_KIB, "{each:.1} KiB for a connection");
    drop(open);
    Ok(())
}

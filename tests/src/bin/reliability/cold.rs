//! Tokens that the server has never seen: each is verified, and nobody starves beside that.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use integration_tests::{Server, StubDataHub, artifacts, say};
use sandbox::idp::{EmbeddedIdp, Options};
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    people,
    wire::{self, Wire},
};

const CONNECTIONS: usize = 32;

pub(super) async fn run(count: u64) -> anyhow::Result<()> {
    let idp = EmbeddedIdp::start(Options::default()).await?;
    let datahub = StubDataHub::start().await?;
    artifacts();
    let server = Server::builder()
        .env("OIDC_ISSUER_URL", idp.issuer())
        .env("OIDC_AUDIENCE", idp.audience())
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("ACCESS_LOG_PERCENT", "1")
        .start()?;
    let address = server.address();
    let tokens: Vec<String> = (0..count)
        .map(|number| {
            idp.mint(json!({"sub": format!("person{number}"), "jti": number.to_string()}))
        })
        .collect();
    let warm = idp.access_token("editor");
    let mut wire = Wire::open(address).await?;
    ensure!(
        wire.ask(&wire::list(address, &warm)).await?.status == 200,
        "warm"
    );
    for (name, tokens) in [
        ("one known token", Arc::new(vec![warm; tokens.len()])),
        ("a new token each", Arc::new(tokens)),
    ] {
        let begin = Instant::now();
        let mut workers = JoinSet::new();
        for worker in 0..CONNECTIONS {
            let tokens = Arc::clone(&tokens);
            workers.spawn(async move {
                let mut wire = Wire::open(address).await?;
                for token in tokens.iter().skip(worker).step_by(CONNECTIONS) {
                    let answer = wire.ask(&wire::list(address, token)).await?;
                    ensure!(answer.status == 200, "{}", answer.status);
                }
                Ok(())
            });
        }
        let health = wire::get(address, "/health");
        let mut probes = people::Seen::default();
        let all = async {
            while let Some(joined) = workers.join_next().await {
                joined??;
            }
            anyhow::Ok(())
        };
        tokio::pin!(all);
        loop {
            tokio::select! {
                ended = &mut all => {
                    ended?;
                    break;
                }
                () = tokio::time::sleep(Duration::from_millis(20)) => {
                    let asked = Instant::now();
                    let answer = wire.ask(&health).await?;
                    probes.note(answer.status, asked.elapsed());
                }
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of requests")]
        let rate = count as f64 / begin.elapsed().as_secs_f64();
        say(&format!(
            "{name}: {rate:.0} requests/s; /health beside it: {}",
            probes.line()
        ));
        ensure!(probes.all_are(200), "/health: {:?}", probes.statuses);
    }
    Ok(())
}

//! A server between a stub of DataHub and people whose tokens are `good-NAME`.

use std::time::Duration;

use anyhow::Context;
use integration_tests::{Server, ServerBuilder, StubDataHub, artifacts};

pub(super) struct World {
    pub(super) datahub: StubDataHub,
    pub(super) server: Server,
}

impl World {
    pub(super) async fn start(
        adapt: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> anyhow::Result<Self> {
        let datahub = StubDataHub::start().await?;
        let builder = Server::builder()
            .env("DATAHUB_GMS_URL", datahub.url())
            .env("TOKEN_VALIDATOR_FACTORY", "hostile:good")
            .env(
                "TOKEN_VALIDATOR_PLUGIN_DIR",
                artifacts().dir().display().to_string(),
            )
            .env("ACCESS_LOG_PERCENT", "1")
            .env("DATAHUB_MCP_ADMIN_ADDRESS", "127.0.0.1:0");
        let server = adapt(builder).start()?;
        Ok(Self { datahub, server })
    }

    /// The connections that the server counts.
    pub(super) async fn connections(&self) -> anyhow::Result<u64> {
        let metrics = self.server.metrics().await?;
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix("datahub_mcp_connections "));
        let number: f64 = line.context("the gauge of connections")?.parse()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of connections"
        )]
        Ok(number as u64)
    }
}

/// Waits until `done`, at most so long; returns whether it is.
pub(super) async fn within(limit: Duration, done: impl AsyncFn() -> bool) -> bool {
    let wait = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(limit, wait).await.is_ok()
}

//! A world with a catalog: the embedded DataHub with the sandbox's shop in it, and the real server
//! before it, which takes DataHub's own tokens.

use integration_tests::{Reply, Server, ServerBuilder};
use sandbox::{
    clock::Clock,
    datahub::{EmbeddedDataHub, Options, Running},
    people, shop,
};
use serde_json::Value;

/// The table of orders that the shop's reports are made from.
pub(crate) const ORDERS: &str =
    "urn:li:dataset:(urn:li:dataPlatform:snowflake,lantern.marts.fct_orders,PROD)";
/// What to do when orders come late: a document that no agent wrote.
pub(crate) const RUNBOOK: &str = "urn:li:document:late-orders-runbook";

/// An embedded DataHub with the sandbox's own catalog and people, and what else is asked for.
pub(crate) async fn shop_datahub(change: impl FnOnce(&mut Options)) -> Running {
    let mut options = Options {
        catalog: shop::catalog(Clock::default().unix_millis()).unwrap(),
        people: people::demo().iter().map(Into::into).collect(),
        ..Options::default()
    };
    change(&mut options);
    EmbeddedDataHub::start(options).await.unwrap()
}

/// The shop's DataHub and a server before it.
pub(crate) struct ShopWorld {
    pub(crate) datahub: Running,
    pub(crate) server: Server,
}

impl ShopWorld {
    /// With every tool switched on.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}, |builder| builder).await
    }

    /// The same, with another DataHub or other settings of the server.
    pub(crate) async fn with(
        datahub: impl FnOnce(&mut Options),
        server: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let datahub = shop_datahub(datahub).await;
        let builder = Server::builder()
            .env("DATAHUB_GMS_URL", datahub.url())
            .env("TOOLS_IS_MUTATION_ENABLED", "true")
            .env("DATA_QUALITY_TOOLS_ENABLED", "true")
            .env("SEMANTIC_SEARCH_ENABLED", "true");
        let server = server(builder).start().unwrap();
        Self { datahub, server }
    }

    /// Calls a tool as a person of the shop.
    pub(crate) async fn call(&self, person: &str, tool: &str, arguments: Value) -> Reply {
        let token = self.datahub.token(person).unwrap();
        let mcp = self.server.mcp();
        let reply = mcp.call(Some(&token), tool, arguments).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply
    }

    /// The answer of a call by the editor that goes well.
    pub(crate) async fn ok(&self, tool: &str, arguments: Value) -> Value {
        let reply = self.call("editor", tool, arguments).await;
        assert!(!reply.is_tool_error(), "{tool}: {}", reply.text);
        reply.structured().clone()
    }

    /// The text of a call by the editor that fails.
    pub(crate) async fn error(&self, tool: &str, arguments: Value) -> String {
        let reply = self.call("editor", tool, arguments).await;
        assert!(reply.is_tool_error(), "{tool}: {}", reply.text);
        reply.tool_text().to_owned()
    }
}

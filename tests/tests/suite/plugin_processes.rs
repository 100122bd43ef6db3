//! Plugins in processes of their own, which die, hang and take what they can get.

use integration_tests::{StubDataHub, artifacts};
use serde_json::json;

use crate::plugin_files::{PluginDir, status, until};

#[tokio::test]
async fn a_plugin_that_dies_in_its_own_process_costs_its_requests_and_comes_back() {
    for how in ["abort", "segfault", "exit"] {
        let datahub = StubDataHub::start().await.unwrap();
        let plugins = PluginDir::with(&artifacts().plugin("hostile"));
        let options = json!({"how": how, "trigger": "good-bad"});
        let server = plugins
            .server(&datahub, "hostile:dies", &options)
            .env("PLUGIN_ISOLATION", "process")
            .env("TOKEN_VALIDATOR_BREAKER_FAULTS", "1000")
            .start()
            .unwrap();
        let mcp = server.mcp();
        assert_eq!(status(&mcp, "good-before").await, 200, "{how}");
        assert_eq!(
            status(&mcp, "good-bad").await,
            503,
            "{how}\n{}",
            server.output()
        );
        let health = mcp.http().get(server.url("/health")).send().await.unwrap();
        assert_eq!(health.status(), 200, "{how}");
        // A token that was not asked about before: the new process answers.
        until("the plugin's process is back", async || {
            status(&mcp, "good-after").await == 200
        })
        .await;
    }
}

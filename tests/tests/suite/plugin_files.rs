//! What tests of plugins ask a server again and again.

use integration_tests::Mcp;
use serde_json::json;

/// The status of a request that needs nothing but a good token.
pub(crate) async fn status(mcp: &Mcp, token: &str) -> u16 {
    mcp.rpc(Some(token), "tools/list", json!({}))
        .await
        .unwrap()
        .status
}

/// Waits until `done`; another process does it, so there is nothing to wait on but time.
pub(crate) async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let wait = async {
        while !done().await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let limit = std::time::Duration::from_secs(60);
    assert!(
        tokio::time::timeout(limit, wait).await.is_ok(),
        "not within a minute: {what}"
    );
}

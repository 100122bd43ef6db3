//! Waiting for what another process does.

/// Waits until `done`; another process does it, so there is nothing to wait on but time.
///
/// # Panics
/// Where it is not done within a minute.
pub async fn until(what: &str, done: impl AsyncFn() -> bool) {
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

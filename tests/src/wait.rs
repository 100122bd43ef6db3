//! Waits for another process.

/// Polls until `done` returns true. Polling is needed because the condition is another process's.
///
/// # Panics
/// If that takes longer than a minute.
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

//! The last resort against panics: whoever asked is answered at once. The protocol library runs each
//! request on a task of its own, where a panic would end the task without an answer.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use crate::error::ToolError;

/// Runs `work`, and turns a panic in it into [`ToolError::Panicked`]. `what` is for the log.
pub(crate) async fn catch<T>(
    what: &'static str,
    work: impl Future<Output = Result<T, ToolError>>,
) -> Result<T, ToolError> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(payload) => {
            // Its destructor could panic again. The panic hook has already logged the location.
            std::mem::forget(payload);
            tracing::error!(what, "a request ended in a panic");
            Err(ToolError::Panicked)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_before_and_after_a_pause() {
        let at_once: Result<(), _> = catch("test", async { panic!("as asked") }).await;
        assert!(matches!(at_once, Err(ToolError::Panicked)));
        let later: Result<(), _> = catch("test", async {
            tokio::task::yield_now().await;
            panic!("as asked")
        })
        .await;
        assert!(matches!(later, Err(ToolError::Panicked)));
        assert!(matches!(catch("test", async { Ok(7) }).await, Ok(7)));
    }
}

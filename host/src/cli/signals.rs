//! What the operating system asks of a running server: stop (SIGTERM, SIGINT), reload plugins
//! (SIGHUP).

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals, taken from the moment of this call: none gets lost while the server starts.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Takes the signals over. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// Where the operating system refuses.
    pub fn take() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the signal to stop; meanwhile runs `reload` for each SIGHUP, one after the other.
    pub async fn stop<F: Future<Output = ()>>(mut self, reload: impl Fn() -> F) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
                Some(()) = self.hang_up.recv() => reload().await,
            }
        }
        tracing::info!("stopping");
    }
}

//! What the operating system asks of a running server: to stop (SIGTERM, SIGINT). SIGHUP is the plugin
//! host's.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals, taken from the moment of this call: none gets lost while the server starts.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
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
        })
    }

    /// Waits for the signal to stop.
    pub async fn stop(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        tracing::info!("stopping");
    }
}

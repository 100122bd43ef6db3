//! Signals to a running server: SIGTERM and SIGINT stop it, and a second one of them stops it at
//! once. SIGHUP belongs to the plugin host.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signals, received from construction on: none is lost while the server starts.
#[derive(Debug, Clone)]
pub struct Signals {
    /// Cancelled by the first signal.
    pub stop: CancellationToken,
    /// Cancelled by the second.
    pub hurry: CancellationToken,
}

impl Signals {
    /// Installs the handlers. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// If the operating system refuses.
    pub fn take() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let signals = Self {
            stop: CancellationToken::new(),
            hurry: CancellationToken::new(),
        };
        let (stop, hurry) = (signals.stop.clone(), signals.hurry.clone());
        tokio::spawn(async move {
            for (token, what) in [(stop, "stopping"), (hurry, "stopping at once")] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                tracing::info!("{what}");
                token.cancel();
            }
        });
        Ok(signals)
    }
}

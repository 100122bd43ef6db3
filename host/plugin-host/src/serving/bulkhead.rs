//! The host threads on which one validator's code may run, separate from those that serve
//! requests: a plugin that blocks or spins although it must not delays only its own calls.
//!
//! Owns the threads. No code of a plugin runs on any other thread of the host, however quick it has
//! been so far.

use std::{future::Future, io};

use tokio::{
    runtime::Runtime,
    task::{JoinError, JoinHandle},
};

use crate::boundary::last_line;

/// The number of threads that a validator can block.
const THREADS: usize = 2;

/// The threads that run one validator.
#[derive(Debug)]
pub(crate) struct Bulkhead {
    runtime: Option<Runtime>,
}

impl Bulkhead {
    /// Starts the threads.
    pub(crate) fn start(validator: &str) -> io::Result<Self> {
        let name: String = validator.chars().take(32).collect();
        let validator = validator.to_owned();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name(format!("validator {name}"))
            .on_thread_start(move || last_line::runs(&validator))
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
        })
    }

    /// Runs `call` on the bulkhead. Dropping the returned value cancels it.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Option<Running<T>> {
        self.runtime
            .as_ref()
            .map(|runtime| Running(runtime.spawn(call)))
    }

    /// Drops `value` on the bulkhead: that may run code of the plugin.
    pub(crate) fn drop_there(&self, value: impl Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(async move { drop(value) });
        }
    }
}

impl Drop for Bulkhead {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Does not wait: a thread may be stuck in the plugin for ever.
            runtime.shutdown_background();
        }
    }
}

/// A call on the bulkhead; it is cancelled when dropped.
#[derive(Debug)]
pub(crate) struct Running<T>(JoinHandle<T>);

impl<T> Running<T> {
    /// Waits for the end.
    pub(crate) async fn ended(&mut self) -> Result<T, JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_call_is_cancelled() {
        let bulkhead = Bulkhead::start("test").unwrap();
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let running = bulkhead.spawn(async move {
            let _sender = sender;
            std::future::pending::<()>().await;
        });
        drop(running);
        // The sender was dropped with the call.
        receiver.await.unwrap_err();
    }

    #[tokio::test]
    async fn a_value_is_dropped_on_the_bulkhead() {
        struct Tells(Option<tokio::sync::oneshot::Sender<std::thread::ThreadId>>);

        impl Drop for Tells {
            fn drop(&mut self) {
                let id = std::thread::current().id();
                self.0.take().unwrap().send(id).unwrap();
            }
        }

        let bulkhead = Bulkhead::start("test").unwrap();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        bulkhead.drop_there(Tells(Some(sender)));
        assert_ne!(receiver.await.unwrap(), std::thread::current().id());
    }
}

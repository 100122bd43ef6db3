//! The host threads on which one validator's code may run, separate from those that serve
//! requests: a plugin that blocks or spins although it must not delays only its own calls.
//!
//! Owns the threads and the rule for answering on the caller's thread instead.

use std::{
    future::Future,
    io,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::Duration,
};

use tokio::{
    runtime::Runtime,
    sync::{Semaphore, SemaphorePermit},
    task::{JoinError, JoinHandle},
};

/// The number of threads that a validator can block.
const THREADS: usize = 2;
/// A `try_validate` that takes longer than this is assumed to block.
const SLOW: Duration = Duration::from_millis(100);
/// The number of quick answers on the bulkhead after which the caller's own thread is used.
const PROBATION: u32 = 32;

/// The threads that run one validator.
#[derive(Debug)]
pub(crate) struct Bulkhead {
    runtime: Option<Runtime>,
    quick: AtomicU32,
    slow: AtomicBool,
    inline: Semaphore,
}

impl Bulkhead {
    /// Starts the threads.
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let name: String = name.chars().take(32).collect();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name(format!("validator {name}"))
            .build()?;
        // One thread of the server always stays free, whatever a plugin does on the others.
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            runtime: Some(runtime),
            quick: AtomicU32::new(0),
            slow: AtomicBool::new(false),
            inline: Semaphore::new(cores.saturating_sub(1)),
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

    /// A permit for the plugin to answer on the caller's thread, if it may. A plugin that never
    /// returns the permit gets no other.
    pub(crate) fn inline(&self) -> Option<SemaphorePermit<'_>> {
        let trusted =
            self.quick.load(Ordering::Relaxed) >= PROBATION && !self.slow.load(Ordering::Relaxed);
        if trusted {
            self.inline.try_acquire().ok()
        } else {
            None
        }
    }

    /// Records the duration of a `try_validate`. True if the plugin may therefore no longer answer
    /// on the caller's thread.
    pub(crate) fn took(&self, time: Duration) -> bool {
        if time >= SLOW {
            return !self.slow.swap(true, Ordering::Relaxed);
        }
        if self.quick.load(Ordering::Relaxed) < PROBATION {
            self.quick.fetch_add(1, Ordering::Relaxed);
        }
        false
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

    #[test]
    fn trust_is_earned_and_lost() {
        let bulkhead = Bulkhead::start("test").unwrap();
        assert!(bulkhead.inline().is_none());
        for _ in 0..PROBATION {
            assert!(!bulkhead.took(Duration::from_micros(10)));
        }
        let cores = thread::available_parallelism().map_or(1, usize::from);
        assert_eq!(bulkhead.inline().is_some(), cores > 1);
        assert!(bulkhead.took(SLOW));
        assert!(!bulkhead.took(SLOW));
        assert!(bulkhead.inline().is_none());
    }

    #[test]
    fn a_stuck_caller_keeps_its_permit() {
        let bulkhead = Bulkhead::start("test").unwrap();
        for _ in 0..PROBATION {
            bulkhead.took(Duration::ZERO);
        }
        let mut stuck = Vec::new();
        while let Some(permit) = bulkhead.inline() {
            stuck.push(permit);
        }
        let cores = thread::available_parallelism().map_or(1, usize::from);
        assert_eq!(stuck.len(), cores - 1);
    }

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
}

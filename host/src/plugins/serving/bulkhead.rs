//! The threads of the host on which one validator's code may run, apart from those that serve
//! requests: a plugin that blocks or spins where it must not holds up its own calls alone.
//!
//! Owns the threads and the rule when a plugin may answer on the caller's thread instead.

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

/// How many threads a validator can block.
const THREADS: usize = 2;
/// A `try_validate` that takes longer than this waits for something.
const SLOW: Duration = Duration::from_millis(100);
/// So many quick answers on the bulkhead, then the caller's own thread is used.
const PROBATION: u32 = 32;

/// Where one validator runs.
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

    /// May the plugin answer on the caller's thread? A plugin that never gives the permit back
    /// gets no other.
    pub(crate) fn inline(&self) -> Option<SemaphorePermit<'_>> {
        let trusted =
            self.quick.load(Ordering::Relaxed) >= PROBATION && !self.slow.load(Ordering::Relaxed);
        if trusted {
            self.inline.try_acquire().ok()
        } else {
            None
        }
    }

    /// Takes note of how long a `try_validate` took. True where it lost its trust by that.
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
            // Does not wait: a thread may be stuck in the plugin for good.
            runtime.shutdown_background();
        }
    }
}

/// A call on the bulkhead; dropped, it is cancelled.
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

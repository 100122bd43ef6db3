//! The plugin's own runtime: one worker thread for all instances of this library.
//!
//! Vendor code that blocks stalls this thread, never one of the host's.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll},
};

use async_ffi::{FfiFuture, FutureExt};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

use super::{
    guard::{Guarded, Panicked},
    scope::Instance,
};

/// The most threads for `spawn_blocking` and name resolution; idle ones end.
const MAX_BLOCKING_THREADS: usize = 64;

/// The runtime, shared by the instances of this library and the calls in progress. It ends with the
/// last of them, together with all tasks spawned on it: a replaced copy of a library keeps no
/// thread.
pub(crate) struct Shared {
    handle: Handle,
    /// `Some` until the value is dropped.
    runtime: Option<Runtime>,
}

impl Shared {
    /// The running runtime, or a new one if there is none.
    pub(crate) fn get() -> std::io::Result<Arc<Self>> {
        static RUNNING: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = running.upgrade() {
            return Ok(shared);
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(MAX_BLOCKING_THREADS)
            .thread_name("validator")
            .enable_all()
            .build()?;
        let shared = Arc::new(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        });
        *running = Arc::downgrade(&shared);
        Ok(shared)
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Does not wait: this may be the runtime's own thread, and a vendor's task may block
            // forever.
            runtime.shutdown_background();
        }
    }
}

/// Starts `future` on the plugin's runtime, guarded. Dropping the returned future cancels it.
pub(crate) fn spawn<F>(
    runtime: &Handle,
    future: F,
    instance: Arc<Instance>,
    request_id: String,
    on_panic: fn(&Panicked) -> F::Output,
) -> FfiFuture<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let task = runtime.spawn(Guarded::new(future, instance, request_id, on_panic));
    Call { task, on_panic }.into_ffi()
}

/// The host's handle of a call.
struct Call<T> {
    task: JoinHandle<T>,
    on_panic: fn(&Panicked) -> T,
}

impl<T> Future for Call<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match Pin::new(&mut self.task).poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(answer)) => Poll::Ready(answer),
            Poll::Ready(Err(error)) => match error.try_into_panic() {
                // The guard catches the vendor's panics: this is an error in the runtime itself.
                Ok(payload) => Poll::Ready((self.on_panic)(&Panicked::forget(payload))),
                // A task is aborted only when its `Call` is dropped: no answer is awaited then.
                Err(_) => Poll::Pending,
            },
        }
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

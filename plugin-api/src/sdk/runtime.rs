//! The plugin's own runtime: one worker thread for every instance of this library.
//!
//! A vendor's code that blocks stalls this thread, never one of the host's.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
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

/// Threads for `spawn_blocking` and name resolution; they end when they are idle.
const MAX_BLOCKING_THREADS: usize = 64;

/// The runtime, started by the first who needs it. It runs until the process ends, as the library
/// stays mapped until then.
pub(crate) fn handle() -> std::io::Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());

    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .thread_name("validator")
        .enable_all()
        .build()?;
    Ok(RUNTIME.get_or_init(|| runtime).handle().clone())
}

/// Starts `future` on the plugin's runtime, guarded. Dropping the answer cancels it.
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

/// The host's end of a call.
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
                // The guard caught what the vendor did: this is a fault of the runtime itself.
                Ok(payload) => Poll::Ready((self.on_panic)(&Panicked::forget(payload))),
                // Only we abort tasks, when the host is gone: nobody is left to answer.
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

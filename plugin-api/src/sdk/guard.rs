//! Keeps a vendor's panics inside the plugin: one that reached the host would end its process.
//!
//! A caught payload is forgotten, never dropped: its destructor is the vendor's code too and may
//! panic again.

use std::{
    fmt,
    future::Future,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    panic_hook,
    scope::{Instance, Scope},
};

/// A caught panic.
#[derive(Debug)]
pub(crate) struct Panicked {
    location: Option<String>,
}

impl Panicked {
    /// Forgets a caught payload and takes the panic's location.
    pub(crate) fn forget(payload: Box<dyn std::any::Any + Send>) -> Self {
        mem::forget(payload);
        Self {
            location: panic_hook::take_location(),
        }
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "panicked at {location}"),
            None => f.write_str("panicked"),
        }
    }
}

/// Runs a vendor's code and catches a panic in it. State that a panic leaves inconsistent is the
/// vendor's: the host does not use the result of a call that panicked.
pub(crate) fn catch<R>(work: impl FnOnce() -> R) -> Result<R, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(Panicked::forget)
}

/// A vendor's future with a guard around each poll and around its drop, polled within the scope of
/// its request.
pub(crate) struct Guarded<F: Future> {
    // Boxed, so that it can be pinned and dropped within the guard.
    future: Option<Pin<Box<F>>>,
    instance: Arc<Instance>,
    request_id: String,
    on_panic: fn(&Panicked) -> F::Output,
}

impl<F: Future> Guarded<F> {
    /// Guards `future`; a panic becomes the output that `on_panic` returns.
    pub(crate) fn new(
        future: F,
        instance: Arc<Instance>,
        request_id: String,
        on_panic: fn(&Panicked) -> F::Output,
    ) -> Self {
        Self {
            future: Some(Box::pin(future)),
            instance,
            request_id,
            on_panic,
        }
    }

    fn discard(&mut self) {
        if let Some(future) = self.future.take() {
            let scope = Scope {
                instance: &self.instance,
                request_id: &self.request_id,
            };
            if let Err(panicked) = catch(|| scope.run(|| drop(future))) {
                scope.run(|| tracing::error!(%panicked, "dropping a call panicked"));
            }
        }
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let Some(future) = this.future.as_mut() else {
            // Polled after it was ready, which no executor does.
            return Poll::Pending;
        };
        let scope = Scope {
            instance: &this.instance,
            request_id: &this.request_id,
        };
        let answer = match catch(|| scope.run(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => output,
            Err(panicked) => (this.on_panic)(&panicked),
        };
        this.discard();
        Poll::Ready(answer)
    }
}

impl<F: Future> Drop for Guarded<F> {
    fn drop(&mut self) {
        self.discard();
    }
}

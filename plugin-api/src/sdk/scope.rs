//! The instance and the request that this thread works for. Log records get their labels from here,
//! so that a vendor need not pass them on.
//!
//! Holds borrowed pointers for the length of a guarded call only; never across an `await`.

use std::{cell::Cell, ptr};

use crate::newest::HostRef;

/// One validator that the host created from this library.
pub(crate) struct Instance {
    /// The host's name for it.
    pub(crate) id: String,
    /// The host that receives its log records.
    pub(crate) host: HostRef,
}

/// The instance and the request that a piece of work belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The instance.
    pub(crate) instance: &'a Instance,
    /// The host's id of the request; empty for work outside any request.
    pub(crate) request_id: &'a str,
}

thread_local! {
    static CURRENT: Cell<*const Scope<'static>> = const { Cell::new(ptr::null()) };
}

/// Restores the previous scope, also when the work unwinds.
struct Restore(*const Scope<'static>);

impl Drop for Restore {
    fn drop(&mut self) {
        // A thread that is ending has no scope any more; then there is nothing to restore.
        let _ = CURRENT.try_with(|current| current.set(self.0));
    }
}

impl Scope<'_> {
    /// Runs `work` within this scope.
    pub(crate) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let scope = ptr::from_ref(self).cast::<Scope<'static>>();
        let _restore = Restore(
            CURRENT
                .try_with(|current| current.replace(scope))
                .unwrap_or(ptr::null()),
        );
        work()
    }
}

/// Calls `reader` with the scope of the work on this thread, if there is one.
pub(crate) fn current<R>(reader: impl FnOnce(Option<&Scope<'_>>) -> R) -> R {
    let scope = CURRENT.try_with(Cell::get).unwrap_or(ptr::null());
    // SAFETY: the pointer is null or was set by `Scope::run` on this thread, whose frame is still
    // on the stack (it removes the pointer before it returns or unwinds), so the scope that it
    // borrows is alive; `reader` cannot keep the reference.
    reader(unsafe { scope.as_ref() })
}

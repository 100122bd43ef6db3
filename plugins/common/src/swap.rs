//! A value that is read often and replaced rarely.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;

/// A shared value that can be replaced as a whole. Readers never wait.
pub struct Swap<T>(ArcSwap<T>);

impl<T> Swap<T> {
    /// Holds `value`.
    pub fn new(value: T) -> Self {
        Self(ArcSwap::from_pointee(value))
    }

    /// The current value. It does not change while the returned pointer is held.
    pub fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Replaces the value.
    pub fn store(&self, value: T) {
        self.0.store(Arc::new(value));
    }
}

impl<T> fmt::Debug for Swap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swap").finish_non_exhaustive()
    }
}

//! The parts that `/ready` reports on.

use futures::future::BoxFuture;

/// One part of the server and whether it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// True if it works.
    pub works: bool,
}

/// Reports which parts work. Must be cheap when called often.
pub trait Probe: Send + Sync + 'static {
    /// All parts.
    fn parts(&self) -> BoxFuture<'_, Vec<Part>>;
}

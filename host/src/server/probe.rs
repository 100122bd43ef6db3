//! The parts that `/ready` reports on.

use futures::future::BoxFuture;

/// One part of the server and whether it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Does it work?
    pub works: bool,
}

/// Says which parts work. Must be cheap when asked often.
pub trait Probe: Send + Sync + 'static {
    /// All parts.
    fn parts(&self) -> BoxFuture<'_, Vec<Part>>;
}

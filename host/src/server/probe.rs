//! The parts that `/ready` reports on.

use futures::future::BoxFuture;

/// One part of the server and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: PartState,
    /// Its kind, where there are several.
    pub kind: Option<&'static str>,
}

/// The state of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// It works.
    Works,
    /// It does not work now.
    Unavailable,
    /// Something else answers in its place.
    Stranger,
    /// It is the memory of this process, which always works.
    InMemory,
}

impl PartState {
    /// True if people can be served.
    pub(super) fn is_well(self) -> bool {
        matches!(self, Self::Works | Self::InMemory)
    }

    /// Works, or is unavailable.
    pub fn of(works: bool) -> Self {
        if works {
            Self::Works
        } else {
            Self::Unavailable
        }
    }

    /// The state as `/ready` writes it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Works => "ok",
            Self::Unavailable => "unavailable",
            Self::Stranger => "something else answers",
            Self::InMemory => "in memory",
        }
    }
}

/// Reports the state of all parts. Must be cheap when called often.
pub trait Probe: Send + Sync + 'static {
    /// All parts.
    fn parts(&self) -> BoxFuture<'_, Vec<Part>>;
}

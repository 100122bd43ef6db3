//! Warnings about what may happen at every connection, and is worth a line a minute.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The time between two lines.
const PAUSE: Duration = Duration::from_secs(60);

/// Says when the next line is due.
#[derive(Debug)]
pub(super) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Returns whether a line is due, and counts it as written then.
    pub(super) fn is_due(&self) -> bool {
        let mut last = self.0.lock();
        let due = last.is_none_or(|last| last.elapsed() >= PAUSE);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_due_until_the_pause_is_over() {
        let seldom = Seldom::new();
        assert!(seldom.is_due());
        assert!(!seldom.is_due());
    }
}

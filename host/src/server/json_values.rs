//! The values in a message.

use std::cell::Cell;

use foundation::json_values::Values;

/// The most values in a message; calls of tools have a few hundred.
pub(super) const MAX_VALUES: usize = 10_000;

/// Counts the values of a message in `seen`.
pub(super) fn values(seen: &Cell<usize>) -> Values<'_> {
    Values::up_to(MAX_VALUES, seen)
}

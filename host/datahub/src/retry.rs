//! The retry budget: while most calls succeed, a lost one is sent again; when everything fails,
//! retries stop instead of doubling the load.

use std::sync::atomic::{AtomicU32, Ordering};

/// The tokens that one call adds to the budget; a retry takes [`PER_RETRY`].
const PER_CALL: u32 = 1;
const PER_RETRY: u32 = 10;
const FULL: u32 = 100;

/// At most one retry in ten calls, and ten at once.
#[derive(Debug)]
pub(super) struct RetryBudget(AtomicU32);

impl RetryBudget {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(FULL))
    }

    /// Records a call.
    pub(super) fn deposit(&self) {
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                (tokens < FULL).then_some(tokens + PER_CALL)
            });
    }

    /// Takes the cost of a retry; false if the budget does not cover it.
    pub(super) fn withdraw(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                tokens.checked_sub(PER_RETRY)
            })
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_run_out_and_come_back_with_calls() {
        let budget = RetryBudget::new();
        assert_eq!((0..20).filter(|_| budget.withdraw()).count(), 10);
        for _ in 0..10 {
            budget.deposit();
        }
        assert!(budget.withdraw());
        assert!(!budget.withdraw());
    }
}

//! The retry budget: while most calls succeed a lost one is sent again; when everything fails,
//! retries stop by themselves instead of doubling the load.

use std::sync::atomic::{AtomicU32, Ordering};

/// What one call adds and one retry takes.
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

    /// A call is made.
    pub(super) fn deposit(&self) {
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                (tokens < FULL).then_some(tokens + PER_CALL)
            });
    }

    /// May this one be sent again?
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

//! The chain: validators asked in order until one recognizes the token.
//!
//! | a validator says | the chain |
//! | --- | --- |
//! | accepted | ends: served as that person |
//! | not mine | asks the next; after the last: 401 |
//! | rejected | ends: 401 |
//! | anything else (unavailable, misconfigured, internal, panicked, nonsense, time-out, breaker) | ends: 503 |
//!
//! A failing validator never lets the next one decide: it could have rejected the token.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    answer::{Decision, Ruling},
    validator::{Check, Validator},
};
use crate::auth::Principal;

/// The validators that serve together, from one reload to the next.
///
/// A caller holds the chain until the last answer has arrived.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) validators: Vec<Arc<Validator>>,
    released: DropGuard,
}

impl Chain {
    pub(super) fn new(validators: Vec<Arc<Validator>>) -> Self {
        Self {
            validators,
            released: CancellationToken::new().drop_guard(),
        }
    }

    /// Cancelled once no caller holds this chain: after that, no call of its validators begins.
    pub(super) fn released(&self) -> CancellationToken {
        self.released.token().clone()
    }
}

/// The outcome of the chain as a whole.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Accepted(Arc<Principal>, Option<Duration>),
    /// A validator knew the token and refused it.
    Rejected,
    /// No validator knew the token.
    NobodyS,
    Unavailable(Duration),
}

/// Asks the validators in order.
pub(super) async fn ask(validators: &[Arc<Validator>], check: &Check) -> Outcome {
    for validator in validators {
        if let Some(outcome) = step(validator.ask(check).await) {
            return outcome;
        }
    }
    tracing::debug!(
        token = ?check.digest, request_id = %check.request_id, asked = validators.len(),
        "no validator recognizes the token"
    );
    Outcome::NobodyS
}

/// The outcome that follows from one ruling; `None`: the next validator is asked.
fn step(ruling: Ruling) -> Option<Outcome> {
    match ruling.decision {
        Decision::Accepted(principal, ttl) => Some(Outcome::Accepted(principal, ttl)),
        Decision::NotMine => None,
        Decision::Rejected => Some(Outcome::Rejected),
        Decision::Unavailable(retry_after) => Some(Outcome::Unavailable(retry_after)),
    }
}

#[cfg(test)]
mod tests;

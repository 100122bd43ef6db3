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

use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    ruling::Decision,
    validator::{Check, Validator},
};

/// The validators that serve together, from one reload to the next.
///
/// A caller holds the chain until the last answer has arrived.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) validators: Vec<Arc<Validator>>,
    released: DropGuard,
}

impl Chain {
    pub(crate) fn new(validators: Vec<Arc<Validator>>) -> Self {
        Self {
            validators,
            released: CancellationToken::new().drop_guard(),
        }
    }

    /// Cancelled once no caller holds this chain: after that, no call of its validators begins.
    pub(crate) fn released(&self) -> CancellationToken {
        self.released.token().clone()
    }
}

/// Asks the validators in order.
pub(crate) async fn ask(validators: &[Arc<Validator>], check: &Check) -> Decision {
    for validator in validators {
        match validator.ask(check).await.decision {
            Decision::NotRecognized => {}
            decided => return decided,
        }
    }
    tracing::debug!(
        token = ?check.digest, request_id = %check.request_id, asked = validators.len(),
        "no validator recognizes the token"
    );
    Decision::NotRecognized
}

#[cfg(test)]
mod tests;

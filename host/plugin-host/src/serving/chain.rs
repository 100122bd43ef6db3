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

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    ruling::Decision,
    validator::{Check, Validator},
};

/// The length from which a reason takes in no further validator, in bytes, and the longest part of
/// one validator: reasons are kept with the rejected tokens.
const MAX_REASON_BYTES: usize = 256;
const MAX_DETAIL_CHARS: usize = 200;

/// The validators that serve together, from one reload to the next.
///
/// A caller holds the chain until the last answer has arrived.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) validators: Vec<Arc<Validator>>,
    proven: AtomicBool,
    released: DropGuard,
}

impl Chain {
    pub(crate) fn new(validators: Vec<Arc<Validator>>) -> Self {
        Self {
            validators,
            proven: AtomicBool::new(false),
            released: CancellationToken::new().drop_guard(),
        }
    }

    /// True if it has decided about a token.
    pub(crate) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// Records that it has decided about a token.
    pub(crate) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    /// Its validators and the checksums of their libraries, for the log.
    pub(crate) fn names(&self) -> String {
        let names = self.validators.iter().map(|one| {
            let sha256 = one.origin.sha256.to_string();
            format!("{} {}", one.name(), sha256.get(..12).unwrap_or_default())
        });
        names.collect::<Vec<_>>().join(", ")
    }

    /// Cancelled once no caller holds this chain: after that, no call of its validators begins.
    pub(crate) fn released(&self) -> CancellationToken {
        self.released.token().clone()
    }
}

/// The decision of a chain.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) decision: Decision,
    /// The reason of each validator that was asked, for the log; redacted.
    pub(crate) reason: String,
    /// True if a fault of a validator is why there is no decision.
    pub(crate) is_fault: bool,
}

impl Decided {
    /// True if it is about the token.
    pub(crate) fn is_decision(&self) -> bool {
        !matches!(self.decision, Decision::Unavailable(_))
    }
}

/// Asks the validators in order.
pub(crate) async fn ask(validators: &[Arc<Validator>], check: &Check) -> Decided {
    let mut reason = String::new();
    for validator in validators {
        let ruling = validator.ask(check).await;
        if reason.len() < MAX_REASON_BYTES && !ruling.detail.is_empty() {
            let separator = if reason.is_empty() { "" } else { "; " };
            let detail: String = ruling.detail.chars().take(MAX_DETAIL_CHARS).collect();
            // Writing to a string cannot fail.
            let _ = write!(reason, "{separator}{}: {detail}", validator.name());
        }
        match ruling.decision {
            Decision::NotRecognized => {}
            decision => {
                return Decided {
                    decision,
                    reason,
                    is_fault: ruling.outcome.is_own_fault(),
                };
            }
        }
    }
    tracing::debug!(
        token = ?check.digest, request_id = %check.request_id, asked = validators.len(),
        "no validator recognizes the token"
    );
    Decided {
        decision: Decision::NotRecognized,
        reason,
        is_fault: false,
    }
}

#[cfg(test)]
mod tests;

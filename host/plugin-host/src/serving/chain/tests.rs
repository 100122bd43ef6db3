//! The truth table of the chain, checked for every combination.

use std::time::{Duration, UNIX_EPOCH};

use foundation::clock::Clock;
use proptest::prelude::*;

use super::*;
use crate::{
    boundary::{Answer, FailureKind},
    fake::{Fake, accepted, check, failed, validator},
    settings::Limits,
};

/// The possible answers of a validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Accepted,
    NotMine,
    Rejected,
    Unavailable,
    Misconfigured,
    Internal,
    Panicked,
    Nonsense,
    EmptySubject,
    UnwindsForReal,
}

const ALL: [Says; 10] = [
    Says::Accepted,
    Says::NotMine,
    Says::Rejected,
    Says::Unavailable,
    Says::Misconfigured,
    Says::Internal,
    Says::Panicked,
    Says::Nonsense,
    Says::EmptySubject,
    Says::UnwindsForReal,
];

impl Says {
    fn answer(self) -> Answer {
        match self {
            Self::Accepted => accepted("ann"),
            Self::NotMine => failed(FailureKind::NotMine),
            Self::Rejected => failed(FailureKind::Rejected),
            Self::Unavailable => failed(FailureKind::Unavailable),
            Self::Misconfigured => failed(FailureKind::Misconfigured),
            Self::Internal => failed(FailureKind::Internal),
            Self::Panicked => failed(FailureKind::Panicked),
            Self::Nonsense => Answer::Nonsense("nonsense".into()),
            Self::EmptySubject => accepted(""),
            Self::UnwindsForReal => std::panic::resume_unwind(Box::new("on purpose")),
        }
    }
}

/// The table in the module's documentation, written a second time.
fn expected(chain: &[Says]) -> (&'static str, usize) {
    let deciding = chain.iter().position(|says| *says != Says::NotMine);
    match deciding.map(|at| (at, chain[at])) {
        None => ("nobody", chain.len()),
        Some((at, Says::Accepted)) => ("accepted", at + 1),
        Some((at, Says::Rejected)) => ("rejected", at + 1),
        Some((at, _)) => ("unavailable", at + 1),
    }
}

fn name(decision: &Decision) -> &'static str {
    match decision {
        Decision::Accepted(..) => "accepted",
        Decision::Rejected => "rejected",
        Decision::NotRecognized => "nobody",
        Decision::Unavailable(_) => "unavailable",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_chain_follows_the_table(
        chain in proptest::collection::vec(proptest::sample::select(&ALL[..]), 0..5)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let clock = Clock::manual(UNIX_EPOCH + Duration::from_secs(1_900_000_000));
        let fakes: Vec<_> =
            chain.iter().map(|says| { let says = *says; Fake::answering(move || says.answer()) })
                .collect();
        let validators: Vec<_> = fakes
            .iter()
            .enumerate()
            .map(|(n, fake)| validator(&format!("v{n}"), fake.clone(), &Limits::default(), &clock))
            .collect();
        let decided = runtime.block_on(ask(&validators, &check("t", Duration::from_secs(60))));
        let outcome = decided.decision;
        let (wanted, asked) = expected(&chain);
        prop_assert_eq!(name(&outcome), wanted);
        // Each validator that was asked and did not accept gave its reason, up to the limit.
        if wanted == "rejected" {
            let part = format!("v{}: because", asked - 1);
            prop_assert!(decided.reason.contains(&part) || decided.reason.len() >= MAX_REASON_BYTES);
        }
        // No validator after the deciding one saw the token.
        for (n, fake) in fakes.iter().enumerate() {
            prop_assert_eq!(fake.calls(), usize::from(n < asked));
        }
    }
}

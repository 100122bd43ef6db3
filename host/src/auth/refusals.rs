//! The refused tokens: a sampled log line for each reason, and a short memory of the people whom
//! DataHub refuses.
//!
//! A client answers a 401 with a new token. If DataHub refuses that one as well, a third would be no
//! better: the person gets 403 and the reason, instead of signing in for ever. The memory is short:
//! nobody is kept from a new token for long by an old one that somebody else still presents.

use std::time::Duration;

use foundation::{
    clock::Clock,
    identity::{Principal, TokenDigest},
};
use moka::sync::Cache;
use telemetry::Sampled;

/// The time for which a refused person is remembered.
const MEMORY: Duration = Duration::from_secs(60);
/// The most people that are remembered.
const MAX_PEOPLE: u64 = 10_000;

/// The refused tokens of this server.
pub(super) struct Refusals {
    lines: Sampled,
    clock: Clock,
    /// The first token of each person that DataHub refused.
    people: Cache<TokenDigest, TokenDigest>,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            lines: Sampled::default(),
            clock: Clock::system(),
            people: Cache::builder()
                .max_capacity(MAX_PEOPLE)
                .time_to_live(MEMORY)
                .build(),
        }
    }
}

impl Refusals {
    /// Writes the reason for which a token is not accepted, if enough lines were not written.
    pub(super) fn note(&self, reason: &str) {
        if let Some(left_out) = self.lines.admit(&kind(reason), self.clock.elapsed()) {
            tracing::info!(reason, left_out, "bearer token refused");
        }
    }

    /// The number of lines about refusals of DataHub that were left out since the last one; `None`
    /// if this one is left out, too.
    pub(super) fn admit_datahubs(&self) -> Option<u64> {
        self.lines.admit("refused by DataHub", self.clock.elapsed())
    }

    /// Remembers that DataHub refused the token `digest` of `principal`. Returns whether it refused
    /// another token of the same person before.
    pub(super) fn is_second(&self, principal: &Principal, digest: TokenDigest) -> bool {
        let person = TokenDigest::of(&format!(
            "{}\0{}",
            principal.validator(),
            principal.subject()
        ));
        self.people.get_with(person, || digest) != digest
    }
}

/// A reason without what it quotes: values out of a token that anybody can make up must not fill the
/// kinds.
fn kind(reason: &str) -> String {
    let outside_quotes = |part: &str| part.split('`').step_by(2).collect::<String>();
    let parts = reason.split('"').step_by(2).map(outside_quotes);
    parts.collect()
}

#[cfg(test)]
mod tests {
    use foundation::identity::{Acceptance, Lease, Verdict};
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn what_a_reason_quotes_makes_no_kind_of_its_own() {
        let made_up = kind("oidc:oidc: the audience is \"made up 1\", not \"api\"");
        assert_eq!(
            made_up,
            kind("oidc:oidc: the audience is \"made up 2\", not \"api\"")
        );
        assert_ne!(made_up, kind("oidc:oidc: the issuer is \"made up 1\""));
        assert_eq!(kind("a key `x` is"), kind("a key `y` is"));
        assert_eq!(kind("no \"end"), "no ");
    }

    fn person(subject: &str, token: &str) -> (std::sync::Arc<Principal>, TokenDigest) {
        let digest = TokenDigest::of(token);
        let acceptance = Acceptance {
            subject: subject.to_owned(),
            scopes: Vec::new(),
            expires_at: None,
            validator: "oidc:oidc".to_owned(),
            datahub_token: SecretString::from(token),
            token_digest: digest,
        };
        let verdict = Verdict::accept(acceptance, Lease::default());
        (verdict.principal().unwrap().clone(), digest)
    }

    #[test]
    fn the_second_token_of_a_person_is_refused_for_good_and_nobody_elses() {
        let refusals = Refusals::default();
        let refused = |subject, token| {
            let (principal, digest) = person(subject, token);
            refusals.is_second(&principal, digest)
        };
        assert!(!refused("ann", "t1"));
        assert!(!refused("ann", "t1"), "the same token, once more");
        assert!(refused("ann", "t2"));
        assert!(refused("ann", "t3"));
        assert!(!refused("bob", "t4"));
    }
}

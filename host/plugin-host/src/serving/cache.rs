//! Recent verdicts: accepted tokens for the lifetime of their verdict, rejected ones for a few
//! seconds, nothing else.
//!
//! Keys are digests; the cache never holds the token that a client presented.

use std::{sync::Arc, time::Duration};

use foundation::{
    clock::Clock,
    identity::{Principal, TokenDigest, Verdict},
};
use moka::sync::Cache;

use super::ruling;
use crate::settings::Limits;

/// The maximum number of rejected tokens in the cache.
const MAX_REJECTED: u64 = 10_000;

/// The cache of verdicts.
#[derive(Debug)]
pub(crate) struct Verdicts {
    accepted: Cache<TokenDigest, Entry>,
    /// The end of each entry, on the monotonic clock, and the reason.
    rejected: Cache<TokenDigest, (Duration, Arc<str>)>,
    ttl: Duration,
    negative_ttl: Duration,
    clock: Clock,
}

#[derive(Debug, Clone)]
struct Entry {
    principal: Arc<Principal>,
    until: Duration,
}

impl Verdicts {
    pub(crate) fn new(limits: &Limits, clock: Clock) -> Self {
        // The entries' own times decide; the builder's bound only frees the memory.
        let housekeeping = |ttl: Duration| ttl.max(Duration::from_secs(1));
        Self {
            accepted: Cache::builder()
                .max_capacity(limits.cache_entries)
                .time_to_live(housekeeping(limits.cache_ttl))
                .build(),
            rejected: Cache::builder()
                .max_capacity(MAX_REJECTED.min(limits.cache_entries))
                .time_to_live(housekeeping(limits.negative_ttl))
                .build(),
            ttl: limits.cache_ttl,
            negative_ttl: limits.negative_ttl,
            clock,
        }
    }

    /// The verdict on a token, if it is cached.
    pub(crate) fn get(&self, digest: &TokenDigest) -> Option<Verdict> {
        if let Some(entry) = self.accepted.get(digest) {
            let ended = entry.principal.has_ended(self.clock.now());
            if !ended && self.clock.elapsed() < entry.until {
                return Some(Verdict::Accepted(entry.principal));
            }
            self.accepted.invalidate(digest);
            return None;
        }
        let (until, reason) = self.rejected.get(digest)?;
        if self.clock.elapsed() < until {
            return Some(Verdict::Rejected { reason });
        }
        self.rejected.invalidate(digest);
        None
    }

    /// Caches an accepted token, if its verdict allows that.
    pub(crate) fn accepted(
        &self,
        digest: TokenDigest,
        principal: &Arc<Principal>,
        ttl: Option<Duration>,
    ) {
        let ttl = ruling::remember_for(principal.expires_at(), ttl, self.ttl, self.clock.now());
        if !ttl.is_zero() {
            let until = self.clock.elapsed() + ttl;
            self.accepted.insert(
                digest,
                Entry {
                    principal: Arc::clone(principal),
                    until,
                },
            );
        }
    }

    /// Caches a rejected token for a short time.
    pub(crate) fn rejected(&self, digest: TokenDigest, reason: Arc<str>) {
        if !self.negative_ttl.is_zero() {
            let until = self.clock.elapsed() + self.negative_ttl;
            self.rejected.insert(digest, (until, reason));
        }
    }

    /// Forgets a token.
    pub(crate) fn forget(&self, digest: &TokenDigest) {
        self.accepted.invalidate(digest);
        self.rejected.invalidate(digest);
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.accepted.invalidate_all();
        self.rejected.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use foundation::identity::{Acceptance, Lease};
    use secrecy::SecretString;

    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn start() -> SystemTime {
        UNIX_EPOCH + seconds(1_900_000_000)
    }

    fn verdicts(change: impl FnOnce(&mut Limits)) -> (Verdicts, Clock) {
        let clock = Clock::manual(start());
        let mut limits = Limits::default();
        change(&mut limits);
        (Verdicts::new(&limits, clock.clone()), clock)
    }

    fn principal(expires_in: Option<u64>) -> Arc<Principal> {
        let acceptance = Acceptance {
            subject: "ann".to_owned(),
            scopes: Vec::new(),
            expires_at: expires_in.map(|n| start() + seconds(n)),
            validator: "test".to_owned(),
            datahub_token: SecretString::from("t"),
            token_digest: TokenDigest::of("t"),
        };
        let verdict = Verdict::accept(acceptance, Lease::default());
        Arc::clone(verdict.principal().unwrap())
    }

    fn is_accepted(verdicts: &Verdicts, digest: &TokenDigest) -> bool {
        matches!(verdicts.get(digest), Some(Verdict::Accepted(_)))
    }

    #[test]
    fn an_accepted_token_is_known_until_its_end() {
        let (verdicts, clock) = verdicts(|_| ());
        let digest = TokenDigest::of("a");
        verdicts.accepted(digest, &principal(Some(60)), None);
        clock.advance(seconds(59));
        assert!(is_accepted(&verdicts, &digest));
        clock.advance(seconds(1));
        assert!(verdicts.get(&digest).is_none());
    }

    #[test]
    fn the_plugin_s_time_and_the_host_s_bound_count() {
        let (verdicts, clock) = verdicts(|limits| limits.cache_ttl = seconds(100));
        let (short, long, never) = (
            TokenDigest::of("s"),
            TokenDigest::of("l"),
            TokenDigest::of("n"),
        );
        verdicts.accepted(short, &principal(None), Some(seconds(10)));
        verdicts.accepted(long, &principal(None), Some(seconds(1_000_000)));
        verdicts.accepted(never, &principal(None), Some(Duration::ZERO));
        assert!(verdicts.get(&never).is_none());
        clock.advance(seconds(10));
        assert!(verdicts.get(&short).is_none());
        assert!(is_accepted(&verdicts, &long));
        clock.advance(seconds(90));
        assert!(verdicts.get(&long).is_none());
    }

    #[test]
    fn a_rejected_token_is_known_for_a_moment() {
        let (verdicts, clock) = verdicts(|_| ());
        let digest = TokenDigest::of("a");
        verdicts.rejected(digest, "no".into());
        assert!(matches!(
            verdicts.get(&digest),
            Some(Verdict::Rejected { .. })
        ));
        clock.advance(seconds(5));
        assert!(verdicts.get(&digest).is_none());
    }

    #[test]
    fn forgotten_is_forgotten() {
        let (verdicts, _) = verdicts(|_| ());
        let (one, two) = (TokenDigest::of("1"), TokenDigest::of("2"));
        verdicts.accepted(one, &principal(None), None);
        verdicts.rejected(two, "no".into());
        verdicts.forget(&one);
        assert!(verdicts.get(&one).is_none());
        verdicts.clear();
        assert!(verdicts.get(&two).is_none());
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let (verdicts, _) = verdicts(|limits| limits.cache_entries = 100);
        for n in 0..10_000 {
            verdicts.accepted(TokenDigest::of(&format!("a{n}")), &principal(None), None);
            verdicts.rejected(TokenDigest::of(&format!("r{n}")), "no".into());
        }
        verdicts.accepted.run_pending_tasks();
        verdicts.rejected.run_pending_tasks();
        assert!(verdicts.accepted.entry_count() <= 100);
        assert!(verdicts.rejected.entry_count() <= 100);
    }
}

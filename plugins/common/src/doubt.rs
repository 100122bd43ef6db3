//! The tokens of a cooldown that nobody can decide: they name a key that the provider may have
//! published since its keys were fetched.
//!
//! Anybody can name a key that does not exist, so only so many of them get the benefit of the doubt;
//! all others are refused, as they were without it.

use std::time::Duration;

use crate::cache::TokenDigest;

/// The most keys that are in doubt at once. A provider that rotates its keys brings one or two.
const MAX_KEYS: usize = 8;
/// The most answers that leave a token undecided, in one cooldown.
const MAX_ANSWERS: u32 = 256;

/// What was left undecided since the last fetch for a token that no key fitted.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    since: Duration,
    keys: Vec<TokenDigest>,
    answers: u32,
}

impl Doubts {
    /// Returns whether a token that names the key `kid` may be left undecided, in the cooldown that
    /// began at `since`.
    pub(crate) fn admit(&mut self, kid: &str, since: Duration) -> bool {
        if self.since != since {
            *self = Self {
                since,
                ..Self::default()
            };
        }
        let key = TokenDigest::of(kid);
        let known = self.keys.contains(&key);
        if self.answers >= MAX_ANSWERS || !known && self.keys.len() >= MAX_KEYS {
            return false;
        }
        if !known {
            self.keys.push(key);
        }
        self.answers += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_keys_and_answers_and_then_none_until_the_next_cooldown() {
        let mut doubts = Doubts::default();
        let first = Duration::from_secs(1);
        let admitted = (0..100).filter(|number| doubts.admit(&format!("k{number}"), first));
        assert_eq!(admitted.count(), MAX_KEYS);
        let again = (0..1_000).filter(|_| doubts.admit("k0", first)).count();
        assert_eq!(again + MAX_KEYS, MAX_ANSWERS as usize);
        assert!(doubts.admit("k99", Duration::from_secs(11)));
    }
}

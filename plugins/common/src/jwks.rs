//! A JWK set (RFC 7517 section 5), read entry by entry: an unusable key does not affect the others.

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    algorithm::Algorithm,
    jwk::{SigningKey, Unusable},
};

/// The maximum number of entries that are read; further ones are ignored.
const MAX_KEYS: usize = 256;
/// The maximum number of keys tried for a token without `kid`, or with a `kid` of several keys.
const MAX_TRIES: usize = 16;

/// The keys of a provider that can verify tokens.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<SigningKey>,
    by_kid: HashMap<String, Vec<usize>>,
    without_kid: Vec<usize>,
}

/// The result of checking a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checked {
    /// A key that fits made it; the key's `issuer`, if any, must still be compared.
    Good {
        /// Index of the key.
        key: usize,
    },
    /// Keys that fit were tried and none made it.
    Bad,
    /// No key has the token's `kid` (or, without one, fits its algorithm).
    NoSuchKey,
    /// The key with the token's `kid` is not for its algorithm.
    WrongAlgorithm,
}

impl KeySet {
    /// Reads a set.
    ///
    /// # Errors
    /// Text that describes the problem with the document as a whole; unusable entries are skipped
    /// and logged.
    pub(crate) fn parse(body: &[u8], announced: &[Algorithm]) -> Result<Self, &'static str> {
        let document: Value = serde_json::from_slice(body).map_err(|_| "is not JSON")?;
        let entries = document
            .get("keys")
            .and_then(Value::as_array)
            .ok_or("has no list `keys`")?;
        if entries.len() > MAX_KEYS {
            tracing::warn!(
                entries = entries.len(),
                used = MAX_KEYS,
                "key set is too long, rest ignored"
            );
        }
        let mut set = Self::default();
        for (index, entry) in entries.iter().take(MAX_KEYS).enumerate() {
            match SigningKey::from_jwk(entry, announced) {
                Ok(key) => set.push(key),
                Err(Unusable::NotForUs(reason)) => {
                    tracing::debug!(index, reason, "key of the provider is not for tokens");
                }
                Err(Unusable::Bad(reason)) => {
                    tracing::warn!(
                        index,
                        reason,
                        "key of the provider is unusable, the others are used"
                    );
                }
            }
        }
        Ok(set)
    }

    fn push(&mut self, key: SigningKey) {
        let index = self.keys.len();
        match key.kid() {
            Some(kid) => self.by_kid.entry(kid.to_owned()).or_default().push(index),
            None => self.without_kid.push(index),
        }
        self.keys.push(key);
    }

    /// The number of usable keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The issuer of the key that [`Checked::Good`] names.
    pub(crate) fn issuer_of(&self, key: usize) -> Option<&str> {
        self.keys.get(key).and_then(SigningKey::issuer)
    }

    /// Looks for a key that made the signature.
    ///
    /// With a `kid`, the keys that carry it are tried, or if there are none, the keys without any
    /// `kid`; without one, all keys that fit. Nothing else in a token selects a key.
    pub(crate) fn check(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Checked {
        let named = kid.and_then(|kid| self.by_kid.get(kid));
        let mut tried = 0;
        let mut attempt = |index: usize| {
            let key = self.keys.get(index).filter(|key| key.fits(algorithm))?;
            tried += 1;
            (tried <= MAX_TRIES && key.verifies(algorithm, message, signature)).then_some(index)
        };
        let found = match (kid, named) {
            (Some(_), Some(named)) => named.iter().copied().find_map(&mut attempt),
            (Some(_), None) => self.without_kid.iter().copied().find_map(&mut attempt),
            (None, _) => (0..self.keys.len()).find_map(&mut attempt),
        };
        match (found, tried, named) {
            (Some(key), ..) => Checked::Good { key },
            (None, 0, Some(_)) => Checked::WrongAlgorithm,
            (None, 0, None) => Checked::NoSuchKey,
            (None, ..) => Checked::Bad,
        }
    }
}

#[cfg(test)]
mod tests;

//! The digest by which logs know a person.
//!
//! Keyed: without the key, a list of the names of employees tells nothing about a log.

use std::{fmt, sync::OnceLock};

use aws_lc_rs::hmac;

/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// Bytes of HMAC that are kept: enough to tell people apart.
const DIGEST_BYTES: usize = 8;

/// The key of this process, which has one log.
static KEY: OnceLock<hmac::Key> = OnceLock::new();

/// The first eight bytes of HMAC-SHA-256 of a subject, with a key of the deployment.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PersonDigest([u8; DIGEST_BYTES]);

impl PersonDigest {
    /// Makes the digests of this process the same as those of all that have this key. Without it,
    /// the key is random, and digests are good until the process ends. Returns false if digests were
    /// made before: their key stays.
    pub fn use_key(key: &[u8; KEY_BYTES]) -> bool {
        KEY.set(hmac::Key::new(hmac::HMAC_SHA256, key)).is_ok()
    }

    /// The digest of the person that a validator names `subject`.
    pub fn of(subject: &str) -> Self {
        Self::with(KEY.get_or_init(random), subject)
    }

    /// The digest as a number, to tell people apart.
    pub fn number(self) -> u64 {
        u64::from_be_bytes(self.0)
    }

    fn with(key: &hmac::Key, subject: &str) -> Self {
        let tag = hmac::sign(key, subject.as_bytes());
        let mut digest = [0; DIGEST_BYTES];
        digest.copy_from_slice(&tag.as_ref()[..DIGEST_BYTES]);
        Self(digest)
    }
}

fn random() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; KEY_BYTES]>())
}

impl fmt::Display for PersonDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for PersonDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_start_of_the_hmac_of_rfc_4231_section_4_3() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let digest = PersonDigest::with(&key, "what do ya want for nothing?");
        assert_eq!(digest.to_string(), "5bdcc146bf60754e");
    }

    #[test]
    fn it_tells_people_apart_and_depends_on_the_key() {
        assert_eq!(PersonDigest::of("ann"), PersonDigest::of("ann"));
        assert_ne!(PersonDigest::of("ann"), PersonDigest::of("bob"));
        assert_ne!(
            PersonDigest::with(&random(), "ann"),
            PersonDigest::with(&random(), "ann")
        );
        assert!(!PersonDigest::use_key(&[1; 32]), "digests were made before");
    }
}

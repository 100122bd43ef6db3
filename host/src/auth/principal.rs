//! The person (or machine) that a request is served as.

use std::{
    any::Any,
    fmt,
    sync::{Arc, Weak},
    time::SystemTime,
};

use secrecy::SecretString;
use sha2::{Digest, Sha256};

/// SHA-256 of a bearer token, by which caches and logs identify the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of `token`.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// The raw digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Eight hex digits tell tokens apart in a log and give nothing away.
        for byte in &self.0[..4] {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// A claim on the validators that issued a principal's token for DataHub, and may revoke it once
/// they are replaced. A request holds them while it is served; a cached verdict does not.
#[derive(Debug, Clone, Default)]
pub struct Lease(Option<Weak<dyn Any + Send + Sync>>);

impl Lease {
    /// A lease that is over when `owner` is dropped; the default one never is.
    pub fn of<T: Any + Send + Sync>(owner: &Arc<T>) -> Self {
        let owner: Weak<T> = Arc::downgrade(owner);
        Self(Some(owner))
    }

    /// Keeps the lease from ending until the returned value is dropped. `None` if there is nothing
    /// to hold or the lease is over.
    pub fn hold(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.0.as_ref()?.upgrade()
    }

    /// Returns whether the lease has ended.
    pub fn is_over(&self) -> bool {
        let owner = self.0.as_ref();
        owner.is_some_and(|owner| owner.strong_count() == 0)
    }
}

/// The person (or machine) that a request is served as. Made by a validator, checked by the host,
/// never by anything that a client sent.
#[derive(Debug)]
pub struct Principal {
    /// The subject that the validator named.
    pub subject: String,
    /// The scopes that the token grants.
    pub scopes: Vec<String>,
    /// The expiry of the token; never served after that.
    pub expires_at: Option<SystemTime>,
    /// The validator that accepted the token, as `library:factory`; `fallback` for the shared token.
    pub validator: String,
    /// The token with which DataHub is asked on this person's behalf.
    pub datahub_token: SecretString,
    /// The digest of the token that the client presented; `None` for the shared token.
    pub token_digest: Option<TokenDigest>,
    /// The lease on the validators that issued `datahub_token`.
    pub lease: Lease,
}

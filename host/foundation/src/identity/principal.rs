//! The person (or machine) that a request is served as.

use std::{
    any::Any,
    sync::{Arc, OnceLock, Weak},
    time::SystemTime,
};

use secrecy::SecretString;

use super::{Acceptance, PersonDigest, TokenDigest};

/// A lease on the validators that issued a token for DataHub: they may revoke the token once they
/// are replaced and nothing holds the lease. Requests hold it, cached verdicts do not.
#[derive(Debug, Clone, Default)]
pub struct Lease(Option<Weak<dyn Any + Send + Sync>>);

impl Lease {
    /// A lease that ends when `owner` is dropped; the default lease never ends.
    pub fn of<T: Any + Send + Sync>(owner: &Arc<T>) -> Self {
        let owner: Weak<T> = Arc::downgrade(owner);
        Self(Some(owner))
    }

    /// Keeps the lease from ending until the returned value is dropped. `None` if it never ends or
    /// has already ended.
    pub fn hold(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.0.as_ref()?.upgrade()
    }

    /// Returns whether it has ended.
    pub fn is_over(&self) -> bool {
        let owner = self.0.as_ref();
        owner.is_some_and(|owner| owner.strong_count() == 0)
    }
}

/// The person (or machine) that a request is served as.
///
/// The fields are private: a principal is made from an accepted token ([`super::Verdict::accept`])
/// or from the operator's own token, and never from anything else that a client sends.
#[derive(Debug)]
pub struct Principal {
    subject: String,
    scopes: Vec<String>,
    expires_at: Option<SystemTime>,
    validator: String,
    datahub_token: SecretString,
    token_digest: Option<TokenDigest>,
    lease: Lease,
    digest: OnceLock<PersonDigest>,
}

impl Principal {
    /// The principal of requests without a token, if the operator has set a shared one.
    pub fn shared(datahub_token: SecretString) -> Self {
        Self::of_the_operator("shared", "fallback", datahub_token)
    }

    /// The one person who runs the server over stdin and stdout, with a DataHub token of their own.
    pub fn local(datahub_token: SecretString) -> Self {
        Self::of_the_operator("local", "stdio", datahub_token)
    }

    fn of_the_operator(subject: &str, validator: &str, datahub_token: SecretString) -> Self {
        Self {
            subject: subject.to_owned(),
            scopes: Vec::new(),
            expires_at: None,
            validator: validator.to_owned(),
            datahub_token,
            token_digest: None,
            lease: Lease::default(),
            digest: OnceLock::new(),
        }
    }

    pub(super) fn accepted(acceptance: Acceptance, lease: Lease) -> Self {
        let Acceptance {
            subject,
            scopes,
            expires_at,
            validator,
            datahub_token,
            token_digest,
        } = acceptance;
        Self {
            subject,
            scopes,
            expires_at,
            validator,
            datahub_token,
            token_digest: Some(token_digest),
            lease,
            digest: OnceLock::new(),
        }
    }

    /// The same principal with those of its scopes that `allowed` admits.
    #[must_use]
    pub fn limited(&self, allowed: impl Fn(&str) -> bool) -> Self {
        let scopes = self.scopes.iter().filter(|scope| allowed(scope));
        Self {
            subject: self.subject.clone(),
            scopes: scopes.cloned().collect(),
            expires_at: self.expires_at,
            validator: self.validator.clone(),
            datahub_token: self.datahub_token.clone(),
            token_digest: self.token_digest,
            lease: self.lease.clone(),
            digest: self.digest.clone(),
        }
    }

    /// The subject that the validator named.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The digest by which logs know the person. Computed once.
    pub fn digest(&self) -> PersonDigest {
        *self.digest.get_or_init(|| PersonDigest::of(&self.subject))
    }

    /// The scopes that the token grants.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The time at which the identity expires; it is never served after that.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// The validator that accepted the token, as `library:factory`; `fallback` for the shared token.
    pub fn validator(&self) -> &str {
        &self.validator
    }

    /// The token for requests to DataHub on this person's behalf.
    pub fn datahub_token(&self) -> &SecretString {
        &self.datahub_token
    }

    /// The digest of the token that the client presented; `None` for the operator's own token.
    pub fn token_digest(&self) -> Option<TokenDigest> {
        self.token_digest
    }

    /// The lease for [`Self::datahub_token`].
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Returns whether the identity has expired at `now`.
    pub fn has_ended(&self, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

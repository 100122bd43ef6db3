//! From a request's headers to its [`Caller`]: bearer, unseal, validator, a DataHub client of that
//! person. The table "who is let in" of `DEVELOPING.md` is this file.
//!
//! Fails closed: every way out but one is an [`AuthError`]. A token that was sent is never replaced
//! by the shared one.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::HeaderMap;
use secrecy::SecretString;

use super::{BearerError, Caller, bearer};
use crate::{
    datahub::DataHub,
    identity::{Principal, TokenCheck, Verdict},
    oauth::{Opened, SealedTokens},
    telemetry::metrics,
};

/// Why a request is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No token, and no shared one to fall back to.
    #[error("no token was sent")]
    Missing,
    /// Credentials that are not one bearer token in one header.
    #[error(transparent)]
    Credentials(#[from] BearerError),
    /// The validator, DataHub or our own seal says no.
    #[error("the token is not good")]
    InvalidToken,
    /// Nobody can say now.
    #[error("the token cannot be checked now")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

/// Lets requests in, or not.
pub struct Authenticator {
    check: Arc<dyn TokenCheck>,
    sealed: Option<Arc<SealedTokens>>,
    datahub: DataHub,
    fallback: Option<Arc<Principal>>,
}

impl Authenticator {
    /// `sealed` opens the tokens of our own proxy, where it is on; `fallback` is the shared token.
    pub fn new(
        check: Arc<dyn TokenCheck>,
        sealed: Option<Arc<SealedTokens>>,
        datahub: DataHub,
        fallback: Option<SecretString>,
    ) -> Self {
        let fallback = fallback.map(|token| Arc::new(Principal::shared(token)));
        Self {
            check,
            sealed,
            datahub,
            fallback,
        }
    }

    /// Who sent a request with these headers and this query string.
    ///
    /// # Errors
    /// Where it is not to be served.
    pub async fn admit(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        request_id: &str,
    ) -> Result<Caller, AuthError> {
        let admitted = self.principal(headers, query, request_id).await;
        metrics::authentication(outcome(&admitted));
        let principal = admitted?;
        let datahub = self.datahub.client(principal.datahub_token().clone());
        Ok(Caller::new(principal, datahub))
    }

    async fn principal(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        request_id: &str,
    ) -> Result<Arc<Principal>, AuthError> {
        let Some(presented) = bearer(headers, query)? else {
            return self.fallback.clone().ok_or(AuthError::Missing);
        };
        let token = self.unseal(presented)?;
        let mut verdict = self.check.check(&token, request_id).await;
        if matches!(&verdict, Verdict::Accepted(principal) if principal.lease().is_over()) {
            // Who said so was replaced since, and may have taken back what it gave.
            verdict = self.check.check(&token, request_id).await;
        }
        match verdict {
            // The plugin module checks this too; a person whose token has ended is worth checking twice.
            Verdict::Accepted(principal) if principal.has_ended(SystemTime::now()) => {
                Err(AuthError::InvalidToken)
            }
            Verdict::Accepted(principal) => Ok(principal),
            Verdict::Rejected => Err(AuthError::InvalidToken),
            Verdict::Unavailable { retry_after } => Err(AuthError::Unavailable { retry_after }),
        }
    }

    /// A token of our own proxy is opened; any other goes on as it is.
    fn unseal(&self, presented: SecretString) -> Result<SecretString, AuthError> {
        match self.sealed.as_ref().map(|sealed| sealed.open(&presented)) {
            None | Some(Opened::NotOurs) => Ok(presented),
            Some(Opened::Token(inner)) => Ok(inner),
            Some(Opened::Invalid) => Err(AuthError::InvalidToken),
        }
    }

    /// DataHub refused the token of `principal`: what was remembered of it is forgotten.
    pub fn forget(&self, principal: &Principal) {
        if let Some(digest) = principal.token_digest() {
            self.check.evict(&digest);
        }
    }
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator")
            .field("fallback", &self.fallback.is_some())
            .finish_non_exhaustive()
    }
}

fn outcome(admitted: &Result<Arc<Principal>, AuthError>) -> &'static str {
    match admitted {
        Ok(principal) if principal.token_digest().is_none() => "shared",
        Ok(_) => "accepted",
        Err(AuthError::Missing) => "missing",
        Err(AuthError::Credentials(_)) => "malformed",
        Err(AuthError::InvalidToken) => "rejected",
        Err(AuthError::Unavailable { .. }) => "unavailable",
    }
}

//! Turns a request's headers into its [`Caller`]: bearer, unseal, validator, a DataHub client of
//! that person. This file implements the table "Who is let in" of `DEVELOPING.md`.
//!
//! Fails closed: every way out but one is an [`AuthError`]. A token that was sent is never replaced
//! by the shared one.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use datahub::{Caller, DataHub};
use foundation::identity::{Principal, TokenCheck, Verdict};
use http::HeaderMap;
use oauth::{Opened, ScopeLimit, SealedTokens};
use secrecy::SecretString;
use telemetry::{Notes, metrics};

use super::{BearerError, bearer, refusals::Refusals};

/// The time to wait before trying again if the store does not answer: it is asked every two seconds.
const STORE_RETRY: Duration = Duration::from_secs(2);
/// The reasons of this file, for the log.
const EXPIRED: &str = "the identity has expired";
const NOT_LIVE: &str = "a token of this server that is expired, revoked, or of another server or key, or another token while `OAUTH_SEALED_ONLY` is on";

/// The reason a request is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No token, and no shared one to fall back to.
    #[error("no token was sent")]
    Missing,
    /// Credentials that are not one bearer token in one header.
    #[error(transparent)]
    Credentials(#[from] BearerError),
    /// Rejected by the validator, by DataHub or by our own seal.
    #[error("the token is not valid")]
    InvalidToken,
    /// Signing in again gives no better token: it was refused when it was fresh.
    #[error("{0}")]
    Refused(Refused),
    /// The token cannot be checked at the moment.
    #[error("the token cannot be checked now")]
    Unavailable {
        /// The time to wait before trying again.
        retry_after: Duration,
    },
}

/// The party that refuses a person for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The validators reject the tokens that the identity provider gives.
    #[error(
        "this server does not accept the token of your identity provider; signing in again does not help, tell the people who run this server"
    )]
    ByValidators,
    /// DataHub does not accept the person.
    #[error(
        "DataHub does not accept you; signing in again does not help, ask the people who run DataHub for access"
    )]
    ByDataHub,
}

/// The token of a request.
struct Presented {
    /// As the validators see it.
    token: SecretString,
    /// True if our own proxy issued it a moment ago.
    fresh: bool,
    /// What the client asked for, if it is less than what the token allows.
    limit: Option<ScopeLimit>,
}

/// Authenticates requests.
pub struct Authenticator {
    check: Arc<dyn TokenCheck>,
    sealed: Option<Arc<SealedTokens>>,
    datahub: DataHub,
    fallback: Option<Arc<Principal>>,
    refusals: Refusals,
}

impl Authenticator {
    /// `sealed` opens the tokens of our own proxy, if it is on; `fallback` is the shared token.
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
            refusals: Refusals::default(),
        }
    }

    /// True if a request without a token is served with the shared one.
    pub fn has_shared_token(&self) -> bool {
        self.fallback.is_some()
    }

    /// Identifies the caller that sent a request with these headers and this query string; `notes`
    /// get the person and the client.
    ///
    /// # Errors
    /// If the request must not be served.
    pub async fn admit(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        request_id: &str,
        notes: &Notes,
    ) -> Result<Caller, AuthError> {
        let admitted = self.principal(headers, query, request_id, notes).await;
        metrics::authentication(outcome(&admitted));
        let principal = admitted?;
        notes.person(&principal);
        let datahub = self.datahub.client_of(&principal).noting(notes.clone());
        Ok(Caller::new(principal, datahub))
    }

    async fn principal(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        request_id: &str,
        notes: &Notes,
    ) -> Result<Arc<Principal>, AuthError> {
        let Some(presented) = bearer(headers, query)? else {
            return self.fallback.clone().ok_or(AuthError::Missing);
        };
        let Presented {
            token,
            fresh,
            limit,
        } = self.unseal(presented, notes).await?;
        let mut verdict = self.check.check(&token, request_id).await;
        if matches!(&verdict, Verdict::Accepted(principal) if principal.lease().is_over()) {
            // The validators that said so were replaced, and may have revoked what they issued.
            verdict = self.check.check(&token, request_id).await;
        }
        match verdict {
            // The plugin module checks this too; the end of a token is worth checking twice.
            Verdict::Accepted(principal) if principal.has_ended(SystemTime::now()) => {
                self.refusals.note(EXPIRED);
                Err(AuthError::InvalidToken)
            }
            Verdict::Accepted(principal) => Ok(match limit {
                Some(limit) => Arc::new(principal.limited(|scope| limit.allows(scope))),
                None => principal,
            }),
            Verdict::Rejected { reason } => {
                self.refusals.note(&reason);
                Err(match fresh {
                    true => AuthError::Refused(Refused::ByValidators),
                    false => AuthError::InvalidToken,
                })
            }
            Verdict::Unavailable { retry_after } => Err(AuthError::Unavailable { retry_after }),
        }
    }

    /// Opens a token of our own proxy; passes any other on unchanged.
    async fn unseal(&self, presented: SecretString, notes: &Notes) -> Result<Presented, AuthError> {
        let other = |token| Presented {
            token,
            fresh: false,
            limit: None,
        };
        let Some(sealed) = &self.sealed else {
            return Ok(other(presented));
        };
        match sealed.open(&presented).await {
            Opened::NotOurs => Ok(other(presented)),
            Opened::Token {
                token,
                fresh,
                client,
                limit,
            } => {
                notes.client(client);
                Ok(Presented {
                    token,
                    fresh,
                    limit,
                })
            }
            Opened::Unknown => Err(AuthError::Unavailable {
                retry_after: STORE_RETRY,
            }),
            Opened::Invalid => {
                self.refusals.note(NOT_LIVE);
                Err(AuthError::InvalidToken)
            }
        }
    }

    /// The number of lines about such refusals that were left out since the last one; `None` if
    /// this one is left out, too.
    pub fn admit_line_of_datahub(&self) -> Option<u64> {
        self.refusals.admit_datahubs()
    }

    /// The error for `principal`, whose token DataHub refused. The verdict on the token is
    /// forgotten.
    pub fn refused_by_datahub(&self, principal: &Principal) -> AuthError {
        let Some(digest) = principal.token_digest() else {
            return AuthError::InvalidToken;
        };
        self.check.evict(&digest);
        match self.refusals.is_second(principal, digest) {
            true => AuthError::Refused(Refused::ByDataHub),
            false => AuthError::InvalidToken,
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
        Err(AuthError::InvalidToken | AuthError::Refused(_)) => "rejected",
        Err(AuthError::Unavailable { .. }) => "unavailable",
    }
}

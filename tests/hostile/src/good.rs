//! A validator that behaves correctly.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use plugin_api::sdk::{Failure, FailureKind, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::behaviour::behave;

/// A kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    NotMine,
    Rejected,
    Unavailable,
    Misconfigured,
    Internal,
}

impl From<Kind> for FailureKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::NotMine => Self::NotMine,
            Kind::Rejected => Self::Rejected,
            Kind::Unavailable => Self::Unavailable,
            Kind::Misconfigured => Self::Misconfigured,
            Kind::Internal => Self::Internal,
        }
    }
}

/// Accepts `good-SUBJECT`; fails with the kind that the token's prefix names: `not_mine-...`,
/// `unavailable-...`, `misconfigured-...`, `internal-...`, `rejected-...`.
#[derive(Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct GoodOptions {
    /// The time for which the host may cache an answer, in seconds. Unset: the host's bound.
    ttl_s: Option<u64>,
    /// The remaining lifetime of tokens, in seconds from the answer. Unset: unknown.
    expires_in_s: Option<u64>,
    /// The time that an answer takes, in milliseconds.
    delay_ms: u64,
    /// Answers from `try_validate`, at once.
    fast: bool,
    /// The scopes of each token.
    scopes: Vec<String>,
    /// The number of claims in each answer.
    claims: usize,
    /// The token for DataHub. Unset: the presented one.
    resolved_token: Option<String>,
    /// The kind with which other tokens fail.
    otherwise: Kind,
    /// `Retry-After` of failures, in milliseconds.
    retry_after_ms: Option<u64>,
    /// Logs each call as `asked` with its number, at level info.
    log_calls: bool,
    /// The kind with which `create` fails. Unset: it succeeds.
    create: Option<Kind>,
    /// The kind with which `health` fails. Unset: it succeeds.
    health: Option<Kind>,
    /// The time that `shutdown` takes, in milliseconds.
    shutdown_ms: u64,
}

impl Default for GoodOptions {
    fn default() -> Self {
        Self {
            ttl_s: None,
            expires_in_s: None,
            delay_ms: 0,
            fast: false,
            scopes: Vec::new(),
            claims: 0,
            resolved_token: None,
            otherwise: Kind::Rejected,
            retry_after_ms: None,
            log_calls: false,
            create: None,
            health: None,
            shutdown_ms: 0,
        }
    }
}

/// See [`GoodOptions`].
pub(crate) struct Good {
    options: GoodOptions,
    calls: AtomicU64,
}

impl Good {
    fn fail(&self, kind: Kind) -> Failure {
        let failure = Failure::new(kind.into(), "as asked");
        match self.options.retry_after_ms {
            Some(after) => failure.retry_after(Duration::from_millis(after)),
            None => failure,
        }
    }

    fn answer(&self, request: &Request) -> Result<Identity, Failure> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if self.options.log_calls {
            tracing::info!(call, "asked");
        }
        let token = request.token.expose();
        let kind = match token.split('-').next() {
            Some("good") => {
                let mut identity = behave(request)?.scopes(self.options.scopes.clone());
                if let Some(ttl) = self.options.ttl_s {
                    identity = identity.cache_ttl(Duration::from_secs(ttl));
                }
                if let Some(lifetime) = self.options.expires_in_s {
                    identity = identity.expires_at(now() + lifetime);
                }
                if self.options.claims > 0 {
                    let claims = (0..self.options.claims)
                        .map(|number| (format!("claim{number}"), "of a validator".into()));
                    identity = identity.claims(claims.collect());
                }
                if let Some(resolved) = &self.options.resolved_token {
                    identity = identity.resolved_token(resolved.as_str());
                }
                return Ok(identity);
            }
            Some("not_mine") => Kind::NotMine,
            Some("rejected") => Kind::Rejected,
            Some("unavailable") => Kind::Unavailable,
            Some("misconfigured") => Kind::Misconfigured,
            Some("internal") => Kind::Internal,
            _ => self.options.otherwise,
        };
        Err(self.fail(kind))
    }
}

/// Seconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs())
}

impl TokenValidator for Good {
    type Config = GoodOptions;

    fn create(options: GoodOptions) -> Result<Self, Failure> {
        match options.create {
            Some(kind) => Err(Failure::new(kind.into(), "create fails, as asked")),
            None => Ok(Self {
                options,
                calls: AtomicU64::new(0),
            }),
        }
    }

    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        self.options.fast.then(|| self.answer(request))
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        if self.options.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.options.delay_ms)).await;
        }
        self.answer(&request)
    }

    async fn health(&self) -> Result<(), Failure> {
        self.options
            .health
            .map_or(Ok(()), |kind| Err(self.fail(kind)))
    }

    async fn shutdown(&self) {
        tokio::time::sleep(Duration::from_millis(self.options.shutdown_ms)).await;
        tracing::info!("shut down");
    }
}

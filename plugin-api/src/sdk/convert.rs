//! Conversions between the vendor's types and those of the boundary.

use std::{
    mem::{self, ManuallyDrop},
    ptr,
    time::Duration,
};

use abi_stable::std_types::{ROption, RResult, RString};

use super::{Failure, FailureKind, Identity, Request, Token, guard::Panicked};
use crate::newest;

impl From<newest::Request> for Request {
    fn from(request: newest::Request) -> Self {
        Self {
            token: Token::from(request.token),
            request_id: request.request_id.into(),
            deadline: Duration::from_millis(request.deadline_ms),
        }
    }
}

/// Calls `work` with the host's request as the vendor's type, without copying the token.
pub(crate) fn with_borrowed<R>(request: &newest::Request, work: impl FnOnce(&Request) -> R) -> R {
    // SAFETY: the bitwise copy of the secret shares its buffer with `request`, which outlives this
    // call. The buffer is not freed, written or moved through the copy: it is only lent as `&`,
    // not dropped on unwinding (`ManuallyDrop`) and forgotten below.
    let token = Token::from(unsafe { ptr::read(&raw const request.token) });
    let view = ManuallyDrop::new(Request {
        token,
        request_id: request.request_id.as_str().to_owned(),
        deadline: Duration::from_millis(request.deadline_ms),
    });
    let answer = work(&view);
    let Request { token, .. } = ManuallyDrop::into_inner(view);
    mem::forget(token);
    answer
}

impl From<Identity> for newest::Accepted {
    fn from(identity: Identity) -> Self {
        let claims_json = identity.claims_json().into();
        Self {
            subject: identity.subject.into(),
            scopes: identity.scopes.into_iter().map(RString::from).collect(),
            expires_at: identity.expires_at.into(),
            cache_ttl_s: identity.cache_ttl.map(|ttl| ttl.as_secs()).into(),
            resolved_token: identity.resolved_token.map(Token::into_secret).into(),
            claims_json,
            ext_json: RString::new(),
        }
    }
}

impl From<Failure> for newest::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            kind: match failure.kind {
                FailureKind::NotMine => newest::FailKind::NOT_MINE,
                FailureKind::Rejected => newest::FailKind::REJECTED,
                FailureKind::Unavailable => newest::FailKind::UNAVAILABLE,
                FailureKind::Misconfigured => newest::FailKind::MISCONFIGURED,
                FailureKind::Internal => newest::FailKind::INTERNAL,
            },
            retry_after_ms: failure
                .retry_after
                .map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX))
                .into(),
            oauth_error: failure.oauth_error.unwrap_or_default().into(),
            log_detail: failure.log_detail.into(),
            ext_json: RString::new(),
        }
    }
}

impl newest::Failure {
    /// The failure that reports a panic in `call` to the host.
    pub(crate) fn panicked(call: &str, panicked: &Panicked) -> Self {
        Self {
            kind: newest::FailKind::PANICKED,
            retry_after_ms: ROption::RNone,
            oauth_error: RString::new(),
            log_detail: format!("`{call}` {panicked}").into(),
            ext_json: RString::new(),
        }
    }
}

/// A vendor's answer as it crosses the boundary.
pub(crate) fn outcome(answer: Result<Identity, Failure>) -> newest::Outcome {
    match answer {
        Ok(identity) => RResult::ROk(identity.into()),
        Err(failure) => RResult::RErr(failure.into()),
    }
}

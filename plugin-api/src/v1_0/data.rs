//! The request to a validator and its answer.

use abi_stable::{
    StableAbi,
    std_types::{ROption, RResult, RString, RVec},
};

use super::Secret;

/// One request of the host: to decide whether this token is valid.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct Request {
    /// The bearer token as the client sent it (or as the sign-in proxy unsealed it). Not empty;
    /// only characters that RFC 6750 section 2.1 allows, unless the host documents otherwise.
    pub token: Secret,
    /// The host's id of the HTTP request, for logs.
    pub request_id: RString,
    /// The time that the host waits for the answer, in milliseconds from the call.
    pub deadline_ms: u64,
    /// Reserved for extensions: a JSON object or empty.
    pub ext_json: RString,
}

/// The token is valid, and this is the person it belongs to.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct Accepted {
    /// The person that the token belongs to, by an identifier that is never reassigned (`sub`,
    /// RFC 7519 section 4.1.2). Not empty, no control characters, at most 1,024 bytes.
    pub subject: RString,
    /// The scopes that the token grants (RFC 6749 section 3.3), one each.
    pub scopes: RVec<RString>,
    /// The expiry of the token, in seconds since the Unix epoch. Not in the past. None: unknown.
    pub expires_at: ROption<u64>,
    /// The time for which the host may cache this answer, in seconds. Zero: not at all. None: up to
    /// the host's own limit. The host uses the shortest of this, the time to the expiry and its
    /// limit.
    pub cache_ttl_s: ROption<u64>,
    /// The token that the host sends to DataHub on this person's behalf. Without one the host
    /// cannot serve the person and answers 503.
    pub resolved_token: ROption<Secret>,
    /// Claims worth keeping for the host's log and policies: a JSON object or empty.
    pub claims_json: RString,
    /// Reserved for extensions: a JSON object or empty.
    pub ext_json: RString,
}

/// The reason for which a token was not accepted.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct Failure {
    /// The kind of failure, which decides the HTTP status.
    pub kind: FailKind,
    /// The time after which to try again, in milliseconds; for [`FailKind::UNAVAILABLE`].
    pub retry_after_ms: ROption<u64>,
    /// An `error` code of RFC 6750 section 3.1, or empty.
    pub oauth_error: RString,
    /// The text for the host's log, never for the caller. Never holds a token.
    pub log_detail: RString,
    /// Reserved for extensions: a JSON object or empty.
    pub ext_json: RString,
}

/// The answer of a validator.
pub type Outcome = RResult<Accepted, Failure>;

/// The kind of a [`Failure`]. Open: a number that the host does not know is
/// [`FailKind::INTERNAL`].
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FailKind(pub u32);

impl FailKind {
    /// The token is not of the kind that this validator recognizes: the next one in the chain is
    /// asked. 401 if no validator recognizes it.
    pub const NOT_MINE: Self = Self(1);
    /// The token is of this kind and is not valid: 401.
    pub const REJECTED: Self = Self(2);
    /// A service that the validator depends on is unreachable or overloaded: 503 with
    /// `Retry-After`.
    pub const UNAVAILABLE: Self = Self(3);
    /// The validator's configuration is wrong: stops the host's start; later 503.
    pub const MISCONFIGURED: Self = Self(4);
    /// An error in the validator itself: 503.
    pub const INTERNAL: Self = Self(5);
    /// The validator panicked and the panic was caught: 503, and it counts towards the
    /// circuit breaker.
    pub const PANICKED: Self = Self(6);
}

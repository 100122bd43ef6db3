//! What a validator is asked and what it answers.

use abi_stable::{
    StableAbi,
    std_types::{ROption, RResult, RString, RVec},
};

use super::Secret;

/// One question of the host: is this token good?
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct Request {
    /// The bearer token as the client sent it (or as the sign-in proxy unsealed it). Not empty,
    /// of the characters that RFC 6750 section 2.1 allows unless the host says otherwise.
    pub token: Secret,
    /// The host's id of the HTTP request, for logs.
    pub request_id: RString,
    /// How long the host waits for the answer, in milliseconds from the call.
    pub deadline_ms: u64,
    /// Room to grow: a JSON object or empty.
    pub ext_json: RString,
}

/// The token is good, and this is whose it is.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct Accepted {
    /// Whom the token belongs to, for good (RFC 7519 section 4.1.2). Not empty, no control
    /// characters, at most 1,024 bytes.
    pub subject: RString,
    /// The scopes that the token grants (RFC 6749 section 3.3), one each.
    pub scopes: RVec<RString>,
    /// When the token ends, in seconds since the Unix epoch. Not in the past. None: unknown.
    pub expires_at: ROption<u64>,
    /// How long the host may remember this answer, in seconds. Zero: not at all. None: up to the
    /// host's own bound. The host takes the smallest of this, the expiry and its bound.
    pub cache_ttl_s: ROption<u64>,
    /// The token with which DataHub is asked on this person's behalf. Without one the host cannot
    /// serve the person.
    pub resolved_token: ROption<Secret>,
    /// Claims worth keeping for the host's log and policies: a JSON object or empty.
    pub claims_json: RString,
    /// Room to grow: a JSON object or empty.
    pub ext_json: RString,
}

/// The token was not accepted, and this is why.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct Failure {
    /// Which kind of failure it is; it decides the HTTP status.
    pub kind: FailKind,
    /// When to try again, in milliseconds; for [`FailKind::UNAVAILABLE`].
    pub retry_after_ms: ROption<u64>,
    /// An `error` code of RFC 6750 section 3.1, or empty.
    pub oauth_error: RString,
    /// For the host's log, never for the caller. Never holds a token.
    pub log_detail: RString,
    /// Room to grow: a JSON object or empty.
    pub ext_json: RString,
}

/// What a validator answers.
pub type Outcome = RResult<Accepted, Failure>;

/// The kind of a [`Failure`]. Open: a number that the host does not know is
/// [`FailKind::INTERNAL`].
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FailKind(pub u32);

impl FailKind {
    /// The token is not of the kind that this validator knows: the next in the chain is asked.
    /// 401 where it is nobody's.
    pub const NOT_MINE: Self = Self(1);
    /// The token is of this kind and is not good: 401.
    pub const REJECTED: Self = Self(2);
    /// Whom the validator asks cannot be reached or is overloaded: 503 with `Retry-After`.
    pub const UNAVAILABLE: Self = Self(3);
    /// The validator's configuration is wrong: stops the start; later 503.
    pub const MISCONFIGURED: Self = Self(4);
    /// A fault of the validator itself: 503.
    pub const INTERNAL: Self = Self(5);
    /// The validator panicked and the panic was caught: 503, and it counts towards the breaker.
    pub const PANICKED: Self = Self(6);
}

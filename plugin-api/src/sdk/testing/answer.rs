//! Answers as the host sees them, and what a test expects of them.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use abi_stable::std_types::RResult;
use serde_json::{Map, Value};

use crate::{
    sdk::Token,
    v1_0::{Accepted, FailKind, Failure, Outcome},
};

// The bounds that the host keeps.
const MAX_SUBJECT_BYTES: usize = 1_024;
const MAX_SCOPES: usize = 256;
const MAX_SCOPE_BYTES: usize = 256;
const MAX_CLAIMS_BYTES: usize = 64 * 1024;
const MAX_TOKEN_BYTES: usize = 16 * 1024;
const MAX_EXPIRY_S: u64 = 253_402_300_799;

/// What a validator answered.
#[derive(Debug)]
pub enum Answer {
    /// The token is good.
    Accepted(Served),
    /// It is not, or it cannot be said.
    Refused(Refusal),
    /// There was no answer before the deadline: the host says 503.
    TimedOut,
}

/// A person as the host would serve them.
#[derive(Debug)]
pub struct Served {
    /// Whom the token belongs to.
    pub subject: String,
    /// The scopes that the token grants.
    pub scopes: Vec<String>,
    /// When the token ends, in seconds since the Unix epoch.
    pub expires_at: Option<u64>,
    /// How long the host may remember the answer.
    pub cache_ttl: Option<Duration>,
    /// The token with which DataHub is asked.
    pub resolved_token: Option<Token>,
    /// The claims.
    pub claims: Map<String, Value>,
}

/// Why a token, or a set of options, was not accepted.
pub struct Refusal(Failure);

impl Refusal {
    /// For the host's log.
    pub fn log_detail(&self) -> &str {
        self.0.log_detail.as_str()
    }

    /// When to try again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0
            .retry_after_ms
            .into_option()
            .map(Duration::from_millis)
    }

    /// The `error` code of RFC 6750, where one was given.
    pub fn oauth_error(&self) -> Option<&str> {
        Some(self.0.oauth_error.as_str()).filter(|code| !code.is_empty())
    }

    /// Whether the token is not of the validator's kind.
    pub fn is_not_mine(&self) -> bool {
        self.0.kind == FailKind::NOT_MINE
    }

    /// Whether the token is not good: 401.
    pub fn is_rejected(&self) -> bool {
        self.0.kind == FailKind::REJECTED
    }

    /// Whether whom the validator asks cannot be reached: 503.
    pub fn is_unavailable(&self) -> bool {
        self.0.kind == FailKind::UNAVAILABLE
    }

    /// Whether the options are wrong.
    pub fn is_misconfigured(&self) -> bool {
        self.0.kind == FailKind::MISCONFIGURED
    }

    /// Whether the validator failed by itself.
    pub fn is_internal(&self) -> bool {
        self.0.kind == FailKind::INTERNAL
    }

    /// Whether the validator panicked, and the guard caught it.
    pub fn is_panic(&self) -> bool {
        self.0.kind == FailKind::PANICKED
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0.kind {
            FailKind::NOT_MINE => "not mine",
            FailKind::REJECTED => "rejected",
            FailKind::UNAVAILABLE => "unavailable",
            FailKind::MISCONFIGURED => "misconfigured",
            FailKind::PANICKED => "panicked",
            _ => "internal",
        };
        write!(f, "{kind}: {}", self.log_detail())
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            RResult::ROk(accepted) => Self::Accepted(accepted.into()),
            RResult::RErr(failure) => Self::Refused(failure.into()),
        }
    }
}

impl From<Accepted> for Served {
    fn from(accepted: Accepted) -> Self {
        Self {
            subject: accepted.subject.into(),
            scopes: accepted.scopes.into_iter().map(Into::into).collect(),
            expires_at: accepted.expires_at.into(),
            cache_ttl: accepted.cache_ttl_s.into_option().map(Duration::from_secs),
            resolved_token: accepted.resolved_token.into_option().map(Token::from),
            claims: serde_json::from_str(&accepted.claims_json).unwrap_or_default(),
        }
    }
}

impl Served {
    /// What the host would find wrong with this answer, and answer 503 for.
    pub fn nonsense(&self) -> Option<&'static str> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_secs());
        let claims = serde_json::to_string(&self.claims).map_or(usize::MAX, |json| json.len());
        let token = self.resolved_token.as_ref().map_or("", Token::expose);
        if self.subject.trim().is_empty() {
            Some("the subject is empty")
        } else if self.subject.len() > MAX_SUBJECT_BYTES {
            Some("the subject is longer than 1,024 bytes")
        } else if self.subject.chars().any(char::is_control) {
            Some("the subject has control characters")
        } else if self.scopes.len() > MAX_SCOPES || !self.scopes.iter().all(|s| is_scope(s)) {
            Some("the scopes are none of RFC 6749 section 3.3, or too many")
        } else if self.expires_at.is_some_and(|end| end <= now) {
            Some("the expiry is past")
        } else if self.expires_at.is_some_and(|end| end > MAX_EXPIRY_S) {
            Some("the expiry is beyond the year 9999")
        } else if claims > MAX_CLAIMS_BYTES {
            Some("the claims are more than 64 KiB")
        } else if token.is_empty() {
            Some("there is no token to ask DataHub with")
        } else if token.len() > MAX_TOKEN_BYTES || !token.bytes().all(|b| b.is_ascii_graphic()) {
            Some("the token to ask DataHub with cannot be sent in a header")
        } else {
            None
        }
    }
}

/// RFC 6749 section 3.3.
fn is_scope(scope: &str) -> bool {
    (1..=MAX_SCOPE_BYTES).contains(&scope.len())
        && scope
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

impl Answer {
    /// The person, as the host would serve them.
    ///
    /// # Panics
    /// If the token was not accepted, or the host would find the answer to be nonsense.
    #[track_caller]
    pub fn expect_served(self) -> Served {
        match self {
            Self::Accepted(served) => match served.nonsense() {
                None => served,
                Some(nonsense) => fail("an answer that the host accepts", &nonsense),
            },
            other => fail("an accepted token", &other),
        }
    }

    /// # Panics
    /// If the answer is another than that the token is not good.
    #[track_caller]
    pub fn expect_rejected(self) -> Refusal {
        self.expect_refusal("a rejected token", Refusal::is_rejected)
    }

    /// # Panics
    /// If the answer is another than that the token is not of the validator's kind.
    #[track_caller]
    pub fn expect_not_mine(self) -> Refusal {
        self.expect_refusal("a token of another kind", Refusal::is_not_mine)
    }

    /// # Panics
    /// If the answer is another than that whom the validator asks cannot be reached.
    #[track_caller]
    pub fn expect_unavailable(self) -> Refusal {
        self.expect_refusal("an unavailable validator", Refusal::is_unavailable)
    }

    /// # Panics
    /// If the answer is another than that the validator failed by itself.
    #[track_caller]
    pub fn expect_internal(self) -> Refusal {
        self.expect_refusal("a fault of the validator", Refusal::is_internal)
    }

    /// # Panics
    /// If the validator did not panic.
    #[track_caller]
    pub fn expect_panic(self) -> Refusal {
        self.expect_refusal("a caught panic", Refusal::is_panic)
    }

    #[track_caller]
    fn expect_refusal(self, expected: &str, is: impl FnOnce(&Refusal) -> bool) -> Refusal {
        match self {
            Self::Refused(refusal) if is(&refusal) => refusal,
            other => fail(expected, &other),
        }
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "an assertion of a test kit")]
fn fail(expected: &str, found: &dyn fmt::Debug) -> ! {
    panic!("expected {expected}, found {found:?}")
}

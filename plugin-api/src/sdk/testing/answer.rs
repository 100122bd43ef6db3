//! Answers as the host sees them, and assertions on them.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use abi_stable::std_types::RResult;
use serde_json::{Map, Value};

use crate::{
    newest::{Accepted, FailKind, Failure, Outcome},
    sdk::Token,
};

// The limits that the host enforces.
const MAX_SUBJECT_BYTES: usize = 1_024;
const MAX_SCOPES: usize = 256;
const MAX_SCOPE_BYTES: usize = 256;
const MAX_CLAIMS_BYTES: usize = 64 * 1024;
const MAX_TOKEN_BYTES: usize = 16 * 1024;
const MAX_EXPIRY_S: u64 = 253_402_300_799;

/// The answer of a validator.
#[derive(Debug)]
pub enum Answer {
    /// The token is valid.
    Accepted(Served),
    /// The token is not valid, or the validator cannot say.
    Refused(Refusal),
    /// There was no answer before the deadline: the host answers 503.
    TimedOut,
}

/// A person as the host would serve them.
#[derive(Debug)]
pub struct Served {
    /// The person that the token belongs to.
    pub subject: String,
    /// The scopes that the token grants.
    pub scopes: Vec<String>,
    /// The expiry of the token, in seconds since the Unix epoch.
    pub expires_at: Option<u64>,
    /// The time for which the host may cache the answer.
    pub cache_ttl: Option<Duration>,
    /// The token that the host sends to DataHub.
    pub resolved_token: Option<Token>,
    /// The claims.
    pub claims: Map<String, Value>,
}

/// The reason for which a token, or a set of options, was not accepted.
pub struct Refusal(Failure);

impl Refusal {
    /// The text for the host's log.
    pub fn log_detail(&self) -> &str {
        self.0.log_detail.as_str()
    }

    /// The time after which to try again, if one was given.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0
            .retry_after_ms
            .into_option()
            .map(Duration::from_millis)
    }

    /// The `error` code of RFC 6750 section 3.1, if one was given.
    pub fn oauth_error(&self) -> Option<&str> {
        Some(self.0.oauth_error.as_str()).filter(|code| !code.is_empty())
    }

    /// Says whether the token is not of the validator's kind.
    pub fn is_not_mine(&self) -> bool {
        self.0.kind == FailKind::NOT_MINE
    }

    /// Says whether the token is not valid: 401.
    pub fn is_rejected(&self) -> bool {
        self.0.kind == FailKind::REJECTED
    }

    /// Says whether a service that the validator depends on cannot be reached: 503.
    pub fn is_unavailable(&self) -> bool {
        self.0.kind == FailKind::UNAVAILABLE
    }

    /// Says whether the options are wrong.
    pub fn is_misconfigured(&self) -> bool {
        self.0.kind == FailKind::MISCONFIGURED
    }

    /// Says whether there was an error in the validator itself.
    pub fn is_internal(&self) -> bool {
        self.0.kind == FailKind::INTERNAL
    }

    /// Says whether the validator panicked and the guard caught it.
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
    /// The first fault for which the host would refuse this answer with 503.
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
            Some("the scopes are not valid (RFC 6749 section 3.3), or too many")
        } else if self.expires_at.is_some_and(|end| end <= now) {
            Some("the expiry is past")
        } else if self.expires_at.is_some_and(|end| end > MAX_EXPIRY_S) {
            Some("the expiry is beyond the year 9999")
        } else if claims > MAX_CLAIMS_BYTES {
            Some("the claims are more than 64 KiB")
        } else if token.is_empty() {
            Some("there is no token for DataHub")
        } else if token.len() > MAX_TOKEN_BYTES || !token.bytes().all(|b| b.is_ascii_graphic()) {
            Some("the token for DataHub cannot be sent in a header")
        } else {
            None
        }
    }
}

/// Says whether this is a scope of RFC 6749 section 3.3.
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
    /// If the token was not accepted, or the host would refuse the answer as invalid.
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

    /// The refusal of a token of the validator's kind.
    ///
    /// # Panics
    /// If the answer is not [`FailureKind::Rejected`](crate::sdk::FailureKind::Rejected).
    #[track_caller]
    pub fn expect_rejected(self) -> Refusal {
        self.expect_refusal("a rejected token", Refusal::is_rejected)
    }

    /// The refusal of a token of another kind.
    ///
    /// # Panics
    /// If the answer is not [`FailureKind::NotMine`](crate::sdk::FailureKind::NotMine).
    #[track_caller]
    pub fn expect_not_mine(self) -> Refusal {
        self.expect_refusal("a token of another kind", Refusal::is_not_mine)
    }

    /// The failure of a service that the validator depends on.
    ///
    /// # Panics
    /// If the answer is not [`FailureKind::Unavailable`](crate::sdk::FailureKind::Unavailable).
    #[track_caller]
    pub fn expect_unavailable(self) -> Refusal {
        self.expect_refusal("an unavailable validator", Refusal::is_unavailable)
    }

    /// The failure of the validator itself.
    ///
    /// # Panics
    /// If the answer is not [`FailureKind::Internal`](crate::sdk::FailureKind::Internal).
    #[track_caller]
    pub fn expect_internal(self) -> Refusal {
        self.expect_refusal("an error in the validator", Refusal::is_internal)
    }

    /// The panic that the guard caught.
    ///
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

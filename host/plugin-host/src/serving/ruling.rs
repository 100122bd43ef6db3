//! Checks of a plugin's answer: what passes is served, everything else is a fault of the plugin.
//!
//! Pure functions over values. Never lets an identity through that a later step would have
//! to doubt: no empty subject, no expiry in the past, no control characters, nothing oversized.

use std::{
    fmt, mem,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use foundation::identity::{Acceptance, TokenDigest};
use secrecy::{ExposeSecret, SecretString};

use crate::boundary::{Accepted, Answer, Failure, FailureKind, redact};

/// The longest subject, in bytes; the plugin contract states this limit.
const MAX_SUBJECT_BYTES: usize = 1_024;
/// The longest scope, and the maximum number of scopes.
const MAX_SCOPE_BYTES: usize = 256;
const MAX_SCOPES: usize = 256;
/// The largest claims.
const MAX_CLAIMS_BYTES: usize = 64 * 1024;
/// The longest token that is sent to DataHub.
pub(crate) const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Nothing is valid beyond the year 9999.
const MAX_EXPIRY_S: u64 = 253_402_300_799;
/// The `Retry-After` to use if the plugin gives none, and the bounds of the plugin's.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// The answer of one validator about a token, after all checks.
#[derive(Debug, Clone)]
pub(crate) struct Ruling {
    pub(crate) decision: Decision,
    pub(crate) outcome: Outcome,
    /// The reason, for the log; already redacted.
    pub(crate) detail: String,
    /// The extensions of the answer: a JSON object, or empty. This version knows none.
    pub(crate) extensions: String,
}

/// The consequence of a ruling.
#[derive(Debug, Clone)]
pub(crate) enum Decision {
    /// Serve as this person; may be cached for this long, `None`: as long as the host's limit
    /// allows.
    Accepted(Box<Acceptance>, Option<Duration>),
    /// Ask the next validator.
    NotRecognized,
    /// 401.
    Rejected,
    /// 503.
    Unavailable(Duration),
}

/// The outcome of one call, as logs and metrics name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// The token was accepted.
    Accepted,
    /// The plugin reported a failure of this kind.
    Failed(FailureKind),
    /// The answer breaks the contract.
    Nonsense,
    /// No answer within the deadline.
    TimedOut,
    /// Too many calls of this validator are under way.
    Busy,
    /// The circuit breaker is open.
    BreakerOpen,
}

impl Outcome {
    /// The word for logs and metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Failed(kind) => kind.name(),
            Self::Nonsense => "nonsense",
            Self::TimedOut => "timeout",
            Self::Busy => "busy",
            Self::BreakerOpen => "breaker_open",
        }
    }

    /// Does it count towards the breaker?
    pub(crate) fn is_fault(self) -> bool {
        matches!(self, Self::TimedOut | Self::Failed(FailureKind::Panicked))
    }

    /// Is it a fault of the validator itself, and not of what it depends on or of the load?
    pub(crate) fn is_own_fault(self) -> bool {
        match self {
            Self::Failed(kind) => matches!(
                kind,
                FailureKind::Misconfigured | FailureKind::Internal | FailureKind::Panicked
            ),
            Self::Nonsense | Self::TimedOut => true,
            Self::Accepted | Self::Busy | Self::BreakerOpen => false,
        }
    }

    /// Is it something that an operator should look at?
    pub(crate) fn is_trouble(self) -> bool {
        !matches!(
            self,
            Self::Accepted | Self::Failed(FailureKind::Rejected | FailureKind::NotMine)
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Ruling {
    /// A 503 for a reason that lies in the host.
    pub(crate) fn unavailable(
        outcome: Outcome,
        retry_after: Duration,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            decision: Decision::Unavailable(retry_after),
            outcome,
            detail: detail.into(),
            extensions: String::new(),
        }
    }
}

/// The validator that answered, and the token it answered about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) validator: &'a str,
    pub(crate) digest: TokenDigest,
    pub(crate) now: SystemTime,
}

/// Turns a plugin's answer into a ruling.
pub(crate) fn rule(answer: Answer, context: Context<'_>) -> Ruling {
    match answer {
        Answer::Accepted(mut accepted) => {
            let extensions = mem::take(&mut accepted.ext_json);
            if !is_object_or_empty(&extensions) {
                return nonsense("extensions that are not a JSON object");
            }
            let ruling = accepted_by(accepted, context);
            Ruling {
                extensions,
                ..ruling
            }
        }
        Answer::Failed(failure) => failed(failure),
        Answer::Nonsense(what) => nonsense(&what),
    }
}

fn accepted_by(accepted: Accepted, context: Context<'_>) -> Ruling {
    match acceptance(accepted, context) {
        Ok((acceptance, ttl)) => Ruling {
            decision: Decision::Accepted(Box::new(acceptance), ttl),
            outcome: Outcome::Accepted,
            detail: String::new(),
            extensions: String::new(),
        },
        Err(Refused::Misconfigured(what)) => Ruling::unavailable(
            Outcome::Failed(FailureKind::Misconfigured),
            RETRY_AFTER,
            what,
        ),
        Err(Refused::Ended) => Ruling {
            decision: Decision::Rejected,
            outcome: Outcome::Failed(FailureKind::Rejected),
            detail: "the identity has expired".to_owned(),
            extensions: String::new(),
        },
        Err(Refused::Nonsense(what)) => nonsense(what),
    }
}

fn nonsense(what: &str) -> Ruling {
    Ruling::unavailable(
        Outcome::Nonsense,
        RETRY_AFTER,
        format!("the plugin answered with {what}"),
    )
}

fn failed(failure: Failure) -> Ruling {
    let mut detail = redact::for_log(&failure.log_detail);
    if !failure.oauth_error.is_empty() {
        detail = format!("{} ({detail})", redact::for_log(&failure.oauth_error));
    }
    let decision = match failure.kind {
        FailureKind::NotMine => Decision::NotRecognized,
        FailureKind::Rejected => Decision::Rejected,
        FailureKind::Unavailable
        | FailureKind::Misconfigured
        | FailureKind::Internal
        | FailureKind::Panicked => {
            let wanted = failure.retry_after.unwrap_or(RETRY_AFTER);
            Decision::Unavailable(wanted.clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER))
        }
    };
    Ruling {
        decision,
        outcome: Outcome::Failed(failure.kind),
        detail,
        // Whatever they are, the token was not accepted.
        extensions: failure.ext_json,
    }
}

enum Refused {
    /// The token expired while it was checked, or within a leeway of the validator.
    Ended,
    Nonsense(&'static str),
    Misconfigured(&'static str),
}

fn acceptance(
    accepted: Accepted,
    context: Context<'_>,
) -> Result<(Acceptance, Option<Duration>), Refused> {
    let nonsense = |what| Err(Refused::Nonsense(what));
    let subject = accepted.subject;
    if subject.trim().is_empty() {
        return nonsense("an empty subject");
    }
    if subject.len() > MAX_SUBJECT_BYTES {
        return nonsense("a subject of more than 1,024 bytes");
    }
    if subject.chars().any(char::is_control) {
        return nonsense("control characters in the subject");
    }
    if accepted.scopes.len() > MAX_SCOPES || !accepted.scopes.iter().all(|s| is_scope(s)) {
        return nonsense("invalid scopes (RFC 6749 section 3.3)");
    }
    let expires_at = match accepted.expires_at {
        None => None,
        Some(seconds) if seconds > MAX_EXPIRY_S => {
            return nonsense("an expiry after the year 9999");
        }
        Some(seconds) => Some(UNIX_EPOCH + Duration::from_secs(seconds)),
    };
    if expires_at.is_some_and(|end| end <= context.now) {
        return Err(Refused::Ended);
    }
    if accepted.claims_json.len() > MAX_CLAIMS_BYTES {
        return nonsense("claims of more than 64 KiB");
    }
    if !is_object_or_empty(&accepted.claims_json) {
        return nonsense("claims that are not a JSON object");
    }
    let Some(token) = accepted.resolved_token else {
        return Err(Refused::Misconfigured(
            "accepted without a token for DataHub; the validator's options must say which to use",
        ));
    };
    if !is_header_token(&token) {
        return nonsense("a token for DataHub that cannot be sent in a header");
    }
    let acceptance = Acceptance {
        subject,
        scopes: accepted.scopes,
        expires_at,
        validator: context.validator.to_owned(),
        datahub_token: token,
        token_digest: context.digest,
    };
    Ok((acceptance, accepted.cache_ttl_s.map(Duration::from_secs)))
}

/// RFC 6749 section 3.3: visible ASCII without `"` and `\`.
fn is_scope(scope: &str) -> bool {
    !scope.is_empty()
        && scope.len() <= MAX_SCOPE_BYTES
        && scope
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn is_object_or_empty(json: &str) -> bool {
    json.is_empty()
        || (json.trim_start().starts_with('{')
            && serde_json::from_str::<serde::de::IgnoredAny>(json).is_ok())
}

fn is_header_token(token: &SecretString) -> bool {
    let token = token.expose_secret();
    (1..=MAX_TOKEN_BYTES).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The time for which an accepted token may be cached: the smallest of the plugin's limit, the
/// token's remaining lifetime and the host's limit. Zero: not at all.
pub(crate) fn remember_for(
    expires_at: Option<SystemTime>,
    ttl: Option<Duration>,
    bound: Duration,
    now: SystemTime,
) -> Duration {
    let until_end = expires_at.map_or(bound, |end| {
        end.duration_since(now).unwrap_or(Duration::ZERO)
    });
    ttl.unwrap_or(bound).min(until_end).min(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_900_000_000;

    fn context() -> Context<'static> {
        Context {
            validator: "test",
            digest: TokenDigest::of("t"),
            now: UNIX_EPOCH + Duration::from_secs(NOW),
        }
    }

    fn good() -> Accepted {
        Accepted {
            subject: "ann".to_owned(),
            scopes: vec!["read".to_owned()],
            expires_at: Some(NOW + 60),
            cache_ttl_s: None,
            resolved_token: Some(SecretString::from("datahub")),
            claims_json: String::new(),
            ext_json: String::new(),
        }
    }

    fn outcome(change: impl FnOnce(&mut Accepted)) -> &'static str {
        let mut accepted = good();
        change(&mut accepted);
        rule(Answer::Accepted(accepted), context()).outcome.as_str()
    }

    #[test]
    fn a_sound_answer_passes() {
        assert_eq!(outcome(|_| ()), "accepted");
        assert_eq!(outcome(|a| a.expires_at = None), "accepted");
        assert_eq!(
            outcome(|a| a.claims_json = r#"{"a": 1}"#.to_owned()),
            "accepted"
        );
        assert_eq!(outcome(|a| a.subject = "Änn Özil".to_owned()), "accepted");
    }

    #[test]
    fn extensions_are_passed_on() {
        let extensions = r#"{"assurance": "high"}"#;
        let accepted = Accepted {
            ext_json: extensions.to_owned(),
            ..good()
        };
        let ruling = rule(Answer::Accepted(accepted), context());
        assert_eq!(ruling.outcome.as_str(), "accepted");
        assert_eq!(ruling.extensions, extensions);
        let failure = Failure {
            ext_json: extensions.to_owned(),
            ..Failure::new(FailureKind::Rejected, "")
        };
        assert_eq!(
            rule(Answer::Failed(failure), context()).extensions,
            extensions
        );
        assert_eq!(outcome(|a| a.ext_json = "[1]".to_owned()), "nonsense");
    }

    #[test]
    fn nonsense_is_a_fault_of_the_plugin() {
        let long = |n: usize| "x".repeat(n);
        assert_eq!(outcome(|a| a.subject.clear()), "nonsense");
        assert_eq!(outcome(|a| a.subject = "  ".to_owned()), "nonsense");
        assert_eq!(outcome(|a| a.subject = "a\nb".to_owned()), "nonsense");
        assert_eq!(outcome(|a| a.subject = long(1_025)), "nonsense");
        assert_eq!(outcome(|a| a.expires_at = Some(NOW)), "rejected");
        assert_eq!(outcome(|a| a.expires_at = Some(u64::MAX)), "nonsense");
        assert_eq!(outcome(|a| a.scopes = vec!["a b".to_owned()]), "nonsense");
        assert_eq!(outcome(|a| a.scopes = vec![String::new()]), "nonsense");
        assert_eq!(outcome(|a| a.claims_json = "[1]".to_owned()), "nonsense");
        assert_eq!(outcome(|a| a.claims_json = "{".to_owned()), "nonsense");
        assert_eq!(
            outcome(|a| a.claims_json = format!("{{\"a\":\"{}\"}}", long(65_536))),
            "nonsense"
        );
        let token = |text: String| Some(SecretString::from(text));
        assert_eq!(
            outcome(|a| a.resolved_token = token(long(16_385))),
            "nonsense"
        );
        assert_eq!(
            outcome(|a| a.resolved_token = token("a\r\nb".to_owned())),
            "nonsense"
        );
        assert_eq!(
            outcome(|a| a.resolved_token = token(String::new())),
            "nonsense"
        );
        assert_eq!(outcome(|a| a.resolved_token = None), "misconfigured");
    }

    #[test]
    fn a_fault_is_never_an_allow_and_never_a_401() {
        for kind in [
            FailureKind::Misconfigured,
            FailureKind::Internal,
            FailureKind::Panicked,
        ] {
            let ruling = rule(Answer::Failed(Failure::new(kind, "x")), context());
            assert!(
                matches!(ruling.decision, Decision::Unavailable(_)),
                "{kind:?}"
            );
        }
        let ruling = rule(Answer::Nonsense("x".into()), context());
        assert!(matches!(ruling.decision, Decision::Unavailable(_)));
    }

    #[test]
    fn retry_after_is_bounded() {
        let ruling = |after| {
            let mut failure = Failure::new(FailureKind::Unavailable, "");
            failure.retry_after = after;
            match failed(failure).decision {
                Decision::Unavailable(after) => after,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(ruling(None), RETRY_AFTER);
        assert_eq!(ruling(Some(Duration::ZERO)), MIN_RETRY_AFTER);
        assert_eq!(ruling(Some(Duration::from_secs(u64::MAX))), MAX_RETRY_AFTER);
    }

    #[test]
    fn remembered_for_the_smallest_of_three() {
        let bound = Duration::from_secs(300);
        let end = Some(UNIX_EPOCH + Duration::from_secs(NOW + 60));
        let now = context().now;
        let seconds = Duration::from_secs;
        assert_eq!(remember_for(end, None, bound, now), seconds(60));
        assert_eq!(
            remember_for(end, Some(seconds(10)), bound, now),
            seconds(10)
        );
        assert_eq!(remember_for(end, Some(seconds(0)), bound, now), seconds(0));
        assert_eq!(remember_for(None, Some(seconds(1_000)), bound, now), bound);
    }
}

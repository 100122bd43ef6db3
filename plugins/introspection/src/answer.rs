//! Parsing of a provider's answer: which side an error is on, and the verdict on the token.
//!
//! Providers differ in the members that they omit and in the types that they use, so every member
//! except `active` may be absent or null. A member that is present must be valid.

use plugin_api::sdk::Failure;
use serde_json::{Map, Value};
use validator_common::{Answer, AudienceRule, lookup, quoted, scopes_of};

const MAX_SUBJECT_BYTES: usize = 255;
/// The members that are passed on for the log and for policies.
const KEPT: [&str; 5] = ["iss", "client_id", "username", "jti", "email"];

/// The requirements on an answer.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Option<AudienceRule>,
    pub(crate) subject_claims: Vec<String>,
    pub(crate) scope_claims: Vec<String>,
    pub(crate) required_scopes: Vec<String>,
    /// The accepted clock difference, in seconds.
    pub(crate) leeway: u64,
    pub(crate) allow_bound_tokens: bool,
}

/// The person that a token belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Person {
    pub(crate) subject: String,
    pub(crate) scopes: Vec<String>,
    /// The expiry with the leeway added, in seconds since the Unix epoch.
    pub(crate) expires_at: Option<u64>,
    pub(crate) claims: Map<String, Value>,
}

/// The result of reading an answer.
pub(crate) enum Reading {
    /// The token is decided on.
    Verdict(Result<Person, Failure>),
    /// The token is active; these are the members of the answer, without null ones.
    Facts(Map<String, Value>),
}

/// Reads an answer that is not an overload.
///
/// # Errors
/// [`Failure::misconfigured`] if the answer refuses our credentials or is not that of an
/// introspection endpoint.
pub(crate) fn read(answer: &Answer, is_jwt: bool, url: &str) -> Result<Reading, Failure> {
    let body: Option<Map<String, Value>> = serde_json::from_slice(&answer.body).ok();
    let error = body
        .as_ref()
        .and_then(|body| body.get("error"))
        .and_then(Value::as_str);
    let status = answer.status.as_u16();
    match (status, body.as_ref(), error) {
        (200, Some(body), _) => read_success(body, url),
        (401 | 403, _, _) | (400, _, Some("invalid_client" | "unauthorized_client")) => {
            Err(Failure::misconfigured(format!(
                "{url}: refuses our credentials ({status}): check `client_id`, `client_secret` \
                 and `client_auth`, and that the provider lets this client introspect"
            )))
        }
        // Some providers do not store JWTs and answer a request about one like this.
        (400, _, _) if is_jwt => Ok(Reading::Verdict(Err(Failure::not_mine(
            "the provider does not introspect JWTs",
        )))),
        (400, _, Some(error)) => Ok(Reading::Verdict(Err(Failure::rejected(format!(
            "the provider refuses to introspect the token: {}",
            quoted(error)
        ))))),
        _ => Err(Failure::misconfigured(format!(
            "{url}: answers {status} without an introspection response: check \
             `introspection_endpoint`"
        ))),
    }
}

fn read_success(body: &Map<String, Value>, url: &str) -> Result<Reading, Failure> {
    match body.get("active") {
        Some(Value::Bool(true)) => {
            let facts = body.iter().filter(|(_, value)| !value.is_null());
            Ok(Reading::Facts(
                facts
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            ))
        }
        Some(Value::Bool(false)) => Ok(Reading::Verdict(Err(Failure::rejected(
            "the provider says that the token is not active (or that we may not ask about it)",
        )))),
        _ => Err(Failure::misconfigured(format!(
            "{url}: the answer has no boolean member `active`: check \
             `introspection_endpoint`"
        ))),
    }
}

impl Rules {
    /// Decides on an active token.
    ///
    /// # Errors
    /// [`Failure::rejected`] with the reason.
    pub(crate) fn person(&self, facts: &Map<String, Value>, now: i64) -> Result<Person, Failure> {
        self.check_kind(facts)?;
        let expires_at = self.check_dates(facts, now)?;
        if let (Some(expected), Some(iss)) = (&self.issuer, facts.get("iss"))
            && iss.as_str() != Some(expected)
        {
            return Err(Failure::rejected(
                "the answer is about a token of another issuer",
            ));
        }
        if let Some(audience) = &self.audience {
            audience.check(facts)?;
        }
        let scopes = scopes_of(facts, &self.scope_claims);
        if let Some(missing) = self
            .required_scopes
            .iter()
            .find(|needed| !scopes.contains(needed))
        {
            return Err(
                Failure::rejected(format!("the scope `{missing}` is missing"))
                    .oauth_error("insufficient_scope"),
            );
        }
        let subject = self
            .subject_claims
            .iter()
            .find_map(|name| lookup(facts, name));
        let subject = subject.and_then(Value::as_str).filter(|subject| {
            !subject.trim().is_empty()
                && subject.len() <= MAX_SUBJECT_BYTES
                && !subject.chars().any(char::is_control)
        });
        let subject = subject.ok_or_else(|| {
            Failure::rejected(format!(
                "the answer names no person: none of {} is a usable name (see `subject_claim`)",
                self.subject_claims.join(", ")
            ))
        })?;
        let claims = KEPT
            .iter()
            .filter_map(|&name| Some((name.to_owned(), facts.get(name)?.clone())));
        Ok(Person {
            subject: subject.to_owned(),
            scopes,
            expires_at,
            claims: claims.collect(),
        })
    }

    fn check_kind(&self, facts: &Map<String, Value>) -> Result<(), Failure> {
        if facts.contains_key("cnf") && !self.allow_bound_tokens {
            return Err(Failure::rejected(
                "the token is bound to a key (`cnf`), so it is not a bearer token",
            ));
        }
        let says = |name: &str| {
            facts
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_ascii_lowercase)
        };
        match says("token_type").as_deref() {
            None | Some("bearer" | "access_token") => {}
            Some(other) => {
                return Err(Failure::rejected(format!(
                    "the token has the type {}, which is not that of a bearer access token",
                    quoted(other)
                )));
            }
        }
        if matches!(
            says("typ").as_deref(),
            Some("refresh" | "offline" | "id" | "logout")
        ) || says("token_use").is_some_and(|kind| kind != "access_token" && kind != "access")
        {
            return Err(Failure::rejected("the token is not an access token"));
        }
        Ok(())
    }

    fn check_dates(&self, facts: &Map<String, Value>, now: i64) -> Result<Option<u64>, Failure> {
        let (now, leeway) = (now as f64, self.leeway as f64);
        if date(facts, "nbf")?.is_some_and(|nbf| nbf > now + leeway) {
            return Err(Failure::rejected("`nbf`: the token is not valid yet"));
        }
        match date(facts, "exp")? {
            Some(exp) if now >= exp + leeway => Err(Failure::rejected("the token has expired")),
            // Saturates; a date is not negative.
            Some(exp) => Ok(Some((exp + leeway).ceil() as u64)),
            None => Ok(None),
        }
    }
}

/// A date in seconds since the Unix epoch, possibly with a fraction, possibly as a string.
fn date(facts: &Map<String, Value>, name: &str) -> Result<Option<f64>, Failure> {
    let Some(value) = facts.get(name) else {
        return Ok(None);
    };
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    match seconds {
        Some(seconds) if (0.0..9e15).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(Failure::rejected(format!(
            "`{name}` of the answer is not a date in seconds"
        ))),
    }
}

//! The checks of a token's claims, and the values that are taken from them.
//!
//! Pure functions of claims, rules and time. The checks may run before the signature is checked,
//! because they can only refuse; the caller must check the signature before using the result of
//! [`Rules::person`].

use std::{collections::BTreeMap, time::Duration};

use plugin_api::sdk::Failure;
use serde_json::{Map, Value};

use crate::{
    algorithm::Algorithm,
    jws::{Header, quoted},
};

/// The bound of dates, in seconds: 2^53, beyond which JSON numbers lose precision.
const MAX_DATE: f64 = 9_007_199_254_740_992.0;
const MAX_SUBJECT_BYTES: usize = 255;

/// The requirements that a token must meet to be accepted.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) audience: AudienceRule,
    /// The allowed algorithms; if unset, those of the provider's keys.
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    pub(crate) leeway: Duration,
    pub(crate) max_token_age: Option<Duration>,
    pub(crate) strict_typ: bool,
    /// Values of `typ` accepted in addition to the usual ones, lower case, without `application/`.
    pub(crate) token_types: Vec<String>,
    pub(crate) allow_id_tokens: bool,
    pub(crate) allow_bound_tokens: bool,
    pub(crate) subject_claim: String,
    pub(crate) scope_claims: Vec<String>,
    pub(crate) required_scopes: Vec<String>,
    /// Claims, and of each the values of which a token must have one.
    pub(crate) required_claims: BTreeMap<String, Vec<String>>,
    /// Claims that are passed on.
    pub(crate) kept_claims: Vec<String>,
}

/// The owner and the content of a verified token.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The person.
    pub subject: String,
    /// The scopes that the token grants.
    pub scopes: Vec<String>,
    /// The time at which it expires, leeway included, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// The claims that the configuration says to keep.
    pub claims: Map<String, Value>,
}

impl Rules {
    /// Checks header and claims; `now` is in seconds since the Unix epoch.
    ///
    /// # Errors
    /// [`Failure::rejected`] with the reason.
    pub(crate) fn check(
        &self,
        header: &Header<'_>,
        claims: &Map<String, Value>,
        now: i64,
    ) -> Result<(), Failure> {
        if let Some(allowed) = &self.algorithms
            && !allowed.contains(&header.algorithm)
        {
            return Err(Failure::rejected(format!(
                "`alg` {} is not among `algorithms` (OIDC_ALGORITHMS)",
                header.algorithm
            )));
        }
        self.check_type(header.typ, claims)?;
        self.check_times(claims, now)?;
        self.audience.check(claims)?;
        self.check_required(claims)?;
        self.check_scopes(claims)
    }

    fn check_type(&self, typ: Option<&str>, claims: &Map<String, Value>) -> Result<(), Failure> {
        // RFC 7515 section 4.1.9: a media type, compared case-insensitively, without
        // `application/`.
        let typ = typ.map(|typ| {
            let typ = typ.to_ascii_lowercase();
            typ.strip_prefix("application/")
                .map_or(typ.clone(), str::to_owned)
        });
        let access_token = typ.as_deref() == Some("at+jwt");
        let known = match typ.as_deref() {
            Some("at+jwt") => true,
            None | Some("jwt") => !self.strict_typ,
            Some(other) => self.token_types.iter().any(|extra| extra == other),
        };
        if !known {
            let shown = typ.as_deref().map_or("none".to_owned(), quoted);
            return Err(Failure::rejected(format!(
                "`typ` {shown} is not that of an access token"
            )));
        }
        if !self.allow_bound_tokens && claims.get("cnf").is_some_and(|cnf| !cnf.is_null()) {
            return Err(Failure::rejected(
                "the token is bound to a key (`cnf`), so it is not a bearer token",
            ));
        }
        if self.allow_id_tokens {
            return Ok(());
        }
        let says = |name: &str| claims.get(name).and_then(Value::as_str);
        let use_of = says("token_use");
        let kind = says("typ").map(str::to_ascii_lowercase);
        let refused = |what| Err(Failure::rejected(format!("not an access token: {what}")));
        match (claims.get("token_use"), use_of) {
            (None, _) | (Some(_), Some("access")) => {}
            _ => return refused("`token_use` is not `access`"),
        }
        // Keycloak names the kind of token in a claim.
        if matches!(
            kind.as_deref(),
            Some("id" | "refresh" | "offline" | "logout")
        ) {
            return refused("the claim `typ` says so");
        }
        if claims.contains_key("at_hash") || claims.contains_key("c_hash") {
            return refused("`at_hash` and `c_hash` belong to an ID token");
        }
        let surely = access_token || use_of == Some("access") || kind.as_deref() == Some("bearer");
        if claims.contains_key("nonce") && !surely {
            return refused("`nonce` belongs to an ID token");
        }
        if is_of_entra(claims) && !is_access_token_of_entra(claims) {
            return refused(
                "neither `scp` nor `roles` of an application, as in an ID token of Entra; expose a scope of the API \
                 and sign in with it",
            );
        }
        Ok(())
    }

    fn check_times(&self, claims: &Map<String, Value>, now: i64) -> Result<(), Failure> {
        let leeway = self.leeway.as_secs_f64();
        // Exact, because the dates of tokens are far below 2^53.
        let now = now as f64;
        let exp = date(claims, "exp")?.ok_or_else(|| Failure::rejected("`exp` is missing"))?;
        if now >= exp + leeway {
            return Err(Failure::rejected("the token has expired"));
        }
        if date(claims, "nbf")?.is_some_and(|nbf| nbf > now + leeway) {
            return Err(Failure::rejected(
                "`nbf`: the token is not valid yet; compare the clocks",
            ));
        }
        let iat = date(claims, "iat")?;
        if iat.is_some_and(|iat| iat > now + leeway) {
            return Err(Failure::rejected(
                "`iat` is in the future; compare the clocks",
            ));
        }
        if let Some(max_age) = self.max_token_age {
            let iat = iat.ok_or_else(|| {
                Failure::rejected("`iat` is missing, and `max_token_age` needs it")
            })?;
            if now >= iat + max_age.as_secs_f64() + leeway {
                return Err(Failure::rejected("the token is older than `max_token_age`"));
            }
        }
        Ok(())
    }

    fn check_required(&self, claims: &Map<String, Value>) -> Result<(), Failure> {
        for (name, accepted) in &self.required_claims {
            let is_accepted = |value: &Value| match value {
                Value::String(text) => accepted.contains(text),
                Value::Bool(_) | Value::Number(_) => accepted.contains(&value.to_string()),
                _ => false,
            };
            let fits = match lookup(claims, name) {
                Some(Value::Array(many)) => many.iter().any(is_accepted),
                Some(one) => is_accepted(one),
                None => false,
            };
            if !fits {
                return Err(Failure::rejected(format!(
                    "`{name}` has none of the values that `required_claims` names"
                )));
            }
        }
        Ok(())
    }

    fn check_scopes(&self, claims: &Map<String, Value>) -> Result<(), Failure> {
        if self.required_scopes.is_empty() {
            return Ok(());
        }
        let scopes = scopes_of(claims, &self.scope_claims);
        match self
            .required_scopes
            .iter()
            .find(|needed| !scopes.contains(needed))
        {
            None => Ok(()),
            Some(missing) => Err(
                Failure::rejected(format!("the scope `{missing}` is missing"))
                    .oauth_error("insufficient_scope"),
            ),
        }
    }

    /// The owner of the token. Only for claims whose signature has been checked.
    ///
    /// # Errors
    /// [`Failure::rejected`] if the token names nobody.
    pub(crate) fn person(&self, claims: &Map<String, Value>) -> Result<Verified, Failure> {
        let name = &self.subject_claim;
        let subject = lookup(claims, name)
            .and_then(Value::as_str)
            .ok_or_else(|| Failure::rejected(format!("`{name}` is missing or not a string")))?;
        if subject.trim().is_empty()
            || subject.len() > MAX_SUBJECT_BYTES
            || subject.chars().any(char::is_control)
        {
            return Err(Failure::rejected(format!("`{name}` does not name anybody")));
        }
        let mut ends = date(claims, "exp")?.unwrap_or_default();
        if let (Some(max_age), Some(iat)) = (self.max_token_age, date(claims, "iat")?) {
            ends = ends.min(iat + max_age.as_secs_f64());
        }
        let kept = self.kept_claims.iter().filter_map(|name| {
            let value = claims.get(name)?;
            Some((name.clone(), value.clone()))
        });
        Ok(Verified {
            subject: subject.to_owned(),
            scopes: scopes_of(claims, &self.scope_claims),
            // Saturates; the dates were checked to lie between 0 and 2^53.
            expires_at: (ends + self.leeway.as_secs_f64()).ceil() as u64,
            claims: kept.collect(),
        })
    }
}

/// The audience that a token must have.
#[derive(Debug, Clone)]
pub struct AudienceRule {
    /// The claim that holds the audiences: its name, or a JSON Pointer.
    pub claim: String,
    /// One of these must be among them.
    pub accepted: Vec<String>,
}

impl AudienceRule {
    /// Decides whether the claims are for one of the accepted audiences.
    ///
    /// # Errors
    /// [`Failure::rejected`] with what was found.
    pub fn check(&self, claims: &Map<String, Value>) -> Result<(), Failure> {
        let name = &self.claim;
        let accepted = |value: &str| self.accepted.iter().any(|audience| audience == value);
        let found = match lookup(claims, name) {
            Some(Value::String(one)) if accepted(one) => return Ok(()),
            Some(Value::String(one)) => quoted(one),
            Some(Value::Array(many)) => {
                let many: Vec<&str> = many
                    .iter()
                    .map(Value::as_str)
                    .collect::<Option<_>>()
                    .ok_or_else(|| {
                        Failure::rejected(format!("`{name}` contains something other than strings"))
                    })?;
                if many.iter().any(|value| accepted(value)) {
                    return Ok(());
                }
                many.iter()
                    .take(4)
                    .map(|value| quoted(value))
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            Some(_) => {
                return Err(Failure::rejected(format!(
                    "`{name}` is neither a string nor a list"
                )));
            }
            None => {
                return Err(Failure::rejected(format!(
                    "`{name}` is missing: if the provider issues access tokens without it, name \
                     the claim that replaces it in `audience_claim`"
                )));
            }
        };
        Err(Failure::rejected(format!(
            "the token is for another audience ({name}: {found}); the accepted ones are in \
             `audience` (OIDC_AUDIENCE)"
        )))
    }
}

/// The scopes that the token grants: the union of the configured claims, each a string of
/// words or a list of strings. Anything else grants nothing.
pub fn scopes_of(claims: &Map<String, Value>, names: &[String]) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    for name in names {
        let words: Vec<&str> = match lookup(claims, name) {
            Some(Value::String(words)) => words.split_ascii_whitespace().collect(),
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => continue,
        };
        for word in words {
            if !scopes.iter().any(|known| known == word) {
                scopes.push(word.to_owned());
            }
        }
    }
    scopes
}

/// True for tokens of Microsoft Entra, whatever their host.
fn is_of_entra(claims: &Map<String, Value>) -> bool {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    matches!(text("ver"), Some("1.0" | "2.0")) && text("tid").is_some_and(outbound::is_guid)
}

/// Tells Entra's access tokens from its ID tokens, whose audience is the same where a client signs in
/// for itself, and which may have neither a nonce nor `at_hash`. Only access tokens have `scp`, and
/// only they name both roles and the application that they were issued to.
fn is_access_token_of_entra(claims: &Map<String, Value>) -> bool {
    let has = |name: &str| match claims.get(name) {
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(Value::Array(words)) => !words.is_empty(),
        _ => false,
    };
    has("scp") || has("roles") && (has("azp") || has("appid"))
}

/// A date of RFC 7519 section 2 (seconds, perhaps with a fraction).
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, Failure> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) if (0.0..MAX_DATE).contains(&seconds) => Ok(Some(seconds)),
            _ => Err(Failure::rejected(format!(
                "`{name}` is not a date in seconds"
            ))),
        },
    }
}

/// A claim by its name, or by a JSON Pointer (RFC 6901) such as `/realm_access/roles`.
pub fn lookup<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let path = name.strip_prefix('/')?;
    let (first, rest) = match path.split_once('/') {
        Some((first, rest)) => (first, format!("/{rest}")),
        None => (path, String::new()),
    };
    claims
        .get(&first.replace("~1", "/").replace("~0", "~"))?
        .pointer(&rest)
}

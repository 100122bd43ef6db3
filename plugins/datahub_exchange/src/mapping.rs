//! The mapping from the claims of a verified token to the person's DataHub user.
//!
//! The mapping grants that user's permissions, so the whole claim must match, and a value that
//! could be read as anything else than a user name is refused.

use std::fmt;

use plugin_api::sdk::Failure;
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};
use validator_common::{lookup, quoted};

const MAX_USER_BYTES: usize = 255;
const MAX_REGEX_BYTES: usize = 64 * 1024;

/// The URN of a DataHub user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct UserUrn(String);

impl UserUrn {
    /// The URN.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserUrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The mapping from claims to users, as configured.
#[derive(Debug)]
pub(crate) struct Mapping {
    claim: String,
    regex: Regex,
    lowercase: bool,
    allow_unverified_email: bool,
    /// The denied users, in lower case.
    denied: Vec<String>,
}

impl Mapping {
    /// Checks the options.
    ///
    /// # Errors
    /// [`Failure::misconfigured`] with one line that says what to change.
    pub(crate) fn new(
        claim: &str,
        regex: &str,
        lowercase: bool,
        allow_unverified_email: bool,
        denied: Vec<String>,
    ) -> Result<Self, Failure> {
        if claim.is_empty() {
            return Err(Failure::misconfigured(
                "`user_claim` is empty: name a claim",
            ));
        }
        let regex = RegexBuilder::new(&format!(r"\A(?:{regex})\z"))
            .size_limit(MAX_REGEX_BYTES)
            .build()
            .map_err(|_| {
                Failure::misconfigured(format!(
                    "`user_regex` {} is not a regular expression",
                    quoted(regex)
                ))
            })?;
        let denied = denied.iter().map(|user| user.to_lowercase()).collect();
        Ok(Self {
            claim: claim.to_owned(),
            regex,
            lowercase,
            allow_unverified_email,
            denied,
        })
    }

    /// The top-level claims that the mapping reads.
    pub(crate) fn claims(&self) -> Vec<&str> {
        let path = self
            .claim
            .strip_prefix('/')
            .and_then(|path| path.split('/').next());
        let mut claims = vec![self.claim.as_str(), "email_verified"];
        claims.extend(path);
        claims
    }

    /// The user of verified claims.
    ///
    /// # Errors
    /// [`Failure::rejected`] if they name no user, or one that is denied.
    pub(crate) fn user(&self, claims: &Map<String, Value>) -> Result<UserUrn, Failure> {
        let name = &self.claim;
        let value = lookup(claims, name)
            .and_then(Value::as_str)
            .ok_or_else(|| {
                Failure::rejected(format!(
                    "`{name}` (`user_claim`) is missing or not a string"
                ))
            })?;
        // Some providers write the flag as a string.
        let unverified = claims
            .get("email_verified")
            .is_some_and(|verified| verified == &Value::Bool(false) || verified == "false");
        if name == "email" && unverified && !self.allow_unverified_email {
            return Err(Failure::rejected("`email` is not verified at the provider"));
        }
        let found = self.regex.captures(value).ok_or_else(|| {
            Failure::rejected(format!(
                "`{name}` {} does not match `user_regex`",
                quoted(value)
            ))
        })?;
        let user = found
            .get(1)
            .or_else(|| found.get(0))
            .map_or("", |found| found.as_str());
        let user = if self.lowercase {
            user.to_lowercase()
        } else {
            user.to_owned()
        };
        let plain =
            |char: char| !char.is_control() && !char.is_whitespace() && !"(),%:".contains(char);
        if user.is_empty() || user.len() > MAX_USER_BYTES || !user.chars().all(plain) {
            return Err(Failure::rejected(format!(
                "{} is not a DataHub user name",
                quoted(&user)
            )));
        }
        if self.denied.contains(&user.to_lowercase()) {
            return Err(Failure::rejected(format!(
                "{} is in `denied_users`",
                quoted(&user)
            )));
        }
        Ok(UserUrn(format!("urn:li:corpuser:{user}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn mapping(claim: &str, regex: &str) -> Mapping {
        Mapping::new(
            claim,
            regex,
            false,
            false,
            vec!["datahub".into(), "Admin".into()],
        )
        .unwrap()
    }

    fn user(mapping: &Mapping, claims: Value) -> Option<String> {
        mapping
            .user(claims.as_object().unwrap())
            .ok()
            .map(|urn| urn.to_string())
    }

    #[test]
    fn the_whole_claim_must_match() {
        let company = mapping("email", r"([a-z.]+)@example\.com");
        let of = |email: &str| user(&company, json!({ "email": email }));
        assert_eq!(of("ada@example.com").unwrap(), "urn:li:corpuser:ada");
        for other in [
            "ada@example.com.evil.org",
            "x@evil.org ada@example.com",
            "ada@example.com\n",
            "@example.com",
            "ada@example_com",
            "ADA@example.com",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        let alternatives = mapping("email", "ada|bob@x");
        assert_eq!(
            user(&alternatives, json!({ "email": "ada@evil" })),
            None,
            "anchors bind both"
        );
        assert_eq!(
            user(&alternatives, json!({ "email": "ada" })).unwrap(),
            "urn:li:corpuser:ada"
        );
    }

    #[test]
    fn what_could_be_read_as_something_else_is_refused() {
        let any = mapping("name", "(.+)");
        for bad in [
            "",
            " ",
            "a b",
            "a\tb",
            "a\u{0}",
            "a,b",
            "(a)",
            "%61da",
            "urn:li:corpuser:ada",
            "datahub",
            "DataHub",
            "admin",
            "a\u{a0}b",
        ] {
            assert_eq!(user(&any, json!({ "name": bad })), None, "{bad:?}");
        }
        assert_eq!(user(&any, json!({ "name": "x".repeat(256) })), None);
        for odd in [
            json!({}),
            json!({ "name": null }),
            json!({ "name": 7 }),
            json!({ "name": ["ada"] }),
        ] {
            assert_eq!(user(&any, odd.clone()), None, "{odd}");
        }
        assert_eq!(
            user(&any, json!({ "name": "zoë@example.com" })).unwrap(),
            "urn:li:corpuser:zoë@example.com"
        );
    }

    #[test]
    fn an_email_that_the_provider_does_not_vouch_for_names_nobody() {
        let by_email = mapping("email", "(.+)");
        for (verified, known) in [
            (json!(true), true),
            (json!(false), false),
            (json!("false"), false),
            (json!(null), true),
        ] {
            let found = user(
                &by_email,
                json!({ "email": "ada@x", "email_verified": verified }),
            );
            assert_eq!(found.is_some(), known, "{verified}");
        }
    }

    proptest! {
        #[test]
        fn a_user_never_leaves_its_place_in_the_urn(name in ".{0,40}") {
            if let Some(urn) = user(&mapping("n", "(?s)(.+)"), json!({ "n": name })) {
                prop_assert_eq!(urn.strip_prefix("urn:li:corpuser:"), Some(name.as_str()));
                prop_assert!(!name.contains([' ', ',', '(', ')', ':', '%', '\n']));
            }
        }
    }
}

//! The `WWW-Authenticate` header, which tells a client how to sign in (RFC 6750 section 3, RFC 9728
//! section 5.1). Built once from settings; nothing in it comes from a request.

use http::HeaderValue;

/// The challenges that this server gives.
#[derive(Debug, Clone)]
pub struct Challenge {
    metadata_url: String,
    missing: HeaderValue,
    invalid: HeaderValue,
}

/// A scope or a URL that cannot be put into a header.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0:?} holds characters that no header can carry")]
pub struct ChallengeError(String);

impl Challenge {
    /// Challenges that point at `metadata_url` and ask for `scopes`. `offline_access` is left out:
    /// refresh tokens are between client and authorization server.
    ///
    /// # Errors
    /// If one of them has characters that are not allowed in a quoted string.
    pub fn new(metadata_url: &str, scopes: &[String]) -> Result<Self, ChallengeError> {
        let scopes: Vec<&str> = scopes
            .iter()
            .map(String::as_str)
            .filter(|scope| *scope != "offline_access")
            .collect();
        // A quotation mark would end the value.
        if let Some(other) = scopes.iter().find(|scope| !is_scope_token(scope)) {
            return Err(ChallengeError((*other).to_owned()));
        }
        let rest = parameters(metadata_url, &scopes.join(" "));
        Ok(Self {
            metadata_url: metadata_url.to_owned(),
            missing: header(&format!("Bearer {rest}"))?,
            invalid: header(&format!("Bearer error=\"invalid_token\", {rest}"))?,
        })
    }

    /// The challenge for a request without a token: no error code (RFC 6750 section 3.1).
    pub fn missing(&self) -> HeaderValue {
        self.missing.clone()
    }

    /// The challenge for a token that is not valid.
    pub fn invalid(&self) -> HeaderValue {
        self.invalid.clone()
    }

    /// The challenge for a valid token that lacks `scopes`, with all of them. A scope that no
    /// header can carry is left out.
    pub fn insufficient_scope(&self, scopes: &[String]) -> HeaderValue {
        let scopes: Vec<&str> = scopes
            .iter()
            .map(String::as_str)
            .filter(|scope| is_scope_token(scope))
            .collect();
        let rest = parameters(&self.metadata_url, &scopes.join(" "));
        header(&format!("Bearer error=\"insufficient_scope\", {rest}"))
            .unwrap_or_else(|_| self.missing.clone())
    }
}

fn parameters(metadata_url: &str, scope: &str) -> String {
    let scope = if scope.is_empty() {
        String::new()
    } else {
        format!(", scope=\"{scope}\"")
    };
    format!("resource_metadata=\"{metadata_url}\"{scope}")
}

fn header(text: &str) -> Result<HeaderValue, ChallengeError> {
    let plain = text
        .bytes()
        .all(|byte| (0x20..=0x7e).contains(&byte) && byte != b'\\');
    match HeaderValue::from_str(text) {
        Ok(value) if plain => Ok(value),
        _ => Err(ChallengeError(text.to_owned())),
    }
}

/// `scope-token` of RFC 6749 section 3.3.
fn is_scope_token(scope: &str) -> bool {
    !scope.is_empty()
        && scope
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";

    #[test]
    fn each_challenge_names_metadata_and_scopes() {
        let scopes = ["openid", "offline_access", "email"].map(str::to_owned);
        let challenge = Challenge::new(URL, &scopes).unwrap();
        assert_eq!(
            challenge.missing(),
            format!("Bearer resource_metadata=\"{URL}\", scope=\"openid email\"").as_str()
        );
        assert_eq!(
            challenge.invalid(),
            format!("Bearer error=\"invalid_token\", resource_metadata=\"{URL}\", scope=\"openid email\"")
                .as_str()
        );
        assert_eq!(
            challenge.insufficient_scope(&["a".to_owned(), "b\"c".to_owned(), "d".to_owned()]),
            format!(
                "Bearer error=\"insufficient_scope\", resource_metadata=\"{URL}\", scope=\"a d\""
            )
            .as_str()
        );
    }

    #[test]
    fn a_challenge_that_no_header_can_carry_is_refused_at_start() {
        assert!(Challenge::new("https://x/\n", &[]).is_err());
        for scope in ["ä", "a\"b", "a\\b", "a b", ""] {
            assert!(Challenge::new(URL, &[scope.to_owned()]).is_err(), "{scope}");
        }
    }
}

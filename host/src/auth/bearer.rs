//! Takes the bearer token out of a request (RFC 6750 section 2.1): from the one `Authorization`
//! header, and from nowhere else.

use http::{HeaderMap, header::AUTHORIZATION};
use secrecy::SecretString;

/// The longest token that is accepted, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Query parameters that somebody may have put a token into. It is in some log by then, so it is
/// refused even if it is valid (RFC 9700 section 4.3.2).
const TOKEN_PARAMETERS: &[&str] = &[
    "access_token",
    "token",
    "id_token",
    "bearer",
    "authorization",
];

/// The reason there is no token to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// Two `Authorization` headers: a proxy in front of us may have looked at either.
    #[error("more than one Authorization header")]
    Several,
    /// `Basic` or any other scheme.
    #[error("the Authorization scheme is not Bearer")]
    OtherScheme,
    /// Not the syntax of RFC 6750, or too long.
    #[error("the bearer token is malformed")]
    Malformed,
    /// A token in the query string.
    #[error("a token in the query string is not accepted")]
    InQuery,
}

/// The bearer token of a request, or `None` if it sent none.
///
/// # Errors
/// If credentials were sent in any other form than one bearer token in one header.
pub fn bearer(
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<Option<SecretString>, BearerError> {
    if query.is_some_and(names_a_token) {
        return Err(BearerError::InQuery);
    }
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(BearerError::Several);
    }
    let value = value.as_bytes();
    let end = value
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(BearerError::OtherScheme);
    }
    let token = trim_spaces(rest);
    if token.len() > MAX_TOKEN_BYTES || !is_token68(token) {
        return Err(BearerError::Malformed);
    }
    let token = std::str::from_utf8(token).map_err(|_| BearerError::Malformed)?;
    Ok(Some(SecretString::from(token)))
}

fn trim_spaces(mut bytes: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 9110 section 11.2).
fn is_token68(token: &[u8]) -> bool {
    let body = token
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
        .count();
    body > 0 && token[body..].iter().all(|byte| *byte == b'=')
}

fn names_a_token(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| {
        TOKEN_PARAMETERS
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn with(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                AUTHORIZATION,
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        headers
    }

    fn parse(values: &[&str]) -> Result<Option<String>, BearerError> {
        bearer(&with(values), None).map(|token| token.map(|t| t.expose_secret().to_owned()))
    }

    #[test]
    fn one_header_of_the_right_form_is_taken() {
        assert_eq!(parse(&[]), Ok(None));
        for value in [
            "Bearer abc.d-e_f~g+h/i==",
            "bearer abc.d-e_f~g+h/i==",
            "BEARER   abc.d-e_f~g+h/i==",
        ] {
            assert_eq!(
                parse(&[value]),
                Ok(Some("abc.d-e_f~g+h/i==".to_owned())),
                "{value}"
            );
        }
    }

    #[test]
    fn anything_else_is_an_error_and_never_no_token() {
        for (values, error) in [
            (&["Bearer a", "Bearer a"][..], BearerError::Several),
            (&["Bearer a", "Basic a"], BearerError::Several),
            (&["Basic dXNlcjpwYXNz"], BearerError::OtherScheme),
            (&[""], BearerError::OtherScheme),
            (&["abc"], BearerError::OtherScheme),
            (&["Bearerabc"], BearerError::OtherScheme),
            (&["Bearer\tabc"], BearerError::OtherScheme),
            (&["Bearer"], BearerError::Malformed),
            (&["Bearer "], BearerError::Malformed),
            (&["Bearer a b"], BearerError::Malformed),
            (&["Bearer a,b"], BearerError::Malformed),
            (&["Bearer a, Bearer b"], BearerError::Malformed),
            (&["Bearer \"a\""], BearerError::Malformed),
            (&["Bearer ="], BearerError::Malformed),
            (&["Bearer a=b"], BearerError::Malformed),
            (&["Bearer ä"], BearerError::Malformed),
        ] {
            assert_eq!(parse(values), Err(error), "{values:?}");
        }
    }

    #[test]
    fn the_longest_token_is_taken_and_one_byte_more_is_not() {
        let longest = format!("Bearer {}", "a".repeat(MAX_TOKEN_BYTES));
        assert!(matches!(parse(&[&longest]), Ok(Some(_))));
        assert_eq!(
            parse(&[&format!("{longest}a")]),
            Err(BearerError::Malformed)
        );
    }

    #[test]
    fn a_token_in_the_query_string_is_refused_however_it_is_spelt() {
        for query in [
            "access_token=x",
            "a=b&access_token=x",
            "%61ccess_token=x",
            "ACCESS_TOKEN",
            "token=x",
        ] {
            assert_eq!(
                bearer(&with(&["Bearer good"]), Some(query)).unwrap_err(),
                BearerError::InQuery,
                "{query}"
            );
        }
        assert!(bearer(&with(&["Bearer good"]), Some("q=access_token")).is_ok());
    }

    proptest! {
        #[test]
        fn every_token68_survives(token in "[A-Za-z0-9._~+/-]{1,200}={0,4}", scheme in "(?i)bearer", spaces in " {1,3}") {
            prop_assert_eq!(parse(&[&format!("{scheme}{spaces}{token}")]), Ok(Some(token)));
        }

        #[test]
        fn no_bytes_panic_and_no_header_is_overlooked(value in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.append(AUTHORIZATION, value);
                prop_assert!(!matches!(bearer(&headers, None), Ok(None)));
            }
        }
    }
}

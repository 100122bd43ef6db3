//! The parameters of a request, each at most once (RFC 6749 section 3.1).
//!
//! Has no `Debug`: parameters are codes, verifiers and tokens.

use url::form_urlencoded;

use super::error::{ErrorCode, OAuthError};

/// The most parameters of a request, more than any client sends.
const MAX_PARAMETERS: usize = 64;

/// A parameter is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeated;

/// Parameters as they came. One without a value counts as absent (RFC 6749 section 3.1).
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads `application/x-www-form-urlencoded` text; `None` when there are too many.
    pub(super) fn parse(encoded: &[u8]) -> Option<Self> {
        let pairs: Vec<_> = form_urlencoded::parse(encoded)
            .take(MAX_PARAMETERS + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        (pairs.len() <= MAX_PARAMETERS).then_some(Self(pairs))
    }

    /// The value of `name`.
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self
            .0
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| &**value);
        let value = values.next();
        if values.next().is_some() {
            return Err(Repeated);
        }
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// The value of `name`, which must be there.
    ///
    /// # Errors
    /// `invalid_request` where it is missing, empty or repeated.
    pub(super) fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name).ok().flatten().ok_or_else(|| {
            OAuthError::new(ErrorCode::InvalidRequest, format!("`{name}` is missing"))
        })
    }

    /// Returns whether any parameter is repeated. `resource` may be (RFC 8707 section 2) and is
    /// checked where it is used.
    pub(super) fn any_repeated(&self) -> bool {
        self.0
            .iter()
            .enumerate()
            .any(|(i, (name, _))| name != "resource" && self.0[..i].iter().any(|(n, _)| n == name))
    }

    /// All values of `name`.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| &**value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_twice_is_an_error_and_an_empty_one_is_none() {
        let params = Params::parse(b"a=1&b=&c=1&c=2&c%20=3&d=x+y%26").unwrap();
        assert_eq!(params.get("a"), Ok(Some("1")));
        assert_eq!(params.get("b"), Ok(None));
        assert_eq!(params.get("c"), Err(Repeated));
        assert_eq!(params.get("d"), Ok(Some("x y&")));
        assert!(params.any_repeated());
        assert!(Params::parse("a=1&".repeat(65).as_bytes()).is_none());
    }
}

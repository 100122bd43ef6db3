//! An error that the provider named (RFC 6749 section 5.2), without what it may quote of ours.

use base64::{Engine, engine::general_purpose::STANDARD};
use url::form_urlencoded;

/// Longest code, in characters.
const MAX_CODE_CHARS: usize = 64;
/// Longest description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 300;
/// So many characters of a secret in a row are left out wherever they stand: providers quote values
/// in full, cut short, and within other text.
const SHARED_CHARS: usize = 8;

/// An error that the provider named, of bounded length and with only the characters that RFC 6749
/// allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProviderError {
    pub(crate) code: String,
    pub(crate) description: Option<String>,
}

impl std::fmt::Display for ProviderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.code)
    }
}

impl ProviderError {
    /// Removes the characters that are not allowed and `secrets`, and truncates.
    pub(crate) fn new(code: &str, description: Option<&str>, secrets: &Secrets) -> Self {
        let code = secrets.remove(code, MAX_CODE_CHARS);
        Self {
            code: if code.is_empty() {
                "server_error".to_owned()
            } else {
                code
            },
            description: description
                .map(|text| secrets.remove(text, MAX_DESCRIPTION_CHARS))
                .filter(|text| !text.is_empty()),
        }
    }
}

/// What was sent to the provider and must not come back in its words. Has no `Debug`.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// These values, plain and form-encoded.
    pub(crate) fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut secrets = Self::default();
        for value in values {
            secrets.add(value);
        }
        secrets
    }

    /// Adds a client's credentials, also as they are in an `Authorization` header.
    pub(super) fn add_credentials(&mut self, id: &str, secret: &str) {
        self.add(secret);
        let encoded = form_encoded(secret);
        for pair in [format!("{id}:{secret}"), format!("{id}:{encoded}")] {
            self.add(&STANDARD.encode(pair));
        }
    }

    /// Adds one value.
    pub(super) fn add(&mut self, value: &str) {
        for spelling in [value.to_owned(), form_encoded(value)] {
            let spelling: String = allowed(&spelling.to_ascii_lowercase()).collect();
            if !spelling.is_empty() && !self.0.contains(&spelling) {
                self.0.push(spelling);
            }
        }
    }

    /// At most `most` characters of `text`, with `***` for each part that is one of a secret.
    fn remove(&self, text: &str, most: usize) -> String {
        // The characters behind the end show whether a secret begins before it.
        let text: String = allowed(text).take(most + SHARED_CHARS).collect();
        let folded = text.to_ascii_lowercase();
        let mut hidden = vec![false; text.len()];
        for secret in &self.0 {
            let shared = secret.len().min(SHARED_CHARS);
            for start in 0..=folded.len().saturating_sub(shared) {
                let part = folded.get(start..start + shared);
                if part.is_some_and(|part| secret.contains(part)) {
                    hidden[start..start + shared].fill(true);
                }
            }
        }
        let mut shown = String::new();
        for (index, c) in text.chars().take(most).enumerate() {
            let follows = index > 0 && hidden[index - 1];
            match (hidden[index], follows) {
                (false, _) => shown.push(c),
                (true, false) => shown.push_str("***"),
                (true, true) => {}
            }
        }
        shown
    }
}

/// The characters that RFC 6749 section 5.2 allows, all of them ASCII.
fn allowed(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .filter(|c| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~'))
}

fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_provider_says_is_cut_to_what_the_protocol_allows() {
        let none = Secrets::default();
        let error = ProviderError::new("a\r\nb\"c", Some(&"é\\x".repeat(1_000)), &none);
        assert_eq!(error.code, "abc");
        assert_eq!(error.description.unwrap(), "x".repeat(300));
        assert_eq!(ProviderError::new("\n", None, &none).code, "server_error");
    }

    #[test]
    fn secrets_do_not_come_back_in_any_spelling() {
        let secret = "S3cr3t+v\"lue/with=signs";
        let mut secrets = Secrets::new(["the-providers-code", "ab"]);
        secrets.add_credentials("id", secret);
        for (said, shown) in [
            ("bad secret S3cr3t+v\"lue/with=signs!", "bad secret ***!"),
            ("s3cr3t%2bv%22lue%2fwith%3dsigns", "***"),
            ("'S3cr3t+v...'", "'***...'"),
            ("x=the-providers-codex", "x=***x"),
            ("ab, and the cAB", "***, and the c***"),
            ("Basic aWQ6UzNjcjN0K3YibHVlL3dpdGg9c2lnbnM=", "Basic ***"),
            ("the client is not known", "the client is not known"),
        ] {
            let error = ProviderError::new(said, Some(said), &secrets);
            assert_eq!(error.description.unwrap(), shown, "{said}");
            assert_eq!(error.code, shown, "{said}");
        }
        let late = format!("{} the-providers-code", "x".repeat(292));
        let error = ProviderError::new("x", Some(&late), &secrets);
        assert_eq!(
            error.description.unwrap(),
            format!("{} ***", "x".repeat(292))
        );
    }

    proptest! {
        #[test]
        fn no_eight_characters_of_a_secret_are_shown(
            secret in "[ -~]{8,40}", before in ".{0,310}", after in ".{0,20}", cut in 8_usize..40,
        ) {
            let secrets = Secrets::new([&*secret]);
            let part = &secret[..cut.min(secret.len())];
            let said = format!("{before}{part}{after}");
            let error = ProviderError::new("x", Some(&said), &secrets);
            let shown = error.description.unwrap_or_default().to_ascii_lowercase();
            let clean: String = allowed(&secret.to_ascii_lowercase()).collect();
            for start in 0..=clean.len().saturating_sub(8) {
                if let Some(part) = clean.get(start..start + 8) {
                    prop_assert!(!shown.contains(part) || part.contains('*'), "{part} in {shown}");
                }
            }
        }
    }
}

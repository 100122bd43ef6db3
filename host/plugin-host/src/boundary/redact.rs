//! Sanitizes text from a plugin for the host's log: no control characters, nothing that has the
//! shape of a token, bounded in length.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

/// The longest text of a plugin in one log record.
pub(crate) const MAX_LOG_BYTES: usize = 4 * 1024;
/// The part of a longer text that is searched.
const MAX_LOOKED_AT_BYTES: usize = 16 * 1024;
const CUT: &str = " [cut]";
const MASK: &str = "[masked]";

/// A JWT or JWE (three to five base64url parts that begin with a JSON object), a token of the
/// sign-in proxy, a bearer header, a long run of base64url. Words of a log are shorter, and so is
/// a UUID.
static TOKEN_SHAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        eyJ[A-Za-z0-9_=-]{5,} (?: \.[A-Za-z0-9_=-]* ){1,4}
        | mcp_[ar]t_[A-Za-z0-9_=.-]+
        | (?i:bearer)\s+[A-Za-z0-9._\~+/=-]{8,}
        | [A-Za-z0-9_+=-]{40,}",
    )
    .ok()
});

/// `text` without anything that has the shape of a token, cut to [`MAX_LOG_BYTES`], on one line.
pub(crate) fn for_log(text: &str) -> String {
    let (start, mut was_cut) = cut(text, MAX_LOOKED_AT_BYTES);
    let masked = match &*TOKEN_SHAPES {
        Some(shapes) => shapes.replace_all(start, MASK),
        // Cannot happen, since the pattern is constant; if it does, nothing may be shown.
        None => Cow::Borrowed(MASK),
    };
    let (masked, cut_again) = cut(&masked, MAX_LOG_BYTES);
    was_cut |= cut_again;
    let mut line: String = masked
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if was_cut {
        line.push_str(CUT);
    }
    line
}

fn cut(text: &str, limit: usize) -> (&str, bool) {
    if text.len() <= limit {
        return (text, false);
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_masked_whatever_is_around_them() {
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl";
        for text in [
            format!("token={jwt}"),
            format!("Bearer {jwt}, please"),
            format!("\"{jwt}\""),
            "got mcp_at_short".to_owned(),
            "authorization: bearer abcdefgh12345".to_owned(),
            format!("opaque {}", "aB3_".repeat(12)),
        ] {
            let line = for_log(&text);
            assert!(line.contains(MASK), "{line}");
            for secret in ["eyJ", "c2ln", "short", "abcdefgh12345", "aB3_"] {
                assert!(!line.contains(secret), "{line}");
            }
        }
    }

    #[test]
    fn plain_words_stay() {
        let text =
            "request 0f8fad5b-d9cb-469f-a165-70867728950e failed at https://idp.example/jwks";
        assert_eq!(for_log(text), text);
    }

    #[test]
    fn one_line_and_not_too_long() {
        assert_eq!(for_log("a\nb\u{1b}[31m\r"), "a b [31m ");
        let long = "wörd ".repeat(2_000);
        let line = for_log(&long);
        assert!(line.len() <= MAX_LOG_BYTES + CUT.len() && line.ends_with(CUT));
    }

    #[test]
    fn a_token_at_the_cut_is_masked_too() {
        for padding in [MAX_LOG_BYTES - 20, MAX_LOOKED_AT_BYTES - 20] {
            let text = format!("{}{}", "x ".repeat(padding / 2), "aB3_".repeat(30));
            assert!(
                !for_log(&text).contains("aB3_aB3_aB3_aB3_aB3_aB3"),
                "{padding}"
            );
        }
    }
}

//! Remote images in texts that people wrote. A client that shows an answer as a page would fetch them,
//! and whoever wrote the text would learn who reads it and, by the address, what a model was made to put
//! there. So an image becomes a link, which nobody follows by showing it, and an element that fetches
//! becomes text.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

/// The longest text of an image, in characters: `![text](address)`, `![text][name]`, and `![name]` where
/// the text defines names. It may hold brackets, so only the beginning of an image is looked at.
const MAX_TEXT_CHARS: usize = 1_000;
/// The definition of a name.
static REFERENCES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^ {0,3}\[[^\]\n]+\]:\s*\S").ok());
/// The HTML elements that fetch something when they are shown.
static ELEMENTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)<(img|image|picture|source|video|audio|track|iframe|frame|embed|object|input|link|svg|use)([\s/>])",
    )
    .ok()
});

/// The text with links in place of its images.
pub(crate) fn without_images(text: &str) -> Cow<'_, str> {
    // Most texts have neither, and one character is found faster than two.
    let may_have_image = text.contains('!') && text.contains("![");
    if !may_have_image && !text.contains('<') {
        return Cow::Borrowed(text);
    }
    let plain = match may_have_image {
        true => Cow::Owned(links_for_images(text)),
        false => Cow::Borrowed(text),
    };
    let plain = match ELEMENTS.as_ref() {
        Some(elements) if elements.is_match(&plain) => {
            Cow::Owned(elements.replace_all(&plain, "&lt;$1$2").into_owned())
        }
        _ => plain,
    };
    match plain == text {
        true => Cow::Borrowed(text),
        false => plain,
    }
}

/// Leaves out the exclamation mark of each image of Markdown. From the end to the beginning, because an
/// image may stand in the text of another one, and what is left out may make another one of what is
/// before it; so each character is looked at once.
fn links_for_images(text: &str) -> String {
    let refers = REFERENCES.as_ref().is_some_and(|r| r.is_match(text));
    let mut kept = Vec::with_capacity(text.len());
    // The characters between here and the next bracket that closes, and the next one that a target
    // or a name follows.
    let (mut to_bracket, mut to_target) = (None, None);
    for c in text.chars().rev() {
        let next = kept.last().copied();
        if c == '!' && next == Some('[') {
            let named = to_target.is_some_and(|between| between <= MAX_TEXT_CHARS + 1);
            let short =
                to_bracket.is_some_and(|between| (2..=MAX_TEXT_CHARS + 1).contains(&between));
            if named || (refers && short) {
                continue;
            }
        }
        match c {
            '\n' => (to_bracket, to_target) = (None, None),
            ']' => {
                to_bracket = Some(0);
                to_target = match next {
                    Some('(' | '[') => Some(0),
                    _ => to_target.map(|between| between + 1),
                };
            }
            _ => {
                to_bracket = to_bracket.map(|between| between + 1);
                to_target = to_target.map(|between| between + 1);
            }
        }
        kept.push(c);
    }
    kept.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn images_become_links_and_elements_become_text() {
        for (text, plain) in [
            (
                "See ![plan](https://x.example/a.png?q=1).",
                "See [plan](https://x.example/a.png?q=1).",
            ),
            ("![](//x.example/a)", "[](//x.example/a)"),
            (
                "![a [b] c](https://x.example)",
                "[a [b] c](https://x.example)",
            ),
            (
                "![![a](https://x)](https://y)",
                "[[a](https://x)](https://y)",
            ),
            (
                "![a][r]\n\n[r]: https://x.example",
                "[a][r]\n\n[r]: https://x.example",
            ),
            (
                "![r]\n\n[r]: https://x.example",
                "[r]\n\n[r]: https://x.example",
            ),
            (
                "<img src=https://x.example/a>",
                "&lt;img src=https://x.example/a>",
            ),
            (
                "<IMG\nsrc='//x'/><Video/>",
                "&lt;IMG\nsrc='//x'/>&lt;Video/>",
            ),
        ] {
            assert_eq!(without_images(text), plain);
        }
    }

    #[test]
    fn what_shows_no_image_stays_as_it_is() {
        for text in [
            "Mind! [the gap](https://x.example)",
            "select * from t where a <> b and c < img",
            "regexp_like(x, '![a-z]')",
            "array<int>, map<string, int>, a<b",
            "Wow![1]",
            "&lt;img src=x>",
        ] {
            assert_eq!(without_images(text), text);
        }
    }

    static NAMED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"!(\[[^\n]{0,1000}?\](?:\(|\[))").unwrap());
    static SHORT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"!(\[[^\]\n]{1,1000}\])").unwrap());

    /// What is expected, found again and again from the beginning.
    fn again_and_again(text: &str) -> String {
        let refers = REFERENCES.as_ref().unwrap().is_match(text);
        let mut plain = text.to_owned();
        while NAMED.is_match(&plain) || (refers && SHORT.is_match(&plain)) {
            plain = NAMED.replace_all(&plain, "$1").into_owned();
            if refers {
                plain = SHORT.replace_all(&plain, "$1").into_owned();
            }
        }
        plain
    }

    #[test]
    fn images_inside_of_images_cost_no_more_than_their_length() {
        let nested = format!("{}a](x)\n", "![".repeat(330)).repeat(1_000);
        let began = std::time::Instant::now();
        assert!(!without_images(&nested).contains('!'));
        // Looked at once for each level, it is minutes.
        assert!(began.elapsed().as_secs() < 20);
        for inside in [999, 1_000, 1_001, 1_002] {
            let text = format!("![{}](x)", "\u{e4}".repeat(inside));
            assert_eq!(without_images(&text), again_and_again(&text), "{inside}");
        }
    }

    proptest! {
        #[test]
        fn one_look_finds_what_many_do(text in r"([!\[\]()a\n]{0,24}|(!|\[|\]|\(|!\[|a){0,24}|[!\[\]a]{0,12}\n\[a\]: x)") {
            prop_assert_eq!(without_images(&text).into_owned(), again_and_again(&text));
        }

        #[test]
        fn nothing_is_left_to_fetch(text in r"[!\[\]()a<>img/ \n:]{0,24}") {
            let once = without_images(&text).into_owned();
            prop_assert_eq!(without_images(&once).into_owned(), once.clone());
            prop_assert!(!once.to_lowercase().contains("<img "));
        }
    }
}

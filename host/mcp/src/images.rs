//! Remote images in texts that people wrote. A client that shows an answer as a page would fetch them,
//! and whoever wrote the text would learn who reads it and, by the address, what a model was made to put
//! there. So an image becomes a link, which nobody follows by showing it, and an element that fetches
//! becomes text.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

/// `![text](address)`, `![text][reference]`, and `![reference]` where the text defines references. Its
/// text may hold brackets, so only the beginning is looked at.
static MARKDOWN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"!(\[[^\n]{0,1000}?\](?:\(|\[))").ok());
static SHORT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"!(\[[^\]\n]{1,1000}\])").ok());
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
    let refers = REFERENCES.as_ref().is_some_and(|r| r.is_match(text));
    let short = SHORT.as_ref().filter(|_| refers);
    let steps = [
        (MARKDOWN.as_ref(), "$1"),
        (short, "$1"),
        (ELEMENTS.as_ref(), "&lt;$1$2"),
    ];
    let mut plain = Cow::Borrowed(text);
    for (pattern, replacement) in steps {
        let Some(pattern) = pattern else { continue };
        // An image may stand in the text of another one.
        while pattern.is_match(&plain) {
            plain = Cow::Owned(pattern.replace_all(&plain, replacement).into_owned());
        }
    }
    plain
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

    proptest! {
        #[test]
        fn nothing_is_left_to_fetch(text in r"[!\[\]()a<>img/ \n:]{0,24}") {
            let once = without_images(&text).into_owned();
            prop_assert_eq!(without_images(&once).into_owned(), once.clone());
            prop_assert!(!once.to_lowercase().contains("<img "));
        }
    }
}

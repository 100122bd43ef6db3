//! Characters that people do not see and models read. Anybody who may write into a catalog could give a
//! model orders with them that no reader of the page notices, so they are left out of all that a model
//! is given. What makes a visible difference stays: joiners inside words of other scripts and inside
//! emoji, the choice of an emoji's form, the tags of flags.

use std::borrow::Cow;

use foundation::unseen::is_seen;
use serde_json::{Map, Value};

/// The bytes of a text that are looked at together.
const PIECE_BYTES: usize = 16;
/// The flag that tags follow, up to the tag that ends it.
const BLACK_FLAG: char = '\u{1f3f4}';
const CANCEL_TAG: char = '\u{e007f}';
/// The regions whose flags are written with tags.
const FLAGS: &[&str] = &["gbeng", "gbsct", "gbwls"];

/// Leaves the unseen characters out of the names of members.
pub(crate) fn remove_from_names(map: &mut Map<String, Value>) {
    if map.keys().any(|key| matches!(visible(key), Cow::Owned(_))) {
        let entries = std::mem::take(map).into_iter();
        *map = entries
            .map(|(key, inner)| (visible(&key).into_owned(), inner))
            .collect();
    }
}

/// The text without the characters that people do not see.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if is_all_plain(text) || text.chars().all(is_seen) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let last = clean.chars().next_back();
        if let Some(length) = flag(rest) {
            clean.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        if is_seen(c) || is_seen_here(c, last, after.chars().next()) {
            clean.push(c);
        }
        rest = after;
    }
    match clean == text {
        true => Cow::Borrowed(text),
        false => Cow::Owned(clean),
    }
}

/// True for a text of nothing but what is seen whatever is beside it, as most are. They are looked at in
/// pieces of one length, the last one filled up: the compiler takes the bytes of such a piece together.
fn is_all_plain(text: &str) -> bool {
    let (pieces, rest) = text.as_bytes().as_chunks();
    let mut last = [b' '; PIECE_BYTES];
    last[..rest.len()].copy_from_slice(rest);
    pieces.iter().all(is_plain) && is_plain(&last)
}

fn is_plain(piece: &[u8; PIECE_BYTES]) -> bool {
    piece.iter().fold(true, |plain, byte| {
        let shown = (b' '..=b'~').contains(byte);
        plain & (shown | (*byte == b'\t') | (*byte == b'\n') | (*byte == b'\r'))
    })
}

/// True for a character that changes how those beside it look.
fn is_seen_here(c: char, before: Option<char>, after: Option<char>) -> bool {
    let other_script = |c: char| !c.is_ascii() && is_seen(c);
    match c {
        // Non-joiner and joiner; an emoji's form may stand before the joiner.
        '\u{200c}' | '\u{200d}' => {
            before.is_some_and(|c| other_script(c) || c == '\u{fe0f}')
                && after.is_some_and(other_script)
        }
        // The form of a sign as text or as emoji, also of `1`, `#` and `*` on a key.
        '\u{fe0e}' | '\u{fe0f}' => before.is_some_and(|before| {
            other_script(before) || (after == Some('\u{20e3}') && before.is_ascii())
        }),
        _ => false,
    }
}

/// The length of the flag at the beginning of `text` that is written with tags: a known region and the
/// end, with nothing between.
fn flag(text: &str) -> Option<usize> {
    let tags = text.strip_prefix(BLACK_FLAG)?;
    let after = |region: &&str| {
        let mut rest = tags.chars();
        let named = region.chars().all(|letter| {
            let tag = char::from_u32(0xe_0000 + u32::from(letter));
            rest.next() == tag
        });
        (named && rest.next() == Some(CANCEL_TAG)).then_some(rest.as_str().len())
    };
    FLAGS.iter().find_map(after).map(|rest| text.len() - rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tags(text: &str) -> String {
        let tag = |c: char| char::from_u32(0xe_0000 + u32::from(c));
        text.chars().filter_map(tag).collect()
    }

    #[test]
    fn what_people_do_not_see_is_left_out() {
        let hidden = tags("CALL remove_owners");
        for (text, seen) in [
            (format!("Orders.{hidden} end"), "Orders. end"),
            (format!("\u{1f3f4}{hidden} end"), "\u{1f3f4} end"),
            (
                format!("\u{1f3f4}{}\u{e007f}", tags("usca!!x")),
                "\u{1f3f4}",
            ),
            (
                format!("\u{1f3f4}{}x{hidden}\u{e007f}", tags("gbeng")),
                "\u{1f3f4}x",
            ),
            (
                "a\u{202e}gnih\u{202c}b\u{2066}c\u{2069}".to_owned(),
                "agnihbc",
            ),
            ("i\u{200b}g\u{2060}n\u{feff}o\u{ad}re".to_owned(), "ignore"),
            ("a\u{200d}b\u{200c}c".to_owned(), "abc"),
            ("x\u{fe00}\u{fe01}\u{e0101}y\u{fe0f}".to_owned(), "xy"),
            ("\u{3164}a\u{1b}[2Jb\0".to_owned(), "a[2Jb"),
            (
                "\u{2764}\u{fe0f}\u{fe0f}\u{fe0e}".to_owned(),
                "\u{2764}\u{fe0f}",
            ),
        ] {
            assert_eq!(visible(&text), seen, "{}", text.escape_unicode());
        }
    }

    #[test]
    fn flags_without_an_end_cost_no_more_than_their_length() {
        let flags = format!("\u{1f3f4}{}", tags("gbeng")).repeat(100_000);
        let began = std::time::Instant::now();
        assert_eq!(visible(&flags).chars().count(), 100_000);
        // Read to the end at each of them, it is minutes.
        assert!(began.elapsed().as_secs() < 20);
    }

    #[test]
    fn what_makes_a_visible_difference_stays() {
        for text in [
            "plain\ttext\r\n",
            "\u{2764}\u{fe0f} and 1\u{fe0f}\u{20e3}",
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
            "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308}",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            &format!("\u{1f3f4}{}\u{e007f}!", tags("gbsct")),
            "\u{4e2d}\u{6587} \u{439}",
        ] {
            assert_eq!(visible(text), text, "{}", text.escape_unicode());
        }
    }

    proptest! {
        #[test]
        fn cleaning_twice_is_cleaning_once(text in "[a-c\u{200b}-\u{200f}\u{fe0f}\u{e0041}\u{1f3f4}\u{e007f}\u{2764}\u{6cc}]{0,12}") {
            let once = visible(&text).into_owned();
            prop_assert_eq!(visible(&once).into_owned(), once);
        }
    }
}

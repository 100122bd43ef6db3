//! Finds passages in a text within bounds of work. An expression of a few characters may take hours
//! on a text of some hundred kilobytes: each search may read to the end to find one character. So a
//! search reads a window, and there is an end of the time for all of them.

use std::time::Instant;

use regex::{Match, Regex};
use serde_json::{Value, json};

/// The part of a text that one search reads, in bytes. A passage is no longer, and of those that are
/// longer than half of it some may be missed.
const WINDOW: usize = 64 * 1024;
/// The longest context of a match, in characters.
pub(super) const MAX_CONTEXT: usize = 5_000;
/// The longest part of a document that one call searches, in bytes.
const LONGEST: usize = 2 << 20;

/// The part of a document that one call searches, and what an excerpt shows before it.
pub(super) struct Piece {
    pub(super) title: Value,
    text: String,
    /// The byte at which the search begins.
    start: usize,
    /// True if something of the document comes before the text.
    is_cut_before: bool,
    is_cut_after: bool,
    /// The characters of the whole document.
    pub(super) length: usize,
}

impl Piece {
    pub(super) fn of(title: Value, text: &str, offset: usize) -> Self {
        let start = ahead(text, 0, offset);
        let (from, to) = (
            back(text, start, MAX_CONTEXT),
            floor(text, start.saturating_add(LONGEST)),
        );
        Self {
            title,
            text: text[from..to].to_owned(),
            start: start - from,
            is_cut_before: from > 0,
            is_cut_after: to < text.len(),
            length: text.chars().count(),
        }
    }
}

/// The matches in a piece.
#[derive(Debug)]
pub(super) struct Matches {
    pub(super) shown: Vec<Value>,
    pub(super) count: usize,
    /// The character up to which the document was searched, if that is not its end.
    pub(super) searched_to: Option<usize>,
}

/// The matches in `piece`, which begins at the character `offset`, until the time is over; the first
/// of them, with so many characters around them, are `shown`.
pub(super) fn matches(
    regex: &Regex,
    piece: &Piece,
    offset: usize,
    (most, around): (usize, usize),
    end: Instant,
) -> Matches {
    let text = piece.text.as_str();
    let (mut shown, mut count) = (Vec::new(), 0);
    let (mut position, mut counted_to) = (offset, piece.start);
    let mut searched_to = piece
        .is_cut_after
        .then(|| offset + text[piece.start..].chars().count());
    for step in Passages::new(regex, text, piece.start, end) {
        let (from, to) = match step {
            Step::Found(from, to) => (from, to),
            Step::OutOfTime(at) => {
                searched_to = Some(offset + text[piece.start..at].chars().count());
                break;
            }
        };
        count += 1;
        if shown.len() < most {
            position += text[counted_to..from].chars().count();
            counted_to = from;
            let (before, after) = (back(text, from, around), ahead(text, to, around));
            let is_more = |more: bool| if more { "..." } else { "" };
            let lead = is_more(before > 0 || piece.is_cut_before);
            let tail = is_more(after < text.len() || piece.is_cut_after);
            shown.push(json!({
                "position": position,
                "excerpt": format!("{lead}{}{tail}", &text[before..after]),
            }));
        }
    }
    Matches {
        shown,
        count,
        searched_to,
    }
}

fn back(text: &str, from: usize, chars: usize) -> usize {
    text[..from]
        .char_indices()
        .rev()
        .take(chars)
        .last()
        .map_or(from, |(at, _)| at)
}

fn ahead(text: &str, to: usize, chars: usize) -> usize {
    text[to..]
        .char_indices()
        .nth(chars)
        .map_or(text.len(), |(at, _)| to + at)
}

/// The passages of `text` from the byte `start` on that are not empty. If the time is over before the
/// end, it ends with the place up to which the text was searched.
struct Passages<'a> {
    regex: &'a Regex,
    text: &'a str,
    at: usize,
    end: Instant,
}

/// A step of the search.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A passage, from byte to byte.
    Found(usize, usize),
    /// The time is over, and the text behind this byte is not searched.
    OutOfTime(usize),
}

impl<'a> Passages<'a> {
    fn new(regex: &'a Regex, text: &'a str, start: usize, end: Instant) -> Self {
        Self {
            regex,
            text,
            at: start,
            end,
        }
    }

    /// The first match behind `self.at` in a window from `from` on.
    fn in_window(&self, from: usize) -> (Option<Match<'a>>, usize) {
        let end = floor(self.text, from.saturating_add(WINDOW));
        (self.regex.find_at(&self.text[..end], self.at), end)
    }
}

impl Iterator for Passages<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        while self.at < self.text.len() {
            if Instant::now() >= self.end {
                let searched = std::mem::replace(&mut self.at, self.text.len());
                return Some(Step::OutOfTime(searched));
            }
            let (mut found, mut end) = self.in_window(self.at);
            if let Some(first) = found
                && first.end() == end
                && end < self.text.len()
            {
                // It may go on behind the window, or be none because of what is there.
                (found, end) = self.in_window(first.start());
            }
            match found {
                Some(found) if found.is_empty() => {
                    let next = self.text[found.end()..].chars().next();
                    self.at = found.end() + next.map_or(1, char::len_utf8);
                }
                Some(found) => {
                    self.at = found.end();
                    return Some(Step::Found(found.start(), found.end()));
                }
                None if end == self.text.len() => self.at = end,
                None => self.at = floor(self.text, end - WINDOW / 2),
            }
        }
        None
    }
}

/// The last boundary of a character that is not behind `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn searched(text: &str, pattern: &str, offset: usize, shown: (usize, usize)) -> Matches {
        let (regex, piece) = (
            Regex::new(pattern).unwrap(),
            Piece::of(Value::Null, text, offset),
        );
        let end = Instant::now() + Duration::from_secs(3600);
        matches(&regex, &piece, offset, shown, end)
    }

    #[test]
    fn positions_and_excerpts_count_characters() {
        let text = "äöü key ßßß key end";
        let found = searched(text, "key", 0, (5, 2));
        assert_eq!((found.count, found.searched_to), (2, None));
        assert_eq!(
            found.shown[0],
            json!({"position": 4, "excerpt": "...ü key ß..."})
        );
        assert_eq!(found.shown[1]["position"], 12);
        let found = searched(text, "key", 5, (1, 0));
        assert_eq!(found.count, 1);
        assert_eq!(found.shown[0]["position"], 12);
        assert_eq!(searched(text, "key", 500, (1, 0)).count, 0);
        let found = searched(text, "key", 0, (1, 0));
        assert_eq!((found.shown.len(), found.count), (1, 2));
    }

    #[test]
    fn a_long_document_is_searched_piece_by_piece() {
        let text = format!("{}key{}key", "ä".repeat(LONGEST), "-".repeat(LONGEST));
        let (mut offset, mut positions) = (0, Vec::new());
        loop {
            let found = searched(&text, "key", offset, (5, 1));
            for one in &found.shown {
                positions.push(one["position"].as_u64().unwrap() as usize);
                assert!(one["excerpt"].as_str().unwrap().starts_with("..."), "{one}");
            }
            match found.searched_to {
                Some(to) => offset = to,
                None => break,
            }
        }
        assert_eq!(positions, [LONGEST, 2 * LONGEST + 3]);
        assert_eq!(offset, 2 * LONGEST);
    }

    fn found(pattern: &str, text: &str) -> Vec<(usize, usize)> {
        let regex = Regex::new(pattern).unwrap();
        let end = Instant::now() + Duration::from_secs(3600);
        let steps = Passages::new(&regex, text, 0, end);
        steps
            .map(|step| match step {
                Step::Found(from, to) => (from, to),
                Step::OutOfTime(_) => panic!("out of time"),
            })
            .collect()
    }

    #[test]
    fn passages_are_found_across_windows_and_long_ones_in_pieces() {
        let far = format!("{}key{}", "\u{e4}".repeat(WINDOW), " ".repeat(WINDOW));
        assert_eq!(found("key", &far), [(2 * WINDOW, 2 * WINDOW + 3)]);
        let text = format!("{}key more", "-".repeat(WINDOW - 3));
        assert_eq!(found("key$", &text), []);
        assert_eq!(found(r"key\b.*", &text), [(WINDOW - 3, WINDOW + 5)]);
        let long = "x".repeat(3 * WINDOW);
        let pieces: Vec<_> = (0..3).map(|n| (n * WINDOW, (n + 1) * WINDOW)).collect();
        assert_eq!(found("x+", &long), pieces);
        assert_eq!(found("", "abc"), []);
    }

    #[test]
    fn an_expression_that_would_take_hours_ends_in_time() {
        let text = "A".repeat(4 << 20);
        let regex = Regex::new(".*[^A-Z]|[A-Z]").unwrap();
        let end = Instant::now() + Duration::from_millis(50);
        let last = Passages::new(&regex, &text, 0, end).last();
        assert!(matches!(last, Some(Step::OutOfTime(at)) if at < text.len()));
    }

    const PARTS: &[&str] = &[
        "a", "b", "\u{e4}", ".", "a*", "b+?", r"\b", "[^a]", "(a|b)+", "$", "^", "(?m)", r"\n",
        "|", "(?s)",
    ];

    proptest! {
        #[test]
        fn in_a_short_text_it_finds_what_the_library_finds(
            text in "[ab\u{e4}\n ]{0,30}",
            parts in proptest::collection::vec(proptest::sample::select(PARTS), 1..5),
        ) {
            let pattern = parts.concat();
            let Ok(regex) = Regex::new(&pattern) else { return Ok(()) };
            let all: Vec<_> = regex
                .find_iter(&text)
                .filter(|found| !found.is_empty())
                .map(|found| (found.start(), found.end()))
                .collect();
            prop_assert_eq!(found(&pattern, &text), all);
        }
    }
}

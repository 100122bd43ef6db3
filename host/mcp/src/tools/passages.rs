//! Finds passages in a text within bounds of work. An expression of a few characters may take hours
//! on a text of some hundred kilobytes: each search may read to the end to find one character. So a
//! search reads a window, and there is an end of the time for all of them.

use std::time::Instant;

use regex::{Match, Regex};

/// The part of a text that one search reads, in bytes. A passage is no longer, and of those that are
/// longer than half of it some may be missed.
const WINDOW: usize = 64 * 1024;

/// The passages of `text` from the byte `start` on that are not empty. If the time is over before the
/// end, it ends with the place up to which the text was searched.
pub(super) struct Passages<'a> {
    regex: &'a Regex,
    text: &'a str,
    at: usize,
    end: Instant,
}

/// A step of the search.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A passage, from byte to byte.
    Found(usize, usize),
    /// The time is over, and the text behind this byte is not searched.
    OutOfTime(usize),
}

impl<'a> Passages<'a> {
    pub(super) fn new(regex: &'a Regex, text: &'a str, start: usize, end: Instant) -> Self {
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
pub(super) fn floor(text: &str, at: usize) -> usize {
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

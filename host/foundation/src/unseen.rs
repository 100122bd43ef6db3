//! The characters that people do not see: in a name they hide or reorder what is beside them, and a model reads them all the
//! same.

/// The characters that are ignored for display (Unicode's `Default_Ignorable_Code_Point`), the marks of
/// annotations, and the control characters except tabs and line ends.
const UNSEEN: &[(char, char)] = &[
    ('\u{0}', '\u{8}'),
    ('\u{b}', '\u{c}'),
    ('\u{e}', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// True for a character that people see, or that a text needs between those: blanks, tabs and line ends.
pub fn is_seen(c: char) -> bool {
    !UNSEEN
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&c))
}

/// Characters that look like nothing, although they are no blanks: the blank of Braille, the null notehead, those of
/// hieroglyphs, and the filler of Khitan.
const BLANK: [char; 5] = [
    '\u{2800}',
    '\u{1d159}',
    '\u{13441}',
    '\u{13442}',
    '\u{16fe4}',
];

/// True for a character that may stand in a name on one line: seen, and the end of no line.
pub fn is_seen_in_a_line(c: char) -> bool {
    is_seen(c) && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}') && !BLANK.contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_reorders_is_told_from_what_is_seen() {
        for c in [
            'a',
            ' ',
            '\t',
            '\n',
            '\u{e9}',
            '\u{4e2d}',
            '\u{1f3f4}',
            '\u{2028}',
        ] {
            assert!(is_seen(c), "{c:?}");
        }
        for c in [
            '\0',
            '\u{1b}',
            '\u{7f}',
            '\u{ad}',
            '\u{200b}',
            '\u{202e}',
            '\u{3164}',
            '\u{e0041}',
        ] {
            assert!(!is_seen(c) && !is_seen_in_a_line(c), "{c:?}");
        }
        assert!(is_seen_in_a_line(' ') && is_seen_in_a_line('\u{e9}'));
        for c in ['\n', '\t', '\u{85}', '\u{2028}', '\u{2029}', '\u{2800}'] {
            assert!(!is_seen_in_a_line(c), "{c:?}");
        }
    }
}

//! Names that strangers choose, as people see them: on one line, without what nobody sees, and within that line.
//!
//! Says nothing of whose name it is: anybody may choose any name, and the page says so.

use foundation::unseen::is_seen_in_a_line;
use unicode_general_category::{GeneralCategory as Category, get_general_category};

/// Longest name that is shown, in characters.
const MAX_NAME_CHARS: usize = 80;
/// Marks on one letter. No script needs more, and a tower of them covers the lines above.
const MAX_MARKS: usize = 3;

/// A name as it is shown; empty if nothing of it is to be seen.
pub(super) fn clean_name(name: &str) -> String {
    let mut shown = String::new();
    // The marks that the last character can still have.
    let mut marks = 0;
    for c in name
        .chars()
        .map(one_blank)
        .filter(|c| is_seen_in_a_line(*c))
    {
        match get_general_category(c) {
            Category::NonspacingMark | Category::EnclosingMark if marks == 0 => continue,
            Category::NonspacingMark | Category::EnclosingMark => marks -= 1,
            // Each program shows these in another way, or not at all.
            Category::Format
            | Category::PrivateUse
            | Category::Surrogate
            | Category::Unassigned => continue,
            _ => marks = if c == ' ' { 0 } else { MAX_MARKS },
        }
        shown.push(c);
    }
    let words: String = shown.chars().take(MAX_NAME_CHARS).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Line ends part words, too.
fn one_blank(c: char) -> char {
    if c.is_whitespace() { ' ' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_what_it_says() {
        for name in [
            "Claude Code",
            "Caf\u{e9} \u{4e2d}\u{6587} \u{1f680}",
            "Tie\u{302}\u{301}ng Vi\u{1ec7}t",
            "\u{e1b}\u{e37}\u{e49}\u{e2d}",
            "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}",
            "<b>x</b>",
        ] {
            assert_eq!(clean_name(name), name);
        }
        assert_eq!(clean_name(" a\r\nb\tc\u{2028}d "), "a b c d");
        assert_eq!(clean_name(&"A".repeat(500)), "A".repeat(80));
    }

    /// Blank or unseen characters, and those that each program shows in another way.
    #[test]
    fn a_name_of_which_nothing_is_seen_is_none() {
        for name in [
            "\u{3164}\u{115f}\u{1160}\u{ffa0}",
            "\u{2800}\u{3000}\u{a0}\u{1680}",
            "\u{1d159}\u{13441}\u{13442}\u{16fe4}",
            "\u{600}\u{70f}\u{110bd}\u{13430}",
            "\u{e000}\u{f0000}\u{10fffd}",
            "\u{378}\u{fdd0}\u{fffe}",
            "\u{301}\u{20dd}\u{20e3}",
            " \u{200b}\u{301} \u{202e} ",
            "\u{e0043}\u{fe0f}\u{e0100}",
        ] {
            assert_eq!(clean_name(name), "", "{name:?}");
        }
    }

    #[test]
    fn a_tower_of_marks_does_not_cover_the_lines_above() {
        let name = format!("A{}b{}", "\u{301}".repeat(70), "\u{20dd}".repeat(70));
        assert_eq!(
            clean_name(&name),
            "A\u{301}\u{301}\u{301}b\u{20dd}\u{20dd}\u{20dd}"
        );
    }
}

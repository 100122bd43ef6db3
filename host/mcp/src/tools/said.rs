//! What an urn says already, so that it need not be said beside it.

/// Returns true if the end of `urn` is `name` but for case and for what stands between words.
pub(super) fn is_said_by(urn: &str, name: &str) -> bool {
    let mut letters = letters(name).peekable();
    letters.peek().is_some()
        && self::letters(urn.rsplit(':').next().unwrap_or_default()).eq(letters)
}

/// The letters and digits of `text`, in lower case.
fn letters(text: &str) -> impl Iterator<Item = char> {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase)
}

/// Returns true if `text` stands in `urn`, in whatever case.
pub(super) fn is_in_urn(text: &str, urn: &str) -> bool {
    // Most often, it stands there as it is.
    urn.contains(text) || urn.to_lowercase().contains(&text.to_lowercase())
}

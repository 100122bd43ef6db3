//! What an urn says already, so that it need not be said beside it.

use serde_json::Value;

/// Returns true if the end of `urn` is `name` but for case and for what stands between words.
pub(super) fn is_said_by(urn: &str, name: &str) -> bool {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let name = plain(name);
    !name.is_empty() && plain(urn.rsplit(':').next().unwrap_or_default()) == name
}

/// Returns true if `text` stands in `urn`, in whatever case.
pub(super) fn is_in_urn(text: Option<&Value>, urn: Option<&Value>) -> bool {
    let lower = |value: Option<&Value>| Some(value?.as_str()?.to_lowercase());
    let (Some(text), Some(urn)) = (lower(text), lower(urn)) else {
        return false;
    };
    urn.contains(&text)
}

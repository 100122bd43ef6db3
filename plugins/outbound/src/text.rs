//! URLs and strangers' texts in a form that is safe in a log line.

use url::Url;

/// A URL without user, password, query and fragment.
pub fn shown(url: &Url) -> String {
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!(
        "{}://{}{port}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path()
    )
}

/// A stranger's text, escaped and truncated.
pub fn quoted(text: &str) -> String {
    const SHOWN: usize = 100;
    let cut: String = text.chars().take(SHOWN).collect();
    let more = if cut.len() < text.len() { "..." } else { "" };
    format!("`{}{more}`", cut.escape_debug())
}

//! Problems with the settings, one line each.

use std::fmt;

use super::setting::Setting;

/// The number of characters of a wrong value that are shown.
const MAX_SHOWN: usize = 80;

/// One problem: the setting, its value, the reason and the fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(String);

impl Problem {
    /// Describes a wrong `value`; that of a secret is masked.
    pub(super) fn new(setting: &Setting, value: Option<&str>, wrong: &str, fix: &str) -> Self {
        let value = match value {
            Some(_) if setting.secret => " is `***`:".to_owned(),
            Some(value) => format!(" is `{}`:", shown(value)),
            None => String::new(),
        };
        let alias = setting
            .alias
            .map_or(String::new(), |alias| format!(", `{alias}`"));
        Self(format!(
            "`{}` (`--{}`{alias}){value} {wrong}; {fix}",
            setting.name,
            setting.flag()
        ))
    }

    /// A problem that belongs to no single setting of the table; `line` is the whole text.
    pub(super) fn line(line: String) -> Self {
        Self(line)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The value as one short line of printable characters.
fn shown(value: &str) -> String {
    let mut text: String = value
        .chars()
        .take(MAX_SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if value.chars().count() > MAX_SHOWN {
        text.push('…');
    }
    // A URL's password must not reach a log.
    mask_userinfo(&text)
}

/// The text with the user and password of a URL in it masked.
pub(super) fn mask_userinfo(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 < at => {
            format!("{}***{}", &text[..scheme + 3], &text[at..])
        }
        _ => text.to_owned(),
    }
}

/// All problems of one set of settings.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<Problem>);

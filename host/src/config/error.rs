//! What is wrong with the settings, one line each.

use std::fmt;

use super::setting::Setting;

/// How much of a wrong value is shown.
const MAX_SHOWN: usize = 80;

/// One thing that is wrong: which setting, its value, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(String);

impl Problem {
    /// `value` is what was given; a secret's is masked.
    pub(super) fn new(setting: &Setting, value: Option<&str>, wrong: &str, fix: &str) -> Self {
        let value = match value {
            Some(_) if setting.secret => " is `***`:".to_owned(),
            Some(value) => format!(" is `{}`:", shown(value)),
            None => String::new(),
        };
        Self(format!(
            "`{}` (`--{}`){value} {wrong}; {fix}",
            setting.name,
            setting.flag()
        ))
    }

    /// A problem that is not of one setting of the table; `line` says everything.
    pub(super) fn line(line: String) -> Self {
        Self(line)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The value in one short line of harmless characters.
fn shown(value: &str) -> String {
    let mut text: String = value
        .chars()
        .take(MAX_SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if value.chars().count() > MAX_SHOWN {
        text.push('…');
    }
    // A URL's password has no business in a log.
    mask_userinfo(&text)
}

/// The text without what stands before the host of a URL in it.
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

//! Reads values of the table as types, and collects all problems instead of stopping at the first.

use std::{ops::RangeInclusive, path::Path, str::FromStr, time::Duration};

use secrecy::SecretString;
use url::Url;

use super::{
    error::Problem,
    raw::{Raw, Source},
    setting::Setting,
    value_file,
};

/// Turns raw values into typed ones.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    raw: &'a Raw,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(raw: &'a Raw) -> Self {
        Self {
            raw,
            problems: raw.problems().to_vec(),
        }
    }

    /// Ends the reading and returns all problems.
    pub(super) fn finish(self) -> Vec<Problem> {
        self.problems
    }

    pub(super) fn raw(&self) -> &'a Raw {
        self.raw
    }

    /// Notes that the value of `setting` is wrong.
    pub(super) fn wrong(&mut self, setting: &Setting, wrong: &str, fix: &str) {
        let value = self
            .raw
            .get(setting)
            .map(|(_, value)| value)
            .or(setting.default);
        self.problems.push(Problem::new(setting, value, wrong, fix));
    }

    /// Notes that `setting` was not given but must be.
    pub(super) fn missing(&mut self, setting: &Setting, why: &str, fix: &str) {
        self.problems.push(Problem::new(setting, None, why, fix));
    }

    /// Notes a problem that is not of one setting of the table.
    pub(super) fn note(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// True if it was given.
    pub(super) fn is_set(&self, setting: &Setting) -> bool {
        self.raw.get(setting).is_some()
    }

    /// The text, read from a file for `@file` or `<NAME>_FILE`, or the default.
    pub(super) fn text(&mut self, setting: &Setting) -> Option<String> {
        let Some((source, value)) = self.raw.get(setting) else {
            return setting.default.map(str::to_owned);
        };
        let path = match (source, value.strip_prefix('@')) {
            (Source::File, _) => Some(value),
            (_, Some(path)) if setting.from_file => Some(path),
            _ => None,
        };
        match path {
            None => Some(value.trim().to_owned()),
            Some(path) => match value_file::read(Path::new(path)) {
                Ok(text) => Some(text),
                Err(why) => {
                    self.problems.push(Problem::new(
                        setting,
                        None,
                        &format!("cannot be read from the file {path:?}: {why}"),
                        "name a readable text file that is not empty",
                    ));
                    None
                }
            },
        }
    }

    /// The text of a setting whose problems are reported by another read of it.
    pub(super) fn quiet_text(&mut self, setting: &Setting) -> Option<String> {
        let known = self.problems.len();
        let text = self.text(setting);
        self.problems.truncate(known);
        text
    }

    /// A token or an address: no spaces.
    pub(super) fn secret(&mut self, setting: &Setting) -> Option<SecretString> {
        let why = "contains spaces or other unprintable characters";
        self.secret_of(setting, why, |byte| (0x21..=0x7e).contains(&byte))
    }

    /// A client's secret, which may hold spaces (RFC 6749 appendix A.2), though not at its ends.
    pub(super) fn client_secret(&mut self, setting: &Setting) -> Option<SecretString> {
        let why = "contains unprintable characters";
        self.secret_of(setting, why, |byte| (0x20..=0x7e).contains(&byte))
    }

    fn secret_of(
        &mut self,
        setting: &Setting,
        why: &str,
        allowed: fn(u8) -> bool,
    ) -> Option<SecretString> {
        let text = self.text(setting)?;
        if !text.bytes().all(allowed) {
            self.wrong(setting, why, "check for a line break or a pasted space");
            return None;
        }
        Some(SecretString::from(text))
    }

    /// A whole number in `range`; the unit appears in the message only.
    pub(super) fn number(&mut self, setting: &Setting, range: RangeInclusive<u64>) -> u64 {
        let text = self.text(setting).unwrap_or_default();
        match text.parse::<u64>() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let unit = match setting.value {
                    "NUMBER" => String::new(),
                    unit => format!(" of {}", unit.to_ascii_lowercase()),
                };
                self.wrong(
                    setting,
                    &format!(
                        "not a whole number{unit} from {} to {}",
                        range.start(),
                        range.end()
                    ),
                    &match setting.default {
                        Some(default) => format!("unset it for {default}"),
                        None => "unset it".to_owned(),
                    },
                );
                *range.start()
            }
        }
    }

    pub(super) fn size(&mut self, setting: &Setting, range: RangeInclusive<u64>) -> usize {
        usize::try_from(self.number(setting, range)).unwrap_or(usize::MAX)
    }

    pub(super) fn small(&mut self, setting: &Setting, range: RangeInclusive<u32>) -> u32 {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        u32::try_from(self.number(setting, range)).unwrap_or(u32::MAX)
    }

    pub(super) fn seconds(&mut self, setting: &Setting, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(setting, range))
    }

    pub(super) fn millis(&mut self, setting: &Setting, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(setting, range))
    }

    /// `true` or `false`, and the spellings of them that the Python server accepts.
    pub(super) fn switch(&mut self, setting: &Setting) -> bool {
        let text = self.text(setting).unwrap_or_default().to_ascii_lowercase();
        match text.as_str() {
            "true" | "1" | "yes" | "on" => true,
            "false" | "0" | "no" | "off" => false,
            _ => {
                self.wrong(
                    setting,
                    "neither true nor false",
                    "set it to `true` or `false`",
                );
                false
            }
        }
    }

    /// Anything that parses from text; `fix` describes the expected form.
    pub(super) fn parse<T: FromStr>(
        &mut self,
        setting: &Setting,
        wrong: &str,
        fix: &str,
    ) -> Option<T> {
        let text = self.text(setting)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(_) => {
                self.wrong(setting, wrong, fix);
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        setting: &Setting,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(setting)?;
        let found = choices
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(&text));
        if found.is_none() {
            let words: Vec<String> = choices
                .iter()
                .map(|(word, _)| format!("`{word}`"))
                .collect();
            self.wrong(
                setting,
                "not an accepted value",
                &format!("set it to {}", words.join(" or ")),
            );
        }
        found.map(|(_, value)| *value)
    }

    /// An `http` or `https` URL without user, query or fragment.
    pub(super) fn http_url(&mut self, setting: &Setting, example: &str) -> Option<Url> {
        let text = self.text(setting)?;
        let fix = format!("set it to a URL such as `{example}`");
        let wrong = match Url::parse(&text) {
            Err(why) => format!("not a URL ({why})"),
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                "neither http nor https".to_owned()
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                "a URL with a user or a password".to_owned()
            }
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                "a URL with a query or a fragment".to_owned()
            }
            Ok(url) => return Some(url),
        };
        self.wrong(setting, &wrong, &fix);
        None
    }

    /// A list separated by commas or spaces.
    pub(super) fn list(&mut self, setting: &Setting) -> Vec<String> {
        self.text(setting)
            .unwrap_or_default()
            .split([',', ' '])
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

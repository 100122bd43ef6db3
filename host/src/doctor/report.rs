//! The results of the checks, as lines for people and as JSON for programs.
//!
//! Never prints a control character: parts of the texts come from other servers.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::config::EXIT_USAGE;

/// The name under which the settings themselves are checked.
pub(super) const SETTINGS: &str = "settings";
/// The most characters of a text: other servers have a say in some.
const MAX_TEXT_CHARS: usize = 1_000;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// It works, and should be looked at.
    Warn,
    /// It does not work.
    Fail,
}

impl Status {
    /// The word that begins a line.
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One check and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    check: &'static str,
    status: Status,
    seen: String,
    fix: Option<String>,
}

impl Check {
    pub(super) fn ok(check: &'static str, seen: impl AsRef<str>) -> Self {
        Self::new(check, Status::Ok, seen.as_ref(), None)
    }

    /// `fix` says what to change, and names the setting.
    pub(super) fn warn(check: &'static str, seen: impl AsRef<str>, fix: impl AsRef<str>) -> Self {
        Self::new(check, Status::Warn, seen.as_ref(), Some(fix.as_ref()))
    }

    /// `fix` says what to change, and names the setting.
    pub(super) fn fail(check: &'static str, seen: impl AsRef<str>, fix: impl AsRef<str>) -> Self {
        Self::new(check, Status::Fail, seen.as_ref(), Some(fix.as_ref()))
    }

    /// A check of any status.
    pub(super) fn new(check: &'static str, status: Status, seen: &str, fix: Option<&str>) -> Self {
        Self {
            check,
            status,
            seen: one_line(seen),
            fix: fix.map(one_line),
        }
    }

    pub(super) fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }

    /// The line for people, and a second one for the fix.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{:<4}  {:<width$}  {}\n",
            self.status.word(),
            self.check,
            self.seen,
            width = "datahub-authentication".len()
        );
        if let Some(fix) = &self.fix {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "      fix: {fix}");
        }
        text
    }
}

/// All checks, in the order in which they are printed.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Report {
    checks: Vec<Check>,
}

impl Report {
    pub(super) fn add(&mut self, checks: impl IntoIterator<Item = Check>) {
        self.checks.extend(checks);
    }

    /// The exit status: 0 if nothing failed, 64 if the settings cannot be used, else 1.
    pub fn exit_status(&self) -> u8 {
        let failed = |check: &&Check| check.status == Status::Fail;
        match self.checks.iter().filter(failed).collect::<Vec<_>>() {
            failed if failed.is_empty() => 0,
            failed if failed.iter().any(|check| check.check == SETTINGS) => EXIT_USAGE,
            _ => 1,
        }
    }

    /// Lines for people, with a sum at the end.
    pub fn text(&self) -> String {
        let mut text: String = self.checks.iter().map(Check::text).collect();
        let count = |status| {
            let same = self.checks.iter().filter(|check| check.status == status);
            same.count()
        };
        let _ = writeln!(
            text,
            "{} checks: {} ok, {} warnings, {} failed",
            self.checks.len(),
            count(Status::Ok),
            count(Status::Warn),
            count(Status::Fail)
        );
        text
    }

    /// The same list as [`Self::json`], in one line.
    pub fn json_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// A JSON list of objects with `check`, `status`, `seen` and `fix`.
    pub fn json(&self) -> String {
        // Plain texts always become JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// The text in one line of printable characters, of bounded length.
pub(super) fn one_line(text: &str) -> String {
    let cut = text.char_indices().nth(MAX_TEXT_CHARS);
    let (text, more) = match cut {
        Some((end, _)) => (&text[..end], "..."),
        None => (text, ""),
    };
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.collect::<String>() + more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(checks: impl IntoIterator<Item = Check>) -> Report {
        let mut report = Report::default();
        report.add(checks);
        report
    }

    #[test]
    fn the_exit_status_tells_failures_from_unusable_settings() {
        let ok = Check::ok("datahub", "there");
        let warn = Check::warn("clock", "40 s ahead", "set the clock");
        let fail = Check::fail("datahub", "gone", "set it");
        let unusable = Check::fail(SETTINGS, "wrong", "set it");
        assert_eq!(report([ok.clone(), warn.clone()]).exit_status(), 0);
        assert_eq!(report([ok, warn, fail.clone()]).exit_status(), 1);
        assert_eq!(report([fail, unusable]).exit_status(), 64);
    }

    #[test]
    fn a_line_stays_one_line_whatever_others_say() {
        let text = "a\nb\u{1b}[31m\r".to_owned() + &"x".repeat(5_000);
        let check = Check::fail("datahub", text, "set\nit");
        let lines: Vec<String> = check.text().lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("FAIL  datahub  ") && lines[0].len() < 1_100);
        assert_eq!(lines[1], "      fix: set it");
        assert!(!check.text().contains('\u{1b}'));
    }

    #[test]
    fn the_json_is_one_list_with_the_four_members() {
        let report = report([Check::ok("a", "b"), Check::warn("c", "d", "e")]);
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(
            json,
            serde_json::json!([
                {"check": "a", "status": "ok", "seen": "b", "fix": null},
                {"check": "c", "status": "warn", "seen": "d", "fix": "e"},
            ])
        );
    }
}

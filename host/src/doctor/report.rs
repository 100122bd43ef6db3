//! The results of the checks, as lines for people and as JSON for programs.
//!
//! Never prints a secret or a control character: parts of the texts come from other servers.

use std::{collections::HashSet, fmt::Write};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::redact::Redactor;
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
    /// Its id: what is checked, and after a colon which one of several.
    check: String,
    status: Status,
    seen: String,
    fix: Option<String>,
}

impl Check {
    pub(super) fn ok(check: &str, seen: impl AsRef<str>) -> Self {
        Self::new(check, Status::Ok, seen.as_ref(), None)
    }

    /// `fix` says what to change, and names the setting.
    pub(super) fn warn(check: &str, seen: impl AsRef<str>, fix: impl AsRef<str>) -> Self {
        Self::new(check, Status::Warn, seen.as_ref(), Some(fix.as_ref()))
    }

    /// `fix` says what to change, and names the setting.
    pub(super) fn fail(check: &str, seen: impl AsRef<str>, fix: impl AsRef<str>) -> Self {
        Self::new(check, Status::Fail, seen.as_ref(), Some(fix.as_ref()))
    }

    /// A check of any status.
    pub(super) fn new(check: &str, status: Status, seen: &str, fix: Option<&str>) -> Self {
        Self {
            check: check.to_owned(),
            status,
            seen: seen.to_owned(),
            fix: fix.map(str::to_owned),
        }
    }

    /// The same check of `which` of several.
    pub(super) fn of(mut self, which: &str) -> Self {
        self.check = one_line(&format!("{}:{which}", self.check));
        self
    }

    pub(super) fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }

    /// What is checked, whichever of several it is.
    fn kind(&self) -> &str {
        self.check.split(':').next().unwrap_or_default()
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

/// All checks, in the order in which they are printed. Each has an id of its own.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub struct Report {
    checks: Vec<Check>,
    #[serde(skip)]
    ids: HashSet<String>,
    #[serde(skip)]
    redactor: Redactor,
}

impl Report {
    /// No check yet. What is added loses what `redactor` knows.
    pub(super) fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, checks: impl IntoIterator<Item = Check>) {
        for check in checks {
            self.take(check);
        }
    }

    /// Adds one check, and returns it as it is printed.
    pub(super) fn take(&mut self, check: Check) -> Check {
        let mut id = check.check.clone();
        let mut number = 1;
        while !self.ids.insert(id.clone()) {
            number += 1;
            id = format!("{}:{number}", check.check);
        }
        let check = Check {
            check: id,
            status: check.status,
            seen: self.line(&check.seen),
            fix: check.fix.map(|fix| self.line(&fix)),
        };
        self.checks.push(check.clone());
        check
    }

    /// `text` as it may be printed.
    pub(super) fn line(&self, text: &str) -> String {
        one_line(&self.redactor.redact(text))
    }

    /// Keeps one more secret out of what is printed.
    pub(super) fn conceal(&mut self, secret: &SecretString) {
        self.redactor.add(secret);
    }

    /// The exit status: 0 if nothing failed, 64 if the settings cannot be used, else 1.
    pub fn exit_status(&self) -> u8 {
        let failed = |check: &&Check| check.status == Status::Fail;
        match self.checks.iter().filter(failed).collect::<Vec<_>>() {
            failed if failed.is_empty() => 0,
            failed if failed.iter().any(|check| check.kind() == SETTINGS) => EXIT_USAGE,
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
        let check = Report::default().take(check);
        let lines: Vec<String> = check.text().lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("FAIL  datahub  ") && lines[0].len() < 1_100);
        assert_eq!(lines[1], "      fix: set it");
        assert!(!check.text().contains('\u{1b}'));
    }

    #[test]
    fn each_check_has_an_id_of_its_own() {
        let same = || Check::ok("a", "b");
        let report = report([
            same().of("x"),
            same(),
            same().of("x"),
            same(),
            same().of("2"),
        ]);
        let ids: Vec<&str> = report.checks.iter().map(|check| &*check.check).collect();
        assert_eq!(ids, ["a:x", "a", "a:x:2", "a:2", "a:2:2"]);
    }

    #[test]
    fn no_secret_is_printed() {
        let secret = SecretString::from("hunter2");
        let redactor = Redactor::new(std::slice::from_ref(&secret), None);
        let mut report = Report::new(redactor);
        // Also at the end of what is printed.
        let long = "x".repeat(MAX_TEXT_CHARS - 3) + "hunter2";
        report.add([Check::fail("a", long, "not hunter2")]);
        report.conceal(&SecretString::from("swordfish"));
        report.add([Check::ok("b", "swordfish")]);
        for text in [report.text(), report.json(), report.json_line()] {
            assert!(
                !text.contains("hun") && !text.contains("swordfish"),
                "{text}"
            );
            assert!(text.contains("not ***"), "{text}");
        }
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

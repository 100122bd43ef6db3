//! The results of the checks, told one by one as they are made: a plugin that crashes its process
//! takes nothing with it that was found before.

use std::{fmt, future::Future, sync::Arc};

use serde::{Deserialize, Serialize};

use super::budget::{Budget, TIME_IS_UP};

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Conformance {
    /// True if no check found a fault. Checks may have been skipped: see `verdict`.
    pub passed: bool,
    /// One sentence: the faults, or that none was found, and what was not checked.
    pub verdict: String,
    /// One for each check, in the order in which they were made.
    pub checks: Vec<CheckResult>,
}

/// The result of one check.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckResult {
    /// The property that was checked.
    pub name: String,
    /// The result.
    pub result: Finding,
    /// The observation, or the reason for a fault, a warning or a skip.
    pub detail: String,
}

/// The result of one check in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finding {
    /// No fault.
    Pass,
    /// Not a fault by itself, and worth a look.
    Warn,
    /// A fault.
    Fail,
    /// Not checked.
    Skip,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        })
    }
}

impl Conformance {
    pub(super) fn of(checks: Vec<CheckResult>) -> Self {
        let having = |finding| checks.iter().filter(move |check| check.result == finding);
        let passed = having(Finding::Fail).next().is_none();
        let mut verdict = if passed {
            "no fault found".to_owned()
        } else {
            let names: Vec<_> = having(Finding::Fail).map(|c| c.name.as_str()).collect();
            let faults = if names.len() == 1 { "fault" } else { "faults" };
            format!("{} {faults} found: {}", names.len(), names.join("; "))
        };
        match having(Finding::Warn).count() {
            0 => {}
            1 => verdict.push_str(", 1 warning"),
            several => verdict.push_str(&format!(", {several} warnings")),
        }
        let mut reasons: Vec<&str> = Vec::new();
        for check in having(Finding::Skip) {
            if !reasons.contains(&check.detail.as_str()) {
                reasons.push(&check.detail);
            }
        }
        if !reasons.is_empty() {
            let skipped = having(Finding::Skip).count();
            verdict.push_str(&format!(
                ", {skipped} skipped because {}",
                reasons.join(", ")
            ));
        }
        Self {
            passed,
            verdict,
            checks,
        }
    }
}

/// A step of the checks, as the process that makes them tells it to the one that watches.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Event {
    /// A text that nobody may print.
    Secret(String),
    /// A check begins.
    Begin(String),
    /// A validator is being made, which may take long, or has been.
    Makes(bool),
    /// The part of it that is under way.
    At(String),
    /// A check is done.
    Found(CheckResult),
    /// All checks are done.
    End,
}

/// The receiver of the events.
#[derive(Clone)]
pub(super) struct Progress(Arc<dyn Fn(&Event) + Send + Sync>);

impl Progress {
    pub(super) fn new(tell: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Names a text that nobody may print.
    pub(super) fn secret(&self, text: &str) {
        self.0(&Event::Secret(text.to_owned()));
    }

    /// Tells the one that watches not to lose patience: making a validator may take long.
    pub(super) fn makes(&self, begins: bool) {
        self.0(&Event::Makes(begins));
    }

    /// Names what is asked next, in case that the plugin does not survive it.
    pub(super) fn at(&self, what: impl Into<String>) {
        self.0(&Event::At(what.into()));
    }
}

/// A result that is no fault.
#[derive(Debug)]
pub(super) enum Seen {
    Fine(String),
    Odd(String),
    NotChecked(String),
}

impl Seen {
    pub(super) fn fine() -> Self {
        Self::Fine(String::new())
    }

    pub(super) fn not_checked(why: &str) -> Checked {
        Ok(Self::NotChecked(why.to_owned()))
    }
}

impl From<String> for Seen {
    fn from(detail: String) -> Self {
        Self::Fine(detail)
    }
}

/// The observation, or the fault.
pub(super) type Checked = Result<Seen, String>;

/// Tells the results.
pub(super) struct Report {
    progress: Progress,
    budget: Arc<Budget>,
}

impl Report {
    pub(super) fn new(progress: Progress, budget: Arc<Budget>) -> Self {
        Self { progress, budget }
    }

    /// Makes a check, as far as there is time. Returns whether it passed.
    pub(super) async fn check(
        &self,
        name: &'static str,
        made: impl Future<Output = Checked>,
    ) -> bool {
        let checked = match self.budget.is_up() {
            true => None,
            false => {
                self.begin(name);
                self.budget.bound(made).await
            }
        };
        self.add(
            name,
            checked.unwrap_or_else(|| Seen::not_checked(TIME_IS_UP)),
        )
    }

    /// As [`Self::check`] for one that does not wait.
    pub(super) fn step(&self, name: &'static str, made: impl FnOnce() -> Result<String, String>) {
        self.begin(name);
        self.add(name, made().map(Seen::from));
    }

    pub(super) fn begin(&self, name: &'static str) {
        self.progress.0(&Event::Begin(name.to_owned()));
    }

    pub(super) fn add(&self, name: &'static str, checked: Checked) -> bool {
        let (result, detail) = match checked {
            Ok(Seen::Fine(detail)) => (Finding::Pass, detail),
            Ok(Seen::Odd(detail)) => (Finding::Warn, detail),
            Ok(Seen::NotChecked(detail)) => (Finding::Skip, detail),
            Err(detail) => (Finding::Fail, detail),
        };
        self.progress.0(&Event::Found(CheckResult {
            name: name.to_owned(),
            result,
            detail,
        }));
        matches!(result, Finding::Pass | Finding::Warn)
    }

    pub(super) fn skip(&self, name: &'static str, why: &str) {
        self.add(name, Seen::not_checked(why));
    }

    /// As [`Self::skip`] for checks that cannot be made because of the result of an earlier one, which
    /// may be that there was no time for it.
    pub(super) fn skip_after(&self, name: &'static str, why: &str) {
        self.skip(name, if self.budget.is_up() { TIME_IS_UP } else { why });
    }

    pub(super) fn end(&self) {
        self.progress.0(&Event::End);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(results: &[(&str, Finding, &str)]) -> Conformance {
        let checks = results.iter().map(|(name, result, detail)| CheckResult {
            name: (*name).to_owned(),
            result: *result,
            detail: (*detail).to_owned(),
        });
        Conformance::of(checks.collect())
    }

    #[test]
    fn a_verdict_names_what_was_skipped() {
        let whole = report(&[("a", Finding::Pass, ""), ("b", Finding::Pass, "")]);
        assert!(whole.passed);
        assert_eq!(whole.verdict, "no fault found");
        let part = report(&[
            ("a", Finding::Pass, ""),
            ("b", Finding::Skip, "--good2 is not given"),
            ("c", Finding::Skip, "--expired is not given"),
            ("d", Finding::Skip, "--good2 is not given"),
            ("e", Finding::Warn, "odd"),
        ]);
        assert!(part.passed);
        assert_eq!(
            part.verdict,
            "no fault found, 1 warning, 3 skipped because --good2 is not given, --expired is not given"
        );
    }

    #[test]
    fn a_verdict_names_the_faults() {
        let faulty = report(&[
            ("a", Finding::Fail, "x"),
            ("b", Finding::Pass, ""),
            ("c", Finding::Fail, "y"),
        ]);
        assert!(!faulty.passed);
        assert_eq!(faulty.verdict, "2 faults found: a; c");
    }
}

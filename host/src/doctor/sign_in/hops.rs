//! The hops of a sign-in: each is said at once, because a person waits for the next.

use secrecy::SecretString;

use super::super::report::{Check, Report};

/// The hops so far.
pub(super) struct Hops<'a> {
    print: &'a mut dyn FnMut(&str),
    report: Report,
}

impl<'a> Hops<'a> {
    /// No hop yet; `print` prints what it gets, and `report` is an empty one.
    pub(super) fn new(report: Report, print: &'a mut dyn FnMut(&str)) -> Self {
        Self { print, report }
    }

    /// Prints the lines of these checks.
    pub(super) fn add(&mut self, checks: impl IntoIterator<Item = Check>) {
        for check in checks {
            let check = self.report.take(check);
            (self.print)(&check.text());
        }
    }

    /// Prints the URL that a person opens, as it is: the browser shows it.
    pub(super) fn open(&mut self, url: &str) {
        (self.print)(&format!("\n{url}\n\n"));
    }

    /// Prints lines that are no checks.
    pub(super) fn say(&mut self, lines: &[String]) {
        for line in lines {
            (self.print)(&format!("{}\n", self.report.line(line)));
        }
    }

    /// Keeps a secret that came during the sign-in out of what is printed.
    pub(super) fn conceal<'s>(&mut self, secrets: impl IntoIterator<Item = &'s SecretString>) {
        for secret in secrets {
            self.report.conceal(secret);
        }
    }

    /// As for all checks.
    pub(super) fn exit_status(&self) -> u8 {
        self.report.exit_status()
    }
}

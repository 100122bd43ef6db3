//! The hops of a sign-in: each is said at once, because a person waits for the next.

use super::super::report::{Check, Report};

/// The hops so far.
pub(super) struct Hops<'a> {
    print: &'a mut dyn FnMut(&str),
    report: Report,
}

impl<'a> Hops<'a> {
    /// No hop yet; `print` prints what it gets.
    pub(super) fn new(print: &'a mut dyn FnMut(&str)) -> Self {
        Self {
            print,
            report: Report::default(),
        }
    }

    /// Prints the lines of these checks.
    pub(super) fn add(&mut self, checks: impl IntoIterator<Item = Check>) {
        for check in checks {
            (self.print)(&check.text());
            self.report.add([check]);
        }
    }

    /// Prints a text that is no check.
    pub(super) fn say(&mut self, text: &str) {
        (self.print)(text);
    }

    /// As for all checks.
    pub(super) fn exit_status(&self) -> u8 {
        self.report.exit_status()
    }
}

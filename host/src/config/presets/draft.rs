//! The settings while a preset is applied to them.

use std::collections::BTreeMap;

use url::Url;

use crate::config::{error::Problem, preset::Preset, setting::Setting, table as t};

/// What a preset does to the settings.
#[derive(Default)]
pub(in crate::config) struct Outcome {
    /// The preset.
    pub(in crate::config) preset: Preset,
    /// Values of settings that were not given.
    pub(in crate::config) filled: BTreeMap<&'static str, String>,
    /// Values that replace those that were given.
    pub(in crate::config) completed: BTreeMap<&'static str, String>,
    /// The combinations that can never work.
    pub(in crate::config) problems: Vec<Problem>,
    /// Lines for the log.
    pub(in crate::config) warnings: Vec<String>,
}

/// The settings while a preset is applied.
pub(super) struct Draft {
    pub(super) given: BTreeMap<&'static str, String>,
    pub(super) outcome: Outcome,
}

impl Draft {
    /// The value of a setting that is never read from a file.
    pub(super) fn text(&self, setting: &Setting) -> Option<String> {
        let places = [&self.outcome.completed, &self.given, &self.outcome.filled];
        let mut found = places.into_iter().filter_map(|all| all.get(setting.name));
        found.next().map(|text| text.trim().to_owned())
    }

    pub(super) fn has(&self, setting: &Setting) -> bool {
        self.text(setting).is_some()
    }

    /// Sets a value that was not given.
    pub(super) fn fill(&mut self, setting: &'static Setting, value: String) {
        if !self.has(setting) {
            self.outcome.filled.insert(setting.name, value);
        }
    }

    /// Replaces a value that was given.
    pub(super) fn complete(&mut self, setting: &'static Setting, value: String) {
        self.outcome.completed.insert(setting.name, value);
    }

    /// Notes that a value can never work.
    pub(super) fn refuse(&mut self, setting: &'static Setting, wrong: &str, fix: &str) {
        let value = self.text(setting);
        let provider = self.outcome.preset.name();
        let wrong = format!("{wrong} (`OIDC_PROVIDER={provider}`)");
        let problem = Problem::new(setting, value.as_deref(), &wrong, fix);
        self.outcome.problems.push(problem);
    }

    /// Notes a line for the log.
    pub(super) fn warn(&mut self, line: &str) {
        let provider = self.outcome.preset.name();
        let line = format!("`OIDC_PROVIDER={provider}`: {line}");
        self.outcome.warnings.push(line);
    }

    /// The issuer, unless it is on this machine: what stands for a provider there, in a test or behind
    /// a tunnel, has the path and the audience that it likes.
    pub(super) fn remote_issuer(&self) -> Option<String> {
        let issuer = self.text(&t::OIDC_ISSUER_URL)?;
        let local = Url::parse(&issuer).is_ok_and(|url| outbound::is_loopback(&url));
        (!local).then_some(issuer)
    }

    pub(super) fn signs_in(&self) -> bool {
        self.has(&t::OIDC_CLIENT_ID)
    }

    pub(super) fn of_id_tokens(&self) -> bool {
        let token = self.text(&t::OAUTH_UPSTREAM_TOKEN);
        token.is_some_and(|token| token.eq_ignore_ascii_case("id_token"))
    }

    pub(super) fn is_on(&self, switch: &Setting) -> bool {
        let text = self.text(switch).unwrap_or_default().to_ascii_lowercase();
        matches!(text.as_str(), "true" | "1" | "yes" | "on")
    }
}

/// The host of a URL.
pub(super) fn host(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    url.host_str().map(str::to_owned)
}

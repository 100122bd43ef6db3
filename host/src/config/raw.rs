//! The values as given, before validation: flags override environment variables, and every value
//! is text together with its source.
//!
//! Never reads the process's environment itself: `main` passes a snapshot in, and tests their own.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use clap::{ArgMatches, parser::ValueSource};

use super::{
    error::Problem, names, preset::Preset, presets, python, service_links, setting::Setting, table,
    unfilled, value_file,
};

/// The environment of the process, or a test's.
pub type Environment = BTreeMap<String, String>;

/// The source of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Flag,
    /// The environment variable of that name, or its alias.
    Environment,
    /// The file that `<NAME>_FILE` names.
    File,
    /// Not given, and filled in by the preset of the identity provider.
    Preset(Preset),
    /// Given, and completed by that preset.
    Completed(Preset),
}

/// The raw values of all settings that were given.
#[derive(Clone, Default)]
pub struct Raw {
    values: BTreeMap<&'static str, (Source, String)>,
    environment: Environment,
    preset: Preset,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Raw {
    /// Merges flags over the environment. Contradictions are recorded as problems,
    /// so that all of them are reported together. `debug` stands for `--log-level debug`.
    pub fn collect(matches: &ArgMatches, environment: Environment, debug: bool) -> Self {
        let mut flags = BTreeMap::new();
        for setting in table::ALL {
            if matches.value_source(setting.name) == Some(ValueSource::CommandLine)
                && let Some(value) = matches.get_one::<String>(setting.name)
            {
                flags.insert(setting.name, value.clone());
            }
        }
        if debug {
            let level = flags.entry(table::LOG_LEVEL.name);
            level.or_insert_with(|| "debug".to_owned());
        }
        Self::merge(flags, environment)
    }

    pub(super) fn merge(flags: BTreeMap<&'static str, String>, environment: Environment) -> Self {
        let mut raw = Self {
            // A compose file turns an unset variable into an empty one.
            environment: environment
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
            ..Self::default()
        };
        raw.leave_out_service_links();
        for setting in table::ALL {
            match flags.get(setting.name) {
                Some(value) => {
                    if setting.secret && !value.starts_with('@') {
                        raw.problems.push(Problem::new(
                            setting,
                            None,
                            "would be visible in the process list",
                            &format!("give `@/path/to/file`, or set `{}`", setting.name),
                        ));
                    }
                    raw.values
                        .insert(setting.name, (Source::Flag, value.clone()));
                }
                None => raw.take_from_environment(setting),
            }
        }
        raw.refuse_unfilled();
        raw.apply_preset();
        raw.warn_of_loopback();
        raw.warnings.extend(python::warning(&raw.environment));
        raw.warnings.extend(python::authorities(&raw.environment));
        raw.problems.extend(names::unknown(&raw.environment));
        for slip in names::slips(&raw.environment) {
            if !raw.values.contains_key(slip.setting.name) {
                raw.problems.push(Problem::line(slip.line));
            }
        }
        raw
    }

    fn apply_preset(&mut self) {
        let given = self.values.iter();
        let given = given.map(|(name, (_, value))| (*name, value.clone()));
        let outcome = presets::apply(given.collect(), || self.required_claims());
        self.preset = outcome.preset;
        self.problems.extend(outcome.problems);
        self.warnings.extend(outcome.warnings);
        for (from, values) in [
            (Source::Preset(self.preset), outcome.filled),
            (Source::Completed(self.preset), outcome.completed),
        ] {
            let values = values.into_iter();
            let values = values.map(|(name, value)| (name, (from, value)));
            self.values.extend(values);
        }
    }

    /// A value in which nothing stands is no value, and what it guards must not be open in silence.
    fn refuse_unfilled(&mut self) {
        let settings = table::ALL.iter().filter_map(|setting| {
            let (source, value) = self.values.get(setting.name)?;
            let why = unfilled::reason(value).filter(|_| *source != Source::File)?;
            let fix = "give it a value, or unset it";
            Some(Problem::new(setting, Some(value), why, fix))
        });
        let options = self.environment.iter().filter_map(|(name, value)| {
            let _option = name.strip_prefix(names::OPTION_PREFIX)?;
            let why = unfilled::reason(value)?;
            Some(Problem::line(format!(
                "`{name}` is {why}; give it a value, or unset it"
            )))
        });
        let problems: Vec<Problem> = settings.chain(options).collect();
        self.problems.extend(problems);
    }

    /// A container that listens on its own loopback address is reached by nobody outside of it.
    fn warn_of_loopback(&mut self) {
        let in_image = self
            .values
            .contains_key(table::DATAHUB_MCP_DEFAULT_HOST.name);
        let host = self.values.get(table::DATAHUB_MCP_HOST.name);
        let host = host.map_or("", |(_, host)| host.trim());
        let address = host.parse::<IpAddr>();
        if in_image && (host == "localhost" || address.is_ok_and(|address| address.is_loopback())) {
            self.warnings.push(format!(
                "`DATAHUB_MCP_HOST` (or `FASTMCP_HOST`) is `{host}`, which nothing outside of this container reaches; unset \
                 it, or set it to `0.0.0.0`"
            ));
        }
    }

    /// The text in which the option `required_claims` of the validators stands, if it does.
    fn required_claims(&self) -> String {
        let of_option = |(name, value): (&String, &String)| {
            let option = name.strip_prefix(names::OPTION_PREFIX)?.replace('-', "_");
            let named = option.eq_ignore_ascii_case("required_claims");
            named.then(|| value.clone())
        };
        if let Some(value) = self.environment.iter().find_map(of_option) {
            return value;
        }
        let config = self.values.get(table::TOKEN_VALIDATOR_CONFIG.name);
        let text = match config.map(|(source, value)| (source, value.as_str())) {
            None => return String::new(),
            Some((Source::File, path)) => value_file::read(Path::new(path)),
            Some((_, value)) => match value.strip_prefix('@') {
                Some(path) => value_file::read(Path::new(path)),
                None => Ok(value.to_owned()),
            },
        };
        // Whoever reads the setting reports a file that cannot be read.
        text.unwrap_or_default()
    }

    /// A Service of the same namespace must neither stop the start nor set anything.
    fn leave_out_service_links(&mut self) {
        let ours = |name: &str| names::is_ours(name) || python::is_not_obeyed(name);
        let links = service_links::remove(&mut self.environment, ours);
        if !links.is_empty() {
            self.warnings.push(format!(
                "ignored, as Kubernetes sets them for a Service (`enableServiceLinks: false` in the pod turns \
                 that off): {}",
                links.join(", ")
            ));
        }
    }

    fn take_from_environment(&mut self, setting: &'static Setting) {
        let own = self.environment.get(setting.name);
        let alias = setting.alias.and_then(|alias| self.environment.get(alias));
        if let (Some(own), Some(alias)) = (own, alias)
            && own != alias
        {
            let alias = setting.alias.unwrap_or_default();
            self.problems.push(Problem::new(
                setting,
                None,
                &format!("is set twice, to another value in `{alias}`"),
                "unset one of them",
            ));
        }
        let file = setting
            .file_name()
            .and_then(|name| self.environment.get(&name));
        match (own.or(alias), file) {
            (Some(_), Some(_)) => self.problems.push(Problem::new(
                setting,
                None,
                &format!("is set twice, once by `{}_FILE`", setting.name),
                "unset one of them",
            )),
            (Some(value), None) => {
                self.values
                    .insert(setting.name, (Source::Environment, value.clone()));
            }
            (None, Some(path)) => {
                self.values
                    .insert(setting.name, (Source::File, path.clone()));
            }
            (None, None) => {}
        }
    }

    /// Sets a value that was not given.
    pub(super) fn fill(&mut self, setting: &'static Setting, value: String) {
        self.values
            .entry(setting.name)
            .or_insert((Source::Environment, value));
    }

    /// The preset of the identity provider.
    pub(super) fn preset(&self) -> Preset {
        self.preset
    }

    /// Notes a problem that is found beside the settings.
    pub(super) fn refuse(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Notes a line for the log.
    pub(super) fn warn(&mut self, line: String) {
        self.warnings.push(line);
    }

    /// The value of a setting and its source, if it was given.
    pub(super) fn get(&self, setting: &Setting) -> Option<(Source, &str)> {
        self.values
            .get(setting.name)
            .map(|(source, value)| (*source, value.as_str()))
    }

    /// The id of this server's client at the identity provider.
    pub(crate) fn client_id(&self) -> Option<&str> {
        self.get(&table::OIDC_CLIENT_ID).map(|(_, id)| id)
    }

    /// True if something was set that has a meaning only for a server over HTTP.
    pub fn is_about_serving(&self) -> bool {
        const GROUPS: [&str; 4] = ["Listening", "Limits", "Token validation", "Signing in"];
        // Says where plugins are, not that they are wanted.
        let place = table::TOKEN_VALIDATOR_PLUGIN_DIR.name;
        let others = [table::ALLOW_SHARED_TOKEN.name, table::TOOL_SCOPES.name];
        let is_set = |setting: &&&Setting| self.values.contains_key(setting.name);
        table::ALL.iter().filter(is_set).any(|setting| {
            GROUPS.contains(&setting.group) && setting.name != place
                || others.contains(&setting.name)
        })
    }

    /// The non-empty variables of the environment.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The variables that each set one option of a plugin.
    pub(super) fn option_names(&self) -> impl Iterator<Item = &str> {
        self.environment
            .keys()
            .map(String::as_str)
            .filter(|name| name.starts_with(names::OPTION_PREFIX))
    }

    /// Lines for the log about variables that are not obeyed. They hold names only.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values may be secrets: only the names.
        f.debug_set().entries(self.values.keys()).finish()
    }
}

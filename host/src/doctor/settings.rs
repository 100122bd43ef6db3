//! The settings: what `config check` says about them.

use std::sync::Arc;

use ::datahub::DataHub;
use futures::future::BoxFuture;
use mcp::McpServer;
use oauth::{KeySource, Proxy, StoreSettings, Trial, Tried};
use secrecy::SecretString;

use super::report::{Check, SETTINGS};
use crate::config::{ConfigError, Raw, Settings};

const PUBLIC_URL: &str = "public-url";

/// One failure for each problem.
pub(super) fn unusable(error: &ConfigError) -> Vec<Check> {
    let problem = |problem: &crate::config::Problem| {
        let text = problem.to_string();
        let check = match text.split_once("; ") {
            Some((seen, fix)) => Check::fail(SETTINGS, seen, fix),
            None => Check::fail(SETTINGS, &text, "see `datahub-mcp config reference`"),
        };
        match setting_in(&text) {
            Some(setting) => check.of(setting),
            None => check,
        }
    };
    error.0.iter().map(problem).collect()
}

/// The first setting that a line names.
fn setting_in(line: &str) -> Option<&str> {
    let quoted = line.split('`').skip(1).step_by(2);
    let mut names = quoted.filter_map(|text| text.split('=').next());
    let is_name = |name: &&str| {
        let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        name.contains('_') && name.bytes().all(plain)
    };
    names.find(is_name)
}

/// Everything that `serve` makes of the settings before it asks any other server. Must be called
/// inside a tokio runtime.
pub(super) fn check(raw: &Raw, settings: &Settings) -> Vec<Check> {
    let mut checks: Vec<Check> = raw.warnings().iter().map(|line| warning(line)).collect();
    match build(settings) {
        Ok(()) => checks.insert(0, Check::ok(SETTINGS, "valid")),
        Err(text) => {
            let (seen, fix) = match text.split_once("\nhint: ") {
                Some((seen, fix)) => (seen.to_owned(), fix.to_owned()),
                None => (text, "see `datahub-mcp config check`".to_owned()),
            };
            checks.insert(0, Check::fail(SETTINGS, seen, fix));
        }
    }
    checks.extend(public_url(settings));
    checks
}

fn warning(line: &str) -> Check {
    if let Some((seen, fix)) = line.split_once("; ") {
        let which = setting_in(line).unwrap_or("note");
        return Check::warn(SETTINGS, seen, fix).of(which);
    }
    let (which, fix) = match line.contains("enableServiceLinks") {
        true => (
            "service-links",
            "set `enableServiceLinks: false` in the pod's spec; nothing else needs a change",
        ),
        false => ("not-obeyed", "unset what is not obeyed"),
    };
    Check::warn(SETTINGS, line, fix).of(which)
}

/// Builds what the server would, except for files in the state directory: they would belong to the
/// user of this command, and the server could not read them.
fn build(settings: &Settings) -> Result<(), String> {
    DataHub::new(settings.datahub.clone()).map_err(|error| error.to_string())?;
    McpServer::new(settings.mcp.clone()).map_err(|error| error.to_string())?;
    let public_url = settings
        .public_url_at(settings.server.address)
        .map_err(|error| error.to_string())?;
    let Some(mut oauth) = settings.oauth.clone() else {
        return Ok(());
    };
    if matches!(oauth.keys, KeySource::StateDirectory(_)) {
        let key: [u8; 32] = rand::random();
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        oauth.keys = KeySource::Given(SecretString::from(key));
    }
    if matches!(oauth.store, StoreSettings::StateDirectory { .. }) {
        oauth.store = StoreSettings::Memory;
    }
    let proxy = Proxy::new(oauth, public_url, Arc::new(Untried));
    proxy.map(drop).map_err(|error| error.to_string())
}

/// Tries no token: nobody signs in at a proxy that is only built.
struct Untried;

impl Trial for Untried {
    fn try_token<'a>(&'a self, _: &'a SecretString) -> BoxFuture<'a, Tried> {
        Box::pin(std::future::ready(Tried::Undecided))
    }
}

fn public_url(settings: &Settings) -> Option<Check> {
    let url = settings.public_url.as_ref()?;
    let seen = url.resource();
    Some(match url.is_https() || url.is_loopback() {
        true => Check::ok(PUBLIC_URL, seen),
        false => Check::warn(
            PUBLIC_URL,
            format!("{seen} is plain http: tokens can be read on the way"),
            "set `PUBLIC_URL` to an https URL, unless the network is trusted",
        ),
    })
}

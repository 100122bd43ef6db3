//! The validators: does each load with these settings, and could it answer now?
//!
//! They are looked at in a child process, because a plugin may end the process that loads it. A
//! server with `PLUGIN_ISOLATION=in-process` would end, too, so that counts as a failure.

use std::{path::PathBuf, process::Stdio, time::Duration};

use plugin_host::{Settings, Validators, tools};
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    time::timeout,
};

use super::report::{Check, Status};

const PLUGINS: &str = "validators";
/// The time limit for loading: a validator may take longer, and the server would wait for it.
const LOAD_TIMEOUT: Duration = Duration::from_secs(15);
/// The time limit for asking about their health.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(8);

/// The most that is read of the child's output: a plugin may print, too.
const MAX_OUTPUT_BYTES: u64 = 1024 * 1024;
const CRASH_FIX: &str = "ask the plugin's vendor; `PLUGIN_ISOLATION=process` keeps the server alive, and \
                         `TOKEN_VALIDATOR_FACTORY` names the plugin";

const LOAD_FIX: &str = "check `TOKEN_VALIDATOR_FACTORY`, `TOKEN_VALIDATOR_PLUGIN_DIR` and the options; \
                        `datahub-mcp plugins inspect` lists them";
const HEALTH_FIX: &str =
    "see the checks of `provider` and `datahub`; `TOKEN_VALIDATOR_FACTORY` names it";
/// The words with which the remedy in a plugin's text begins.
const REMEDIES: [&str; 5] = [
    ": set ",
    "; set ",
    "; check ",
    "; did you mean ",
    ": leave out ",
];

/// What a plugin says, parted into what is wrong and the remedy; `otherwise` if it names none.
fn parted<'a>(text: &'a str, otherwise: &str) -> (&'a str, String) {
    let ends = REMEDIES.iter().filter_map(|words| text.rfind(words));
    match ends.max() {
        Some(end) => (&text[..end], text[end + 2..].to_owned()),
        None => (text, otherwise.to_owned()),
    }
}

/// A check as the child prints it.
#[derive(Deserialize)]
struct Printed {
    check: String,
    status: Status,
    seen: String,
    fix: Option<String>,
}

/// Runs [`check`] in a child with the same arguments. The child ends with the returned future.
pub(super) async fn in_child(program: PathBuf) -> Vec<Check> {
    let child = Command::new(program)
        .args(std::env::args_os().skip(1))
        .arg("--validators-only")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            let seen = format!("no child process to load them: {error}");
            return vec![Check::fail(PLUGINS, seen, "see `datahub-mcp config check`")];
        }
    };
    let output = match child.stdout.take() {
        Some(stdout) => read(stdout).await,
        None => Vec::new(),
    };
    if let Some(checks) = printed(&output) {
        return checks;
    }
    let crash = match child.wait().await {
        Ok(status) => tools::crashed(status).unwrap_or_else(|| status.to_string()),
        Err(error) => error.to_string(),
    };
    let seen = format!("a validator ends the process that loads it ({crash})");
    vec![Check::fail(PLUGINS, seen, CRASH_FIX)]
}

async fn read(stdout: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut output = Vec::new();
    // What was read before an error is judged like the rest.
    let _ = stdout.take(MAX_OUTPUT_BYTES).read_to_end(&mut output).await;
    output
}

/// The checks in the last line.
fn printed(output: &[u8]) -> Option<Vec<Check>> {
    let line = output
        .trim_ascii_end()
        .rsplit(|byte| *byte == b'\n')
        .next()?;
    let checks: Vec<Printed> = serde_json::from_slice(line).ok()?;
    let check = |printed: Printed| {
        let Printed {
            check,
            status,
            seen,
            fix,
        } = printed;
        let printed = Check::new(PLUGINS, status, &seen, fix.as_deref());
        // A plugin may print, too, and names no check but its own kind.
        let which = check.strip_prefix(PLUGINS);
        match which.and_then(|rest| rest.strip_prefix(':')) {
            Some(which) => printed.of(which),
            None => printed,
        }
    };
    (!checks.is_empty()).then(|| checks.into_iter().map(check).collect())
}

/// Looks at them in this process.
pub(super) async fn check(settings: Settings) -> Vec<Check> {
    // Loading blocks, and a plugin may never return.
    let loading = tokio::task::spawn_blocking(move || Validators::load(settings));
    let validators = match timeout(LOAD_TIMEOUT, loading).await {
        Ok(Ok(Ok(validators))) => validators,
        Ok(Ok(Err(error))) => {
            let text = error.to_string();
            let (seen, fix) = match text.split_once("\nhint: ") {
                Some((seen, hint)) => (seen, hint.to_owned()),
                None => parted(&text, LOAD_FIX),
            };
            return vec![Check::fail(PLUGINS, seen, fix)];
        }
        Ok(Err(_panicked)) => {
            let fix = "run `datahub-mcp plugins inspect` on each of `TOKEN_VALIDATOR_FACTORY`";
            return vec![Check::fail(PLUGINS, "loading them panicked", fix)];
        }
        Err(_) => {
            let seen = format!("they did not load within {} s", LOAD_TIMEOUT.as_secs());
            let fix = "see `datahub-mcp config check`, which waits for \
                       `TOKEN_VALIDATOR_START_TIMEOUT_SECS`";
            return vec![Check::fail(PLUGINS, seen, fix)];
        }
    };
    let Ok(health) = timeout(HEALTH_TIMEOUT, validators.health()).await else {
        let seen = format!(
            "{}: no word about their health in time",
            validators.names().join(", ")
        );
        let fix = "set `PLUGIN_ISOLATION=process`, and see the log of the validator";
        return vec![Check::fail(PLUGINS, seen, fix)];
    };
    let checks = health.validators.into_iter().map(|validator| {
        let name = validator.name;
        let check = match validator.problem {
            None => Check::ok(PLUGINS, format!("`{name}` loads and could answer now")),
            Some(why) => {
                let (why, fix) = parted(&why, HEALTH_FIX);
                let seen = format!("`{name}` loads and could not answer now: {why}");
                Check::fail(PLUGINS, seen, fix)
            }
        };
        check.of(&name)
    });
    let checks = checks.collect();
    // Ends with the process otherwise.
    let _ = timeout(HEALTH_TIMEOUT, validators.shutdown()).await;
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_in_a_plugins_text_has_a_line_of_its_own() {
        for (text, seen, fix) in [
            (
                "no audience: set OIDC_AUDIENCE",
                "no audience",
                "set OIDC_AUDIENCE",
            ),
            ("a: set b; check C, or D", "a: set b", "check C, or D"),
            ("no `x`; did you mean `y`?", "no `x`", "did you mean `y`?"),
            ("it is down", "it is down", "otherwise"),
        ] {
            assert_eq!(parted(text, "otherwise"), (seen, fix.to_owned()));
        }
    }
}

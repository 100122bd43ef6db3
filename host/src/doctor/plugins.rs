//! The validators: does each load with these settings, and could it answer now?

use std::time::Duration;

use plugin_host::{Settings, Validators};
use tokio::time::timeout;

use super::report::Check;

const PLUGINS: &str = "validators";
/// The time limit for loading: a validator may take longer, and the server would wait for it.
const LOAD_TIMEOUT: Duration = Duration::from_secs(15);
/// The time limit for asking about their health.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(8);

pub(super) async fn check(settings: Settings) -> Vec<Check> {
    // Loading blocks, and a plugin may never return.
    let loading = tokio::task::spawn_blocking(move || Validators::load(settings));
    let validators = match timeout(LOAD_TIMEOUT, loading).await {
        Ok(Ok(Ok(validators))) => validators,
        Ok(Ok(Err(error))) => {
            let text = error.to_string();
            let (seen, fix) = match text.split_once("\nhint: ") {
                Some((seen, hint)) => (seen, hint),
                None => (
                    text.as_str(),
                    "check `TOKEN_VALIDATOR_FACTORY`, `TOKEN_VALIDATOR_PLUGIN_DIR` and the options; \
                     `datahub-mcp plugins inspect` lists them",
                ),
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
        match validator.problem {
            None => Check::ok(PLUGINS, format!("`{name}` loads and could answer now")),
            Some(why) => Check::fail(
                PLUGINS,
                format!("`{name}` loads and could not answer now: {why}"),
                "see the checks of `provider` and `datahub`; `TOKEN_VALIDATOR_FACTORY` names it",
            ),
        }
    });
    let checks = checks.collect();
    // Ends with the process otherwise.
    let _ = timeout(HEALTH_TIMEOUT, validators.shutdown()).await;
    checks
}

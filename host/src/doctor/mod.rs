//! `datahub-mcp doctor`: an online check of a deployment, with the settings of `serve` and its one
//! way out.
//!
//! One file a check, each returns lines of the [`report`]. Checks run at once, each within a time
//! limit, and whatever a neighbour does to one, the others are printed. Never prints a secret,
//! changes nothing, and makes no file.
//!
//! | file | checks |
//! | --- | --- |
//! | `settings` | the settings, variables that are not obeyed, the public URL |
//! | `network`, `reach` | proxy and authorities; the step at which a connection fails |
//! | `datahub` | is it DataHub, which version, does it ask who is calling |
//! | `provider` | what is expected of the identity provider, with `discovery`, `keys`, `scope` |
//! | `store` | Redis, and the key that seals tokens |
//! | `plugins` | the validators, in a child process |
//! | `port` | the address to listen on |
//! | `sign_in` | a sign-in by hand, hop by hop |
//! | `clock` | our clock and those of the others, from the answers to the other checks |
//!
//! The others serve these: `report` and `redact` print, `peers` asks, `options` knows what is set.

mod args;
mod clock;
mod datahub;
mod discovery;
mod keys;
mod network;
mod options;
mod peers;
mod plugins;
mod port;
mod provider;
mod reach;
mod redact;
mod report;
mod scope;
mod settings;
mod sign_in;
mod store;

use std::{path::Path, time::Duration};

use futures::future::{BoxFuture, FutureExt, join_all};
use tokio::time::timeout;

pub use self::{args::Args, report::Report, sign_in::walk};
use self::{peers::Clocks, redact::Redactor, report::Check};
use crate::config::{Raw, Settings, plugins_only, secret_texts};

/// The time limit of a check with all its requests. They run at once, so it is that of the command.
const CHECK_TIMEOUT: Duration = Duration::from_secs(25);

/// Runs all checks. `program` is the path of the running executable.
pub async fn run(raw: &Raw, program: &Path) -> Report {
    let mut report = Report::new(redactor(raw));
    let settings = match Settings::check(raw, program) {
        Ok(settings) => settings,
        Err(error) => {
            report.add(settings::unusable(&error));
            return report;
        }
    };
    report.add(settings::check(raw, &settings));
    let clocks = Clocks::default();
    let groups = join_all([
        guarded("proxy", network::check(settings.clone())),
        guarded(
            "datahub",
            datahub::check(
                settings.datahub.clone(),
                settings.shared_token.clone(),
                clocks.clone(),
            ),
        ),
        guarded(
            "provider",
            provider::check(settings.clone(), clocks.clone()),
        ),
        guarded("validators", plugins::in_child(program.to_owned())),
        guarded("store", store::check(settings.oauth.clone())),
        guarded("port", port::check(settings.server.address)),
    ]);
    for checks in groups.await {
        report.add(checks);
    }
    report.add(clock::check(&clocks.ahead(), options::leeway(&settings)));
    report
}

/// Checks the validators alone: the child process of [`run`].
pub async fn validators(raw: &Raw, program: &Path) -> Report {
    let mut report = Report::new(redactor(raw));
    match plugins_only(raw, program) {
        Ok(settings) => report.add(plugins::check(settings).await),
        Err(error) => report.add(settings::unusable(&error)),
    }
    report
}

/// Takes out of all texts what the settings keep secret.
fn redactor(raw: &Raw) -> Redactor {
    Redactor::new(&secret_texts(raw), raw.client_id())
}

/// Bounds a check in time, and keeps a panic of it from the others.
fn guarded(
    name: &'static str,
    check: impl Future<Output = Vec<Check>> + Send + 'static,
) -> BoxFuture<'static, Vec<Check>> {
    let task = tokio::spawn(timeout(CHECK_TIMEOUT, check));
    async move {
        match task.await {
            Ok(Ok(checks)) => checks,
            Ok(Err(_)) => vec![Check::fail(
                name,
                format!("no result within {} s", CHECK_TIMEOUT.as_secs()),
                "see the other lines for the server that is slow, and run it again",
            )],
            Err(_) => vec![Check::fail(
                name,
                "the check itself failed",
                "report this, with the version of `datahub-mcp --version`",
            )],
        }
    }
    .boxed()
}

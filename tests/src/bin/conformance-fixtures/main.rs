//! The tools, prompts and resources that the official conformance suite expects, behind the real
//! server's listener, limits, middleware and HTTP service.
//!
//! Takes the settings of `datahub-mcp serve` from the environment; prints its URL once it listens.
//! For tests on loopback only: the answers are made up.

mod content;
mod input;
mod prompts;
mod resources;
mod server;
mod tools;

use std::{env, io::Write as _, process::ExitCode};

use anyhow::{Context, bail};
use datahub::DataHub;
use datahub_mcp::{
    cli::{self, Signals},
    config::{self, Settings},
    server::{self as http_server, Assembly, Ended, Server},
};
use mcp::HttpSettings;
use plugin_host::Validators;
use telemetry::{AccessLog, Logs};
use tokio_util::sync::CancellationToken;

fn main() -> anyhow::Result<ExitCode> {
    // The server starts itself as the process of a plugin.
    if plugin_host::is_validator_process(env::args_os()) {
        return Ok(plugin_host::run_isolated());
    }
    let arguments = ["conformance-fixtures", "serve"].map(Into::into);
    let Ok(invocation) = cli::parse(arguments, config::environment(env::vars_os()), false) else {
        bail!("the settings are not those of a server");
    };
    let settings = Settings::check(&invocation.raw, &env::current_exe()?)?;
    let _logs = Logs::start(&settings.telemetry)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve(settings))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let signals = Signals::take().context("signals")?;
    let validators = Validators::load(settings.plugins.clone())?;
    let listener = http_server::bind(settings.server.address)?;
    let listening = listener.local_addr().context("listener")?;
    let public_url = settings.public_url_at(listening)?;
    let closing = CancellationToken::new();
    let http = HttpSettings {
        max_body_bytes: settings.server.limits.max_body_bytes,
        shutdown: closing.clone(),
    };
    let assembly = Assembly {
        public_url: public_url.clone(),
        listening,
        access: AccessLog::new(settings.telemetry.access_percent),
        validators: validators.clone(),
        datahub: DataHub::new(settings.datahub.clone())?,
        proxy: None,
        shared_token: settings.shared_token.clone(),
    };
    let fixtures = mcp::stateless_http(server::Fixtures::new()?, http);
    let server = Server::assemble(settings.server.clone(), assembly, fixtures)?;
    writeln!(std::io::stdout(), "{}", public_url.resource())?;
    let ended = server
        .run(listener, None, signals.stop, signals.hurry)
        .await;
    closing.cancel();
    validators.shutdown().await;
    match ended {
        Ended::Drained => Ok(()),
        Ended::CutOff(connections) => bail!("{connections} connections had to be cut off"),
    }
}

//! What the official conformance suite asks a server for (its tools, prompts and resources), behind
//! the real server's listener, limits, middleware and HTTP service.
//!
//! Takes the settings of `datahub-mcp serve` from the environment; prints its URL once it listens.
//! For tests on loopback only: what answers is made up.

mod content;
mod input;
mod prompts;
mod resources;
mod server;
mod tools;

use std::{env, io::Write as _, sync::Arc};

use anyhow::{Context, bail};
use datahub_mcp::{
    auth::Authenticator,
    cli::{self, Signals},
    config::{self, Settings},
    datahub::DataHub,
    mcp::{self, HttpSettings},
    plugins::Validators,
    server::{self as http_server, Ended, Part, Parts, Probe, Server},
    telemetry::{AccessLog, Logs},
};
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// Has no neighbours that could fail.
struct Alone;

impl Probe for Alone {
    fn parts(&self) -> BoxFuture<'_, Vec<Part>> {
        Box::pin(async { Vec::new() })
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = ["conformance-fixtures", "serve"].map(Into::into);
    let Ok(invocation) = cli::parse(arguments, config::environment(env::vars_os())) else {
        bail!("the settings are not those of a server");
    };
    let settings = Settings::check(&invocation.raw, &env::current_exe()?)?;
    let _logs = Logs::start(&settings.telemetry)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve(settings))
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let signals = Signals::take().context("signals")?;
    let validators = Validators::load(settings.plugins.clone())?;
    let datahub = DataHub::new(settings.datahub.clone())?;
    let listener = http_server::bind(settings.server.address)?;
    let listening = listener.local_addr().context("listener")?;
    let public_url = settings.public_url_at(listening)?;
    let closing = CancellationToken::new();
    let http = HttpSettings {
        max_body_bytes: settings.server.limits.max_body_bytes,
        shutdown: closing.clone(),
    };
    let parts = Parts {
        public_url: public_url.clone(),
        listening,
        access: AccessLog::new(settings.telemetry.access_percent),
        authenticator: Authenticator::new(
            Arc::new(validators.clone()),
            None,
            datahub,
            settings.shared_token.clone(),
        ),
        probe: Arc::new(Alone),
        oauth: None,
    };
    let fixtures = mcp::stateless_http(server::Fixtures::new()?, http);
    let server = Server::new(settings.server.clone(), parts, fixtures)?;
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

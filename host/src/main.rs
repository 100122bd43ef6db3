//! `datahub-mcp`: the command line, and the start of the server step by step.

#![forbid(unsafe_code)]

use std::{env, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use datahub::DataHub;
use datahub_mcp::{
    auth::SignInTrial,
    cli::{self, ClientsCommand, Command, ConfigCommand, Invocation, PluginsCommand, Signals},
    config::{self, ConfigError, EXIT_USAGE, Raw, Settings},
    doctor,
    server::{self, Assembly, Ended, Server},
};
use foundation::{clock::Clock, public_url::PublicUrlError};
use mcp::{HttpSettings, McpServer};
use oauth::Proxy;
use plugin_host::{LoadError, Validators};
use telemetry::{AccessLog, Logs, metrics::Metrics};
use tokio_util::sync::CancellationToken;

/// Builds in seconds with a C compiler alone.
#[cfg(not(feature = "jemalloc"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Needs half the idle memory of the system's allocator and less time per request.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // Before anything else: the command line alone would double the time and the memory of its start.
    if plugin_host::is_validator_process(env::args_os()) {
        return plugin_host::run_isolated();
    }
    plugin_host::leave(run_command())
}

fn run_command() -> ExitCode {
    if let Err(error) = cli::check_start() {
        return cli::fail(1, error.to_string());
    }
    let environment = config::environment(env::vars_os());
    let Invocation { command, raw } =
        match cli::parse(env::args_os(), environment, cli::stdin_is_a_pipe()) {
            Ok(invocation) => invocation,
            Err(status) => return status,
        };
    // Nothing else of this user may read the secrets.
    plugin_host::seal_memory();
    match command {
        Command::Serve => ended(serve(&raw)),
        Command::Stdio => ended(stdio(&raw)),
        Command::Config(ConfigCommand::Check) => ended(check(&raw)),
        Command::Doctor(args) => ended(examine(args, &raw)),
        Command::Config(ConfigCommand::Show) => cli::print(config::masked(&raw).join("\n") + "\n"),
        Command::Plugins(command) => ended(look_at_plugins(command, &raw)),
        Command::Clients(command) => ended(look_at_clients(command, &raw)),
        Command::Config(ConfigCommand::Reference) => cli::print(config::reference()),
        Command::Completions { shell } => cli::print(cli::completions(shell)),
        Command::Manual => ended(cli::manual().map(cli::print).map_err(Into::into)),
    }
}

/// The exit status of a command: 64 for wrong settings and plugins, 1 for every other failure.
fn ended(result: anyhow::Result<ExitCode>) -> ExitCode {
    match result {
        Ok(status) => status,
        Err(error) => {
            let usage = error.is::<ConfigError>()
                || error.is::<LoadError>()
                || error.is::<oauth::SettingsError>()
                || error.is::<PublicUrlError>()
                || error.is::<mcp::SetupError>();
            cli::fail(if usage { EXIT_USAGE } else { 1 }, in_words(&error))
        }
    }
}

/// The error and its causes, each once: many of our errors already include the text of their cause.
fn in_words(error: &anyhow::Error) -> String {
    let mut causes = error.chain().map(ToString::to_string);
    let first = causes.next().unwrap_or_default();
    causes.fold(first, |said, cause| match said.contains(&cause) {
        true => said,
        false => format!("{said}: {cause}"),
    })
}

/// `plugins ...`: the settings of the plugin host are enough.
fn look_at_plugins(command: PluginsCommand, raw: &Raw) -> anyhow::Result<ExitCode> {
    if let Some(status) = command.run_without_settings() {
        return Ok(status);
    }
    Ok(command.run(&config::plugins_only(raw, &env::current_exe()?)?))
}

/// `clients ...`: the settings of the sign-in's store are enough.
fn look_at_clients(command: ClientsCommand, raw: &Raw) -> anyhow::Result<ExitCode> {
    let settings = config::client_list(raw)?;
    let now = Clock::system().unix_millis().seconds();
    let runtime = cli::runtime()?;
    let status = runtime.block_on(command.run(&settings, now));
    runtime.shutdown_background();
    Ok(status)
}

/// `config check`: everything that `serve` does before it starts listening.
fn check(raw: &Raw) -> anyhow::Result<ExitCode> {
    let settings = Settings::check(raw, &env::current_exe()?)?;
    cli::runtime()?.block_on(async {
        let validators = Validators::load(settings.plugins.clone())?;
        let datahub = DataHub::new(settings.datahub.clone())?;
        let _mcp = McpServer::new(settings.mcp.clone())?;
        let public_url = settings.public_url_at(settings.server.address)?;
        let _proxy = settings
            .oauth
            .as_ref()
            .map(|oauth| Proxy::new(oauth.clone(), public_url, trial(&validators, &datahub)))
            .transpose()?;
        validators.shutdown().await;
        cli::warn(raw.warnings());
        Ok(cli::print("the settings are valid and the plugins load\n"))
    })
}

/// `doctor`: the other servers are asked, too.
fn examine(args: doctor::Args, raw: &Raw) -> anyhow::Result<ExitCode> {
    let runtime = cli::runtime()?;
    let program = env::current_exe()?;
    if args.validators_only {
        let report = runtime.block_on(doctor::validators(raw, &program));
        let printed = cli::print(report.json_line());
        runtime.shutdown_background();
        return Ok(printed);
    }
    if args.sign_in {
        let mut say = |text: &str| {
            // If nobody reads it, the status still says how it ended.
            let _ = cli::print(text);
        };
        let status = runtime.block_on(doctor::walk(raw, &program, args, &mut say));
        runtime.shutdown_background();
        return Ok(ExitCode::from(status));
    }
    let report = runtime.block_on(doctor::run(raw, &program));
    // A plugin may hang, and a look-up may still be running.
    runtime.shutdown_background();
    let printed = cli::print(match args.json {
        true => report.json(),
        false => report.text(),
    });
    Ok(match report.exit_status() {
        0 => printed,
        status => ExitCode::from(status),
    })
}

/// `serve`, in the order of the start-up log.
fn serve(raw: &Raw) -> anyhow::Result<ExitCode> {
    cli::check_limits()?;
    let settings = Settings::check(raw, &env::current_exe()?)?;
    let _logs = Logs::start(&settings.telemetry)?;
    warn(raw.warnings());
    // Returns memory to the system while the server is idle.
    #[cfg(feature = "jemalloc")]
    if let Err(error) = tikv_jemalloc_ctl::background_thread::write(true) {
        tracing::warn!(%error, "the allocator returns memory only when it is used");
    }
    announce(&settings);
    let runtime = cli::runtime()?;
    let status = runtime.block_on(run(settings));
    // Plugins' threads and DNS look-ups may still be running: they are not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    status
}

/// `stdio`: serves one person, the one who started it.
fn stdio(raw: &Raw) -> anyhow::Result<ExitCode> {
    cli::check_limits()?;
    let file = env::home_dir().map(|home| home.join(".datahubenv"));
    let settings = config::local(raw, file.as_deref())?;
    let _logs = Logs::start(&settings.telemetry)?;
    warn(&settings.warnings);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        datahub = %settings.datahub.gms_url,
        "serving one person over stdin and stdout; `datahub-mcp serve` serves HTTP"
    );
    let datahub = DataHub::new(settings.datahub)?;
    let runtime = cli::runtime()?;
    runtime.block_on(mcp::stdio::serve(settings.mcp, &datahub, settings.token))?;
    // The thread that reads stdin may still wait for a line.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(ExitCode::SUCCESS)
}

async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let signals = Signals::take().context("signals")?;
    let mut admin = Vec::new();
    let addresses = &settings.server.admin_addresses;
    let metrics = (!addresses.is_empty()).then(Metrics::start).transpose()?;
    for (address, metrics) in addresses.iter().zip(metrics.iter().cycle()) {
        let listener = server::bind(*address)?;
        let address = listener.local_addr().context("admin listener")?;
        tracing::info!(%address, "health and metrics are served");
        admin.push((listener, metrics.clone()));
    }
    let validators = Validators::load(settings.plugins.clone())?;
    let datahub = DataHub::new(settings.datahub.clone())?;
    let mcp = McpServer::new(settings.mcp.clone())?;

    let listener = server::bind(settings.server.address)?;
    let listening = listener.local_addr().context("listener")?;
    let public_url = settings.public_url_at(listening)?;
    let proxy = settings
        .oauth
        .clone()
        .map(|mut oauth| {
            oauth.observe_store = telemetry::metrics::store_call;
            let trial = trial(&validators, &datahub);
            Proxy::new(oauth, public_url.clone(), trial)
        })
        .transpose()?;

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
        datahub,
        proxy,
        shared_token: settings.shared_token.clone(),
    };
    let server = Server::assemble(settings.server.clone(), assembly, mcp.into_http(http))?;

    tracing::info!(address = %listening, url = %public_url.resource(), "listening");
    let fresh = tokio::spawn(validators.clone().keep_fresh(settings.watch_plugins));
    let ended = server
        .run(listener, admin, signals.stop, signals.hurry)
        .await;
    fresh.abort();
    closing.cancel();
    validators.shutdown().await;
    Ok(match ended {
        Ended::Drained => {
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        Ended::CutOff(connections) => {
            tracing::error!(connections, "stopped before all requests were answered");
            ExitCode::FAILURE
        }
    })
}

/// Tries the tokens of sign-ins at the same neighbours that requests reach.
fn trial(validators: &Validators, datahub: &DataHub) -> Arc<SignInTrial> {
    let check = Arc::new(validators.clone());
    Arc::new(SignInTrial::new(check, datahub.clone()))
}

/// Logs what was set and is not obeyed.
fn warn(lines: &[String]) {
    for line in lines {
        tracing::warn!("{line}");
    }
}

/// Logs the settings that an operator should see first.
fn announce(settings: &Settings) {
    let validators: Vec<String> = settings
        .plugins
        .validators
        .iter()
        .map(ToString::to_string)
        .collect();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        datahub = %settings.datahub.gms_url,
        validators = validators.join(","),
        sign_in = settings.oauth.is_some(),
        "starting"
    );
    if let Some(url) = &settings.public_url
        && !url.is_https()
        && !url.is_loopback()
    {
        tracing::warn!(
            url = %url.resource(),
            "`PUBLIC_URL` is plain http: tokens can be read on the way, unless the network is trusted"
        );
    }
    if settings.shared_token.is_some() {
        tracing::warn!(
            address = %settings.server.address,
            "requests without a token are served with `DATAHUB_GMS_TOKEN`: everybody who can reach this \
             address has its rights"
        );
    }
}

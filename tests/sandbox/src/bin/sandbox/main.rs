//! `sandbox`: an embedded DataHub and identity provider, and the real server with the real plugins in
//! front of them, all on loopback.
//!
//! Output for people and programs goes to stdout, logs go to stderr. No process outlives it.

mod cli;
mod error;
mod host;
mod ready;
mod show;
mod stack;

use std::process::ExitCode;

use clap::Parser as _;
use cli::Cli;
use error::Error;
use host::Host;
use stack::Stack;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(exec) = cli.exec_host {
        return fail(&host::become_host(exec, cli.parent_pid, &cli.host_args));
    }
    let filter = tracing_subscriber::EnvFilter::try_from_env("SANDBOX_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(filter)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(source) => return fail(&Error::Runtime(source)),
    };
    // on this thread, because the host is told to end when the thread that started it ends
    match runtime.block_on(run(&cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &Error) -> ExitCode {
    show::complain(error);
    ExitCode::FAILURE
}

async fn run(cli: &Cli) -> Result<(), Error> {
    let mut stop = stack::StopSignals::listen()?;
    let program = host::find()?;
    let stack = Stack::start(cli).await?;
    let mut host = Host::start(&program, cli.port, &stack)?;
    let ended = tokio::select! {
        ready = ready::wait(&mut host, &stack) => match ready {
            Ok(()) => show::ready(cli, &host, &stack).map(|()| false),
            Err(error) => Err(error),
        },
        () = stop.received() => Ok(true),
    };
    let outcome = match ended {
        Ok(false) => tokio::select! {
            status = host.ended() => Err(Error::HostEnded(status)),
            () = stop.received() => Ok(()),
        },
        Ok(true) => Ok(()),
        Err(error) => Err(error),
    };
    host.stop().await;
    outcome
}

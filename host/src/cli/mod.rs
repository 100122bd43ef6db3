//! The command line: the command and its settings. Data goes to stdout, everything else to
//! stderr.
//!
//! Exit statuses: 0 success; 1 a failure while running; 64 (`EX_USAGE`) a flag, a setting or a
//! plugin that it names is wrong, and nothing was started.

pub mod clients;
mod machine;
mod mode;
mod output;
pub mod plugins;
mod signals;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};

use self::mode::Transport;
pub use self::{
    clients::ClientsCommand,
    machine::{MachineError, check_limits, check_start, runtime},
    mode::stdin_is_a_pipe,
    output::{fail, note, print, warn},
    plugins::PluginsCommand,
    signals::Signals,
};
use crate::{
    config::{self, EXIT_USAGE, Environment, Raw},
    doctor,
};

/// The id of the flag `--debug`.
pub(crate) const DEBUG: &str = "debug";

/// The MCP server that a company puts in front of DataHub.
#[derive(Debug, Parser)]
#[command(name = "datahub-mcp", version, arg_required_else_help = false)]
struct Cli {
    /// The transport, as the Python server names it, in place of a command: `stdio`, or `http` for
    /// `serve`.
    #[arg(long, value_parser = Transport::parse)]
    transport: Option<Transport>,
    /// Log at the level `debug`.
    #[arg(long, global = true)]
    debug: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The commands of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve MCP over HTTP (the default, unless stdin is a pipe and no setting is about HTTP).
    Serve,
    /// Serve one person over stdin and stdout, with DATAHUB_GMS_URL and DATAHUB_GMS_TOKEN or
    /// ~/.datahubenv.
    Stdio,
    /// Look at the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check the deployment online: DataHub, the identity provider, the store, proxy, clocks.
    Doctor(doctor::Args),
    /// Look at token validator plugins.
    #[command(subcommand)]
    Plugins(PluginsCommand),
    /// Look at the clients of the sign-in, block and unblock them.
    #[command(subcommand)]
    Clients(ClientsCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Manual,
}

/// The commands that print or check the settings.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigCommand {
    /// Check all settings and load the plugins, as `serve` does, without serving.
    Check,
    /// Print the settings in force and where they come from, secrets masked.
    Show,
    /// Print all settings as Markdown tables.
    Reference,
}

/// A command and the settings that came with it.
#[derive(Debug)]
pub struct Invocation {
    /// The command.
    pub command: Command,
    /// The settings, unchecked.
    pub raw: Raw,
}

/// Reads the command line. `piped` says that stdin is a pipe, for a start without a command.
///
/// # Errors
/// The exit status, if there is nothing left to do: help was printed, or the flags are wrong.
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    environment: Environment,
    piped: bool,
) -> Result<Invocation, ExitCode> {
    let args: Vec<OsString> = args.into_iter().collect();
    let program = args.first().cloned().unwrap_or_default();
    let parsed = definition().try_get_matches_from(args).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches)?;
        // Flags may stand before or after the command; clap passes them to the innermost one.
        let mut innermost = &matches;
        while let Some((_, below)) = innermost.subcommand() {
            innermost = below;
        }
        let raw = Raw::collect(innermost, environment, innermost.get_flag(DEBUG));
        let command = mode::choose(cli.command, cli.transport, &program, &raw, piped)
            .map_err(|why| definition().error(ErrorKind::ArgumentConflict, why))?;
        Ok(Invocation { command, raw })
    });
    match parsed {
        Ok(invocation) => Ok(invocation),
        Err(error) => {
            // If even this cannot be written, there is no other place to report it.
            let _ = error.print();
            Err(match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(EXIT_USAGE),
            })
        }
    }
}

/// The whole command line, settings included.
pub fn definition() -> clap::Command {
    let hidden = config::with_hidden_settings;
    let command = Cli::command()
        .mut_subcommand("plugins", plugins::definition)
        // Take the flags as every command does, and obey none.
        .mut_subcommand("config", |config| {
            config.mut_subcommand("reference", hidden)
        })
        .mut_subcommand("completions", hidden)
        .mut_subcommand("manual", hidden);
    config::with_settings(command)
        .after_help("Every setting is an environment variable and a flag; `--help` lists them.")
        .after_long_help(
            "Secrets are read from a file with `@/path/to/file` or `<NAME>_FILE`. Options of a token \
             validator are set with TOKEN_VALIDATOR_OPT_<NAME>; `datahub-mcp plugins inspect` lists them.",
        )
}

/// The completion script for `shell`.
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definition(), "datahub-mcp", &mut script);
    script
}

/// The manual page in roff.
///
/// # Errors
/// If it cannot be rendered.
pub fn manual() -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(definition()).render(&mut page)?;
    Ok(page)
}

//! `datahub-mcp plugins ...`: prints what [`plugin_host::tools`] reports.
//!
//! Data goes to stdout, as text for people or as JSON for programs; never a secret.

mod check;
mod new;
mod text;

use std::{io::Read, path::PathBuf, process::ExitCode};

use clap::Subcommand;
use plugin_host::{self, SandboxMode, ValidatorSpec, tools};
use secrecy::SecretString;
use serde::Serialize;

use super::{DEBUG, fail, print};
use crate::config::{self, EXIT_USAGE};

/// The longest token file that is read.
const MAX_TOKEN_FILE_BYTES: u64 = 1024 * 1024;

/// Look at token validator plugins.
#[derive(Debug, Clone, Subcommand)]
pub enum PluginsCommand {
    /// List the libraries in the plugin directories, without loading any.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what a library is and whether it would load; a child process loads it.
    Inspect {
        /// The file, or the library's name in the plugin directories.
        #[arg(value_name = "FILE")]
        library: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the value of `TOKEN_VALIDATOR_SHA256` that pins libraries to their present content.
    Pin {
        /// The files, or the libraries' names in the plugin directories.
        #[arg(value_name = "FILE", required = true)]
        libraries: Vec<String>,
        /// Write the lock file for `TOKEN_VALIDATOR_LOCK` instead, with exactly these libraries; a
        /// child process loads each.
        #[arg(long, value_name = "LOCK")]
        lock: Option<PathBuf>,
        /// With `--lock`: the report of `plugins check --json` about a library, whose checksum is kept.
        #[arg(long, value_name = "LIBRARY=FILE", requires = "lock")]
        report: Vec<String>,
    },
    /// Write the project of a new validator: a template that builds, in a directory of its name.
    New {
        /// The language.
        language: new::Language,
        /// The name of the validator, and of the directory.
        name: String,
        /// The folder `plugin-api` of a checkout, in place of its repository (Rust).
        #[arg(long, value_name = "DIRECTORY")]
        plugin_api: Option<PathBuf>,
    },
    /// Print the C header of the plugin API.
    Header,
    /// Check a token with one validator and the settings of the server.
    Try {
        /// The validator, as in `TOKEN_VALIDATOR_FACTORY`, or its file.
        #[arg(value_name = "LIBRARY[:FACTORY]")]
        validator: String,
        /// The file that holds the token; `-` reads it from stdin.
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Look for faults of a validator: the kit for plugin authors.
    Check(check::CheckArgs),
    /// Load a library and print its description: the child process of `inspect`.
    #[command(hide = true)]
    Describe {
        /// The file.
        #[arg(value_name = "FILE")]
        library: PathBuf,
        /// The sandbox in which to load it.
        #[arg(long, value_parser = sandbox_mode)]
        mode: SandboxMode,
    },
    /// Enter the sandbox and print the level that was reached: a child process of `list`.
    #[command(hide = true)]
    Sandbox {
        /// The sandbox.
        #[arg(long, value_parser = sandbox_mode)]
        mode: SandboxMode,
    },
}

/// The commands with a help that shows their own options: of the settings they need the plugin
/// directories, and the options of validators.
pub fn definition(command: clap::Command) -> clap::Command {
    const SETTINGS: &str = "Every setting of the server is an environment variable and a flag here, too, such as \
         TOKEN_VALIDATOR_PLUGIN_DIR: `datahub-mcp serve --help` lists them.";
    let debug = clap::Arg::new(DEBUG)
        .long(DEBUG)
        .global(true)
        .hide(true)
        .action(clap::ArgAction::SetTrue);
    let command = config::with_hidden_settings(command).arg(debug);
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    names
        .iter()
        .fold(command.after_help(SETTINGS), |command, name| {
            command.mut_subcommand(name, |command| command.after_help(SETTINGS))
        })
}

impl PluginsCommand {
    /// Runs the command if it needs no settings: those of a vendor, and of child processes.
    pub fn run_without_settings(&self) -> Option<ExitCode> {
        if matches!(self, Self::Describe { .. } | Self::Sandbox { .. }) {
            tools::begin_child();
        }
        match self {
            Self::Describe { library, mode } => Some(said(tools::describe(library, *mode))),
            Self::Sandbox { mode } => Some(said(tools::enter_sandbox(*mode))),
            Self::Header => Some(print(new::HEADER)),
            Self::New {
                language,
                name,
                plugin_api,
            } => {
                let here = std::path::Path::new(".");
                let made = new::project(*language, name, plugin_api.as_deref(), here);
                Some(match made {
                    Ok(dir) => print(format!("{}: read its README.md\n", dir.display())),
                    Err(error) => fail(EXIT_USAGE, error),
                })
            }
            _ => None,
        }
    }

    /// Runs the command. `settings` are those of the server.
    ///
    /// The exit status is 0 if the answer is good (nothing is wrong with the library, the token
    /// is accepted), 1 if it is not, 64 if the arguments are wrong.
    pub fn run(self, settings: &plugin_host::Settings) -> ExitCode {
        let directories = &settings.directories;
        match self {
            Self::List { json } => {
                let listed = tools::list(directories);
                if json {
                    as_json(&listed)
                } else {
                    let sandbox = tools::sandbox_level(settings.sandbox);
                    print(text::list(directories, &listed) + &format!("sandbox {sandbox}\n"))
                }
            }
            Self::Inspect { library, json } => {
                match tools::inspect(directories, &library, settings.sandbox) {
                    Ok(report) => {
                        let printed = if json {
                            as_json(&report)
                        } else {
                            print(text::inspection(&report))
                        };
                        if report.would_load {
                            printed
                        } else {
                            ExitCode::FAILURE
                        }
                    }
                    Err(error) => fail(EXIT_USAGE, error),
                }
            }
            Self::Pin {
                libraries,
                lock: None,
                ..
            } => match tools::pin(directories, &libraries) {
                Ok(pins) => print(pins + "\n"),
                Err(error) => fail(1, error),
            },
            Self::Pin {
                libraries,
                lock: Some(lock),
                report,
            } => write_lock(settings, &libraries, &lock, &report),
            Self::Try {
                validator,
                token_file,
                json,
            } => attempt(settings, &validator, &token_file, json),
            Self::Check(args) => check::check(settings, &args),
            Self::Describe { .. } | Self::Sandbox { .. } | Self::Header | Self::New { .. } => {
                self.run_without_settings().unwrap_or_default()
            }
        }
    }
}

fn sandbox_mode(name: &str) -> Result<SandboxMode, &'static str> {
    let found = SandboxMode::BY_NAME
        .into_iter()
        .find(|(known, _)| *known == name);
    found
        .map(|(_, mode)| mode)
        .ok_or("not a mode of the sandbox")
}

fn said(line: Result<String, String>) -> ExitCode {
    match line {
        Ok(line) => print(line),
        Err(error) => fail(1, error),
    }
}

fn write_lock(
    settings: &plugin_host::Settings,
    libraries: &[String],
    path: &std::path::Path,
    reports: &[String],
) -> ExitCode {
    let reports: Option<Vec<(String, PathBuf)>> = reports
        .iter()
        .map(|report| report.split_once('='))
        .map(|parts| parts.map(|(library, file)| (library.to_owned(), PathBuf::from(file))))
        .collect();
    let Some(reports) = reports else {
        return fail(EXIT_USAGE, "`--report` is not LIBRARY=FILE");
    };
    let lock = tools::lock(settings, libraries, &reports);
    match lock.and_then(|lock| lock.write(path).map_err(|error| error.to_string())) {
        Ok(()) => print(format!("TOKEN_VALIDATOR_LOCK={}\n", path.display())),
        Err(error) => fail(1, error),
    }
}

fn attempt(
    settings: &plugin_host::Settings,
    validator: &str,
    token_file: &std::path::Path,
    json: bool,
) -> ExitCode {
    let mut settings = settings.clone();
    let (directory, name) = in_directory(validator);
    settings.directories = directory.map_or(settings.directories, |directory| vec![directory]);
    let spec = match ValidatorSpec::parse(&name) {
        Ok(spec) => spec,
        Err(error) => return fail(EXIT_USAGE, error),
    };
    let token = match read_token(token_file) {
        Ok(token) => token,
        Err(error) => return fail(EXIT_USAGE, format!("{}: {error}", token_file.display())),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, format!("cannot start the runtime: {error}")),
    };
    let attempt = runtime.block_on(tools::attempt(settings, spec, token));
    // A thread may be stuck in the plugin.
    runtime.shutdown_background();
    match attempt {
        Ok(attempt) => {
            let printed = if json {
                as_json(&attempt)
            } else {
                print(text::attempt(&attempt))
            };
            if attempt.accepted {
                printed
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => fail(EXIT_USAGE, error),
    }
}

/// The directory of a validator that is named by the path of its file, and its name there.
fn in_directory(validator: &str) -> (Option<PathBuf>, String) {
    let Some((directory, file)) = validator.rsplit_once('/') else {
        return (None, validator.to_owned());
    };
    let (file, factory) = match file.split_once(':') {
        Some((file, factory)) => (file, format!(":{factory}")),
        None => (file, String::new()),
    };
    let name = file.strip_suffix(".so").unwrap_or(file);
    let name = name.strip_prefix("lib").unwrap_or(name);
    let directory = match directory {
        "" => "/",
        directory => directory,
    };
    (Some(PathBuf::from(directory)), format!("{name}{factory}"))
}

fn read_token(path: &std::path::Path) -> std::io::Result<SecretString> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(MAX_TOKEN_FILE_BYTES)
            .read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?
            .take(MAX_TOKEN_FILE_BYTES)
            .read_to_string(&mut text)?;
    }
    Ok(SecretString::from(text.trim_end_matches(['\n', '\r'])))
}

fn as_json(value: &impl Serialize) -> ExitCode {
    match serde_json::to_string_pretty(value) {
        Ok(json) => print(json + "\n"),
        Err(error) => fail(1, error),
    }
}

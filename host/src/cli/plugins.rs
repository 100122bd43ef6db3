//! `datahub-mcp plugins ...`: prints what [`crate::plugins::tools`] reports.
//!
//! Data goes to stdout, as text for people or as JSON for programs; never a secret.

mod text;

use std::{io::Read, path::PathBuf, process::ExitCode};

use clap::Subcommand;
use secrecy::SecretString;
use serde::Serialize;

use super::{fail, print};
use crate::{
    config::EXIT_USAGE,
    plugins::{self, ValidatorSpec, tools},
};

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
    },
    /// Ask one validator, with the settings of the server, about a token.
    Try {
        /// The validator.
        #[arg(value_name = "LIBRARY[:FACTORY]")]
        validator: String,
        /// The file that holds the token; `-` reads it from stdin.
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Load a library and print its description: the child process of `inspect`.
    #[command(hide = true)]
    Describe {
        /// The file.
        #[arg(value_name = "FILE")]
        library: PathBuf,
    },
}

impl PluginsCommand {
    /// Runs the command. `settings` are those of the server.
    ///
    /// The exit status is 0 where the answer is good (nothing is wrong with the library, the token
    /// is accepted), 1 where it is not, 64 where the question is wrong.
    pub fn run(self, settings: &plugins::Settings) -> ExitCode {
        let directories = &settings.directories;
        match self {
            Self::List { json } => {
                let listed = tools::list(directories);
                if json {
                    as_json(&listed)
                } else {
                    print(text::list(directories, &listed))
                }
            }
            Self::Inspect { library, json } => match tools::inspect(directories, &library) {
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
            },
            Self::Pin { libraries } => match tools::pin(directories, &libraries) {
                Ok(pins) => print(pins + "\n"),
                Err(error) => fail(1, error),
            },
            Self::Try {
                validator,
                token_file,
                json,
            } => attempt(settings, &validator, &token_file, json),
            Self::Describe { library } => match tools::describe(&library) {
                Ok(line) => print(line),
                Err(error) => fail(1, error),
            },
        }
    }
}

fn attempt(
    settings: &plugins::Settings,
    validator: &str,
    token_file: &std::path::Path,
    json: bool,
) -> ExitCode {
    let spec = match ValidatorSpec::parse(validator) {
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
    let attempt = runtime.block_on(tools::attempt(settings.clone(), spec, token));
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

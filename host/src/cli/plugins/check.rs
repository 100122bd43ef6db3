//! `plugins check`: starts the process that makes the checks, and prints each result as it comes.

use std::{
    process::{Command, ExitCode},
    time::Duration,
};

use clap::Args;
use plugin_host::tools;
use secrecy::{ExposeSecret, SecretString};

use super::{as_json, read_token, text};
use crate::{
    cli::{fail, note, print},
    config::EXIT_USAGE,
};

/// Arguments of `plugins check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// The file, or the library's name in the plugin directories; `:FACTORY` if it has several.
    #[arg(value_name = "FILE[:FACTORY]")]
    library: String,
    /// The options: a JSON object, or `@/path/to/file` with one; without it, those of
    /// `TOKEN_VALIDATOR_CONFIG`.
    #[arg(long, value_name = "JSON")]
    config: Option<String>,
    /// Options with which the validator cannot reach its provider, such as the address of a port
    /// that is closed.
    #[arg(long, value_name = "JSON")]
    down_config: Option<String>,
    /// A token to be accepted, or `@/path/to/file` with one; `-` reads it from stdin.
    #[arg(long, value_name = "TOKEN")]
    good: String,
    /// A token of another person, to be accepted.
    #[arg(long, value_name = "TOKEN")]
    good2: Option<String>,
    /// A token to be refused, such as one with a forged signature.
    #[arg(long, value_name = "TOKEN")]
    bad: String,
    /// A genuine token that has expired, to be refused.
    #[arg(long, value_name = "TOKEN")]
    expired: Option<String>,
    /// A genuine token that was revoked, to be refused.
    #[arg(long, value_name = "TOKEN")]
    revoked: Option<String>,
    /// A genuine token for another audience, to be refused.
    #[arg(long, value_name = "TOKEN")]
    other_audience: Option<String>,
    /// The time for all checks, in seconds; what it is not enough for is skipped.
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(4..=3600))]
    time: u64,
    /// Print JSON, when all checks are done.
    #[arg(long)]
    json: bool,
    /// Check in this process, and write events to stdout.
    #[arg(long, hide = true)]
    in_process: bool,
}

/// The exit status is 0 if no fault was found, 1 if one was, 64 if the arguments are wrong.
pub(super) fn check(settings: &plugin_host::Settings, args: &CheckArgs) -> ExitCode {
    if args.in_process {
        return check_here(settings, args);
    }
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return fail(1, format!("cannot find this program: {error}")),
    };
    let mut command = Command::new(program);
    command
        .args(std::env::args_os().skip(1))
        .arg("--in-process");
    let watched = tools::watch(&mut command, Duration::from_secs(args.time), |check| {
        if !args.json {
            // If nobody reads it, the status still tells the verdict.
            let _ = print(text::check(check));
        }
    });
    let watched = match watched {
        Ok(watched) => watched,
        Err(error) => return fail(1, format!("cannot start a child process: {error}")),
    };
    for line in &watched.stderr {
        note(line);
    }
    if let Some(status) = watched.refused {
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        return ExitCode::from(code.unwrap_or(1));
    }
    let printed = if args.json {
        as_json(&watched.report)
    } else {
        print(format!("{}\n", watched.report.verdict))
    };
    if watched.report.passed {
        printed
    } else {
        ExitCode::FAILURE
    }
}

/// Makes the checks in this process.
fn check_here(settings: &plugin_host::Settings, args: &CheckArgs) -> ExitCode {
    tools::begin_child();
    let plan = match plan(args) {
        Ok(plan) => plan,
        Err(error) => return fail(EXIT_USAGE, error),
    };
    if let Err(error) = tools::bind_to_parent() {
        return fail(1, format!("cannot bound this process: {error}"));
    }
    let ground = match tools::confine(settings, &plan) {
        Ok(ground) => ground,
        Err(error) => return fail(1, error),
    };
    let events = match tools::Events::take_stdout() {
        Ok(events) => events,
        Err(error) => return fail(1, format!("cannot write results: {error}")),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, format!("cannot start the runtime: {error}")),
    };
    runtime.block_on(tools::conform(settings, &plan, ground, events));
    // A thread may be stuck in the plugin.
    runtime.shutdown_background();
    ExitCode::SUCCESS
}

fn plan(args: &CheckArgs) -> Result<tools::Plan, String> {
    let object = |text: &str| {
        let text = text_or_file(text)?;
        serde_json::from_str(text.expose_secret())
            .map_err(|_| "the options are not a JSON object".to_owned())
    };
    let token = |text: &Option<String>| text.as_deref().map(text_or_file).transpose();
    // A path may hold colons, but no factory's name holds a slash or a dot.
    let (library, factory) = match args.library.rsplit_once(':') {
        Some((library, factory)) if !factory.contains(['/', '.']) => (library, Some(factory)),
        _ => (args.library.as_str(), None),
    };
    Ok(tools::Plan {
        library: library.to_owned(),
        factory: factory.map(str::to_owned),
        config: args.config.as_deref().map(object).transpose()?,
        down_config: args.down_config.as_deref().map(object).transpose()?,
        good: text_or_file(&args.good)?,
        other_person: token(&args.good2)?,
        bad: text_or_file(&args.bad)?,
        expired: token(&args.expired)?,
        revoked: token(&args.revoked)?,
        other_audience: token(&args.other_audience)?,
        time: Duration::from_secs(args.time),
    })
}

/// The text itself, the content of the file that `@` names, or what stdin holds.
fn text_or_file(text: &str) -> Result<SecretString, String> {
    let path = match text {
        "-" => text,
        _ => match text.strip_prefix('@') {
            Some(path) => path,
            None => return Ok(SecretString::from(text)),
        },
    };
    read_token(std::path::Path::new(path)).map_err(|error| format!("{path}: {error}"))
}

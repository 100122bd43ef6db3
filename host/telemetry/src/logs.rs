//! The log: one subscriber for the process, written by a thread of its own so that a slow stderr
//! never delays a request.

use std::io::{self, IsTerminal};

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::{access_format::AccessLines, panics};

/// The number of lines that may wait for stderr; further ones are dropped rather than waited for.
const MAX_WAITING_LINES: usize = 16 * 1024;

/// Filters for libraries that log every slow or broken client, which is noise in an ordinary log.
const QUIET_LIBRARIES: &str = "hyper=error,hyper_util=error,rmcp=warn";

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
    /// Text on a terminal, JSON elsewhere.
    Auto,
}

/// Settings of logs and metrics.
#[derive(Debug, Clone)]
pub struct Settings {
    /// An `EnvFilter`, already checked.
    pub filter: String,
    /// The format of log lines.
    pub format: Format,
    /// The percentage of successful requests that get an access line.
    pub access_percent: u8,
}

impl Settings {
    /// The filter for a plain level, with verbose libraries limited.
    pub fn filter_for_level(level: &str) -> String {
        match level {
            "debug" | "trace" | "off" => level.to_owned(),
            level => format!("{level},{QUIET_LIBRARIES}"),
        }
    }

    /// Checks that `filter` is a valid filter.
    ///
    /// # Errors
    /// A description of the problem.
    pub fn check_filter(filter: &str) -> Result<(), String> {
        EnvFilter::try_new(filter)
            .map(|_| ())
            .map_err(|error| error.to_string())
    }
}

/// The logs could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up logging: {0}")]
pub struct SetupError(String);

/// The running log. Dropping it writes the lines that still wait.
#[derive(Debug)]
pub struct Logs {
    _writer: WorkerGuard,
}

impl Logs {
    /// Sets up the log of this process, and a panic hook that writes to it.
    ///
    /// # Errors
    /// If the filter is wrong or a log is already set up.
    pub fn start(settings: &Settings) -> Result<Self, SetupError> {
        let filter =
            EnvFilter::try_new(&settings.filter).map_err(|error| SetupError(error.to_string()))?;
        let (writer, guard) = writer();
        let terminal = io::stderr().is_terminal();
        let json = match settings.format {
            Format::Json => true,
            Format::Text => false,
            Format::Auto => !terminal,
        };
        let registry = tracing_subscriber::registry().with(filter);
        let done = if json {
            let layer = fmt::layer()
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .with_writer(writer)
                .map_event_format(AccessLines);
            registry.with(layer).try_init()
        } else {
            registry
                .with(fmt::layer().with_ansi(terminal).with_writer(writer))
                .try_init()
        };
        done.map_err(|error| SetupError(error.to_string()))?;
        panics::install_hook();
        Ok(Self { _writer: guard })
    }
}

fn writer() -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(MAX_WAITING_LINES)
        .thread_name("log")
        .finish(io::stderr())
}

//! Questions to a validator and its answers, however it was loaded: through a version of the Rust
//! ABI, through the C header, or in a child process.
//!
//! Owns values and the two traits between the host's bookkeeping and the boundary. Nothing here
//! has been checked: see `serving::ruling`.

pub(crate) mod abi_v1_0;
pub(crate) mod abi_v1_1;
pub(crate) mod abi_version;
pub(crate) mod c_v1;
pub(crate) mod c_v1_calls;
pub(crate) mod description;
pub(crate) mod heap;
pub(crate) mod last_line;
pub(crate) mod load;
pub(crate) mod plugin_log;
pub(crate) mod private_copy;
pub(crate) mod redact;
pub(crate) mod sealed;

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use secrecy::SecretString;
use serde_json::{Map, Value};

/// The description of this host for its plugins (`Host::info_json`).
pub(crate) const HOST_INFO: &str = concat!(
    r#"{"name": "datahub-mcp", "version": ""#,
    env!("CARGO_PKG_VERSION"),
    r#"", "api": "1.1"}"#
);
/// The longest text that is copied from a plugin, unless a shorter limit is given.
pub(crate) const MAX_TEXT_BYTES: usize = 64 * 1024;
/// The longest schema.
pub(crate) const MAX_SCHEMA_BYTES: usize = 1024 * 1024;
/// The maximum number of factories in a library.
pub(crate) const MAX_FACTORIES: usize = 64;

/// A future that a plugin made, or one around it.
pub(crate) type Call<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A token to check.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) token: Arc<SecretString>,
    pub(crate) request_id: Arc<str>,
    /// The time that the host waits, counted from now.
    pub(crate) deadline: Duration,
    /// The place of the call.
    pub(crate) queue: Queue,
}

/// The time that a call waited for a thread: until then the plugin has not seen it, and is not to
/// blame if there is no answer.
#[derive(Debug, Clone)]
pub(crate) struct Queue(Arc<Mutex<Turn>>);

#[derive(Debug, Clone, Copy)]
enum Turn {
    Waits(Instant),
    Came(Duration),
}

impl Default for Queue {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Turn::Came(Duration::ZERO))))
    }
}

impl Queue {
    /// Records that the call waits from now on.
    pub(crate) fn wait(&self) {
        let mut turn = self.0.lock();
        if let Turn::Came(before) = *turn {
            let now = Instant::now();
            *turn = Turn::Waits(now.checked_sub(before).unwrap_or(now));
        }
    }

    /// Records that the plugin sees the call.
    pub(crate) fn begin(&self) {
        let mut turn = self.0.lock();
        if let Turn::Waits(since) = *turn {
            *turn = Turn::Came(since.elapsed());
        }
    }

    /// True if the plugin has not seen the call.
    pub(crate) fn waits(&self) -> bool {
        matches!(*self.0.lock(), Turn::Waits(_))
    }

    /// The time until the plugin saw the call, or until now.
    pub(crate) fn waited(&self) -> Duration {
        match *self.0.lock() {
            Turn::Waits(since) => since.elapsed(),
            Turn::Came(after) => after,
        }
    }
}

/// The answer of a plugin, unchecked.
#[derive(Debug)]
pub(crate) enum Answer {
    Accepted(Accepted),
    Failed(Failure),
    /// A violation of the contract, such as text that is not UTF-8.
    Nonsense(Cow<'static, str>),
}

/// See `plugin_api::v1_0::Accepted`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accepted {
    pub(crate) subject: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) cache_ttl_s: Option<u64>,
    pub(crate) resolved_token: Option<SecretString>,
    pub(crate) claims_json: String,
    pub(crate) ext_json: String,
}

/// See `plugin_api::v1_0::FailKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FailureKind {
    NotMine,
    Rejected,
    Unavailable,
    Misconfigured,
    Internal,
    Panicked,
}

impl FailureKind {
    /// The kind for a number on the wire; an unknown number is a fault of the plugin.
    pub(crate) fn of(number: u32) -> Self {
        match number {
            1 => Self::NotMine,
            2 => Self::Rejected,
            3 => Self::Unavailable,
            4 => Self::Misconfigured,
            6 => Self::Panicked,
            _ => Self::Internal,
        }
    }

    /// The number on the wire.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::NotMine => 1,
            Self::Rejected => 2,
            Self::Unavailable => 3,
            Self::Misconfigured => 4,
            Self::Internal => 5,
            Self::Panicked => 6,
        }
    }

    /// For logs and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NotMine => "not_mine",
            Self::Rejected => "rejected",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
            Self::Internal => "internal",
            Self::Panicked => "panicked",
        }
    }
}

/// See `plugin_api::v1_0::Failure`.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) oauth_error: String,
    pub(crate) log_detail: String,
    pub(crate) ext_json: String,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, log_detail: impl Into<String>) -> Self {
        Self {
            kind,
            retry_after: None,
            oauth_error: String::new(),
            log_detail: log_detail.into(),
            ext_json: String::new(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}",
            self.kind.name(),
            redact::for_log(&self.log_detail)
        )
    }
}

/// One kind of validator that a library can make.
#[derive(Debug, Clone)]
pub(crate) struct Factory {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

/// The reason a library's own description cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadLibrary(pub(crate) String);

/// A loaded library.
pub(crate) trait Library: fmt::Debug + Send + Sync {
    /// The version of the API that the library speaks, such as `1.0`.
    fn abi_version(&self) -> String;

    /// The library's own description.
    fn info(&self) -> Result<Map<String, Value>, BadLibrary>;

    /// The validators that it can make.
    fn factories(&self) -> Result<Vec<Factory>, BadLibrary>;

    /// Makes a validator. May block.
    fn create(
        &self,
        id: &str,
        factory: &str,
        config: &SecretString,
    ) -> Result<Arc<dyn Instance>, Failure>;
}

/// A validator that a library made.
pub(crate) trait Instance: Send + Sync {
    /// Answers from memory, or not at all. Must not block, but may do so.
    fn try_validate(&self, question: &Question) -> Option<Answer>;

    /// Answers with I/O. Dropping the future cancels the call.
    fn validate(&self, question: Question) -> Call<Answer>;

    /// Asks whether it could answer now.
    fn health(&self) -> Call<Result<(), Failure>>;

    /// Revokes and flushes.
    fn shutdown(&self) -> Call<()>;
}

/// Reads the description of the factories, however it was transported.
pub(crate) fn factory(name: String, schema_json: &str) -> Result<Factory, BadLibrary> {
    if !crate::settings::is_factory_name(&name) {
        return Err(BadLibrary(format!(
            "a factory is called `{}`: expected ASCII letters, digits, `_` and `-`",
            name.escape_default()
        )));
    }
    match serde_json::from_str::<Value>(schema_json) {
        Ok(schema) if schema.is_object() => Ok(Factory { name, schema }),
        _ => Err(BadLibrary(format!(
            "the schema of factory `{name}` is not a JSON object"
        ))),
    }
}

/// Checks a library's factories as a whole.
pub(crate) fn factories(list: Vec<Factory>) -> Result<Vec<Factory>, BadLibrary> {
    if list.is_empty() {
        return Err(BadLibrary("it has no factories".to_owned()));
    }
    let twice = list
        .iter()
        .enumerate()
        .find(|(at, factory)| list[..*at].iter().any(|other| other.name == factory.name));
    match twice {
        Some((_, factory)) => Err(BadLibrary(format!(
            "it has two factories called `{}`",
            factory.name
        ))),
        None => Ok(list),
    }
}

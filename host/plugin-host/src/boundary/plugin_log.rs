//! Log records of plugins in the host's log: labelled with the plugin, masked, truncated and
//! rate-limited.
//!
//! One for the whole process: the log functions that a plugin gets have no context argument.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, OnceLock},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use tracing::Level;

use super::redact;

/// The number of records that a plugin may write in a burst ...
const BURST: f64 = 200.0;
/// ... and per second after that.
const PER_SECOND: f64 = 50.0;
/// The number of plugins with a limit of their own; a plugin could invent names.
const MAX_SPEAKERS: usize = 256;
/// A shorter token would mask ordinary words.
const MIN_KNOWN_TOKEN_BYTES: usize = 6;

/// A record as received from a plugin, not yet safe to write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) plugin: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) level: Level,
    pub(crate) target: &'a str,
    pub(crate) message: &'a str,
    pub(crate) fields: &'a str,
}

/// The level for a number on the wire: zero is an error, a number above trace is a trace.
pub(crate) fn level(number: u32) -> Level {
    match number {
        0 | 1 => Level::ERROR,
        2 => Level::WARN,
        3 => Level::INFO,
        4 => Level::DEBUG,
        _ => Level::TRACE,
    }
}

/// The number of a level on the wire.
pub(crate) fn number(level: Level) -> u32 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// The target of records that do not go to the log of this process.
struct Sink {
    level: Level,
    /// True if the rate limit holds here, too.
    limited: bool,
    write: Box<dyn Fn(Record<'_>) + Send + Sync>,
}

static SINK: OnceLock<Sink> = OnceLock::new();

/// Sends records up to `level` to `write` from now on, as the plugins wrote them: for a process
/// that has no log of its own. Only the first call has an effect.
pub(crate) fn redirect(level: Level, write: impl Fn(Record<'_>) + Send + Sync + 'static) {
    set_sink(level, true, Box::new(write));
}

/// As [`redirect`], without a rate limit: every record goes to `write`.
pub(crate) fn redirect_all(level: Level, write: impl Fn(Record<'_>) + Send + Sync + 'static) {
    set_sink(level, false, Box::new(write));
}

fn set_sink(level: Level, limited: bool, write: Box<dyn Fn(Record<'_>) + Send + Sync>) {
    let sink = Sink {
        level,
        limited,
        write,
    };
    if SINK.set(sink).is_err() {
        tracing::debug!("plugins' records are already redirected");
    }
}

/// True if a record of this level would be written.
pub(crate) fn enabled(level: Level) -> bool {
    if let Some(sink) = SINK.get() {
        return level <= sink.level;
    }
    match level {
        Level::ERROR => tracing::enabled!(target: "plugin", Level::ERROR),
        Level::WARN => tracing::enabled!(target: "plugin", Level::WARN),
        Level::INFO => tracing::enabled!(target: "plugin", Level::INFO),
        Level::DEBUG => tracing::enabled!(target: "plugin", Level::DEBUG),
        Level::TRACE => tracing::enabled!(target: "plugin", Level::TRACE),
    }
}

/// The most detailed level that is written.
pub(crate) fn level_in_force() -> Level {
    [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN]
        .into_iter()
        .find(|level| enabled(*level))
        .unwrap_or(Level::ERROR)
}

/// Writes a record, if it is enabled and the plugin is below its rate limit.
pub(crate) fn write(record: Record<'_>) {
    if !enabled(record.level) {
        return;
    }
    if let Some(sink) = SINK.get().filter(|sink| !sink.limited) {
        return (sink.write)(record);
    }
    let suppressed = match LOG
        .buckets
        .lock()
        .take(record.plugin, LOG.started.elapsed())
    {
        Ok(suppressed) => suppressed,
        Err(TooFast) => return,
    };
    if let Some(sink) = SINK.get() {
        return (sink.write)(record);
    }
    let plugin = redact::for_log(record.plugin);
    let request_id = redact::for_log(record.request_id);
    let source = redact::for_log(record.target);
    let message = redacted(record.message);
    let fields = redacted(record.fields);
    if suppressed > 0 {
        tracing::warn!(target: "plugin", %plugin, suppressed, "log records were dropped");
    }
    macro_rules! emit {
        ($level:ident) => {
            tracing::$level!(target: "plugin", %plugin, %request_id, %source, %fields, "{message}")
        };
    }
    match record.level {
        Level::ERROR => emit!(error),
        Level::WARN => emit!(warn),
        Level::INFO => emit!(info),
        Level::DEBUG => emit!(debug),
        Level::TRACE => emit!(trace),
    }
}

/// The state behind the log.
struct Log {
    started: Instant,
    buckets: Mutex<Buckets>,
    /// The tokens that plugins hold right now, so that each is masked whatever its shape.
    known: Mutex<Known>,
}

static LOG: LazyLock<Log> = LazyLock::new(|| Log {
    started: Instant::now(),
    buckets: Mutex::default(),
    known: Mutex::default(),
});

#[derive(Default)]
struct Known {
    next: u64,
    tokens: HashMap<u64, Arc<SecretString>>,
}

/// Keeps a token out of the log for as long as it lives.
#[derive(Debug)]
pub(crate) struct RedactionGuard(u64);

impl RedactionGuard {
    /// While this lives, `token` is masked in whatever a plugin writes.
    pub(crate) fn new(token: Arc<SecretString>) -> Self {
        let mut known = LOG.known.lock();
        known.next += 1;
        let key = known.next;
        known.tokens.insert(key, token);
        Self(key)
    }
}

impl Drop for RedactionGuard {
    fn drop(&mut self) {
        LOG.known.lock().tokens.remove(&self.0);
    }
}

/// `text` on one line, cut, without tokens that plugins hold or that look like one.
pub(crate) fn redacted(text: &str) -> String {
    redact::for_log(&without_known_tokens(text))
}

fn without_known_tokens(text: &str) -> String {
    let mut text = text.to_owned();
    for token in LOG.known.lock().tokens.values() {
        let token = token.expose_secret();
        if token.len() >= MIN_KNOWN_TOKEN_BYTES && text.contains(token) {
            text = text.replace(token, "[masked]");
        }
    }
    text
}

#[derive(Default)]
struct Buckets(HashMap<String, Bucket>);

struct Bucket {
    tokens: f64,
    at: Duration,
    suppressed: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct TooFast;

impl Buckets {
    /// Takes room for one record; returns the number dropped since the last one.
    fn take(&mut self, speaker: &str, now: Duration) -> Result<u64, TooFast> {
        let speaker = if self.0.len() >= MAX_SPEAKERS && !self.0.contains_key(speaker) {
            ""
        } else {
            speaker
        };
        let bucket = match self.0.get_mut(speaker) {
            Some(bucket) => bucket,
            None => self.0.entry(speaker.to_owned()).or_insert(Bucket {
                tokens: BURST,
                at: now,
                suppressed: 0,
            }),
        };
        let passed = now.saturating_sub(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * PER_SECOND).min(BURST);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            bucket.suppressed += 1;
            return Err(TooFast);
        }
        bucket.tokens -= 1.0;
        Ok(std::mem::take(&mut bucket.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let mut buckets = Buckets::default();
        let start = Duration::from_secs(1);
        let passed = (0..1_000)
            .filter(|_| buckets.take("a", start).is_ok())
            .count();
        assert_eq!(passed, 200);
        // Another plugin is not hurt.
        assert_eq!(buckets.take("b", start), Ok(0));
        assert_eq!(buckets.take("a", start + Duration::from_secs(1)), Ok(800));
        assert_eq!(buckets.take("a", start + Duration::from_secs(1)), Ok(0));
    }

    #[test]
    fn made_up_names_share_one_bucket() {
        let mut buckets = Buckets::default();
        let at = Duration::ZERO;
        let passed = (0..10_000)
            .filter(|n| buckets.take(&format!("made up {n}"), at).is_ok())
            .count();
        assert!(passed <= MAX_SPEAKERS + 200, "{passed}");
    }

    #[test]
    fn a_token_under_way_is_masked_whatever_its_shape() {
        let token = Arc::new(SecretString::from("odd;token"));
        let unspoken = RedactionGuard::new(Arc::clone(&token));
        assert_eq!(
            without_known_tokens("got odd;token here"),
            "got [masked] here"
        );
        drop(unspoken);
        assert_eq!(
            without_known_tokens("got odd;token here"),
            "got odd;token here"
        );
    }

    #[test]
    fn levels_are_open() {
        for number in 1..=5 {
            assert_eq!(super::number(level(number)), number);
        }
        assert_eq!(level(0), Level::ERROR);
        assert_eq!(level(77), Level::TRACE);
    }
}

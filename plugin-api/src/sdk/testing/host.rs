//! A host that keeps the records it receives, for tests.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use abi_stable::{
    prefix_type::PrefixTypeTrait as _,
    std_types::{RStr, RString},
};

use crate::newest::{Host, HostRef, LogLevel, LogRecord};

/// One record that a validator logged.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
    /// The module that logged.
    pub target: String,
    /// The text.
    pub message: String,
    /// The fields, as `name=value name=value`.
    pub fields: String,
    /// The request that the record belongs to; empty if it belongs to none.
    pub request_id: String,
}

static LINES: Mutex<Option<HashMap<String, Vec<LogLine>>>> = Mutex::new(None);

fn with_lines<R>(work: impl FnOnce(&mut HashMap<String, Vec<LogLine>>) -> R) -> R {
    work(
        LINES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_default(),
    )
}

extern "C" fn log_enabled(_: RStr<'_>, _: LogLevel, target: RStr<'_>) -> bool {
    // Traces of the runtime and of HTTP libraries are not the validator's records.
    !["mio", "tokio", "runtime"]
        .iter()
        .any(|noisy| target.as_str().starts_with(noisy))
}

extern "C" fn log(record: &LogRecord<'_>) {
    let line = LogLine {
        level: match record.level {
            LogLevel::ERROR => "error",
            LogLevel::WARN => "warn",
            LogLevel::INFO => "info",
            LogLevel::DEBUG => "debug",
            _ => "trace",
        },
        target: record.target.into(),
        message: record.message.into(),
        fields: record.fields.into(),
        request_id: record.request_id.into(),
    };
    with_lines(|lines| lines.entry(record.plugin_id.into()).or_default().push(line));
}

extern "C" fn info_json() -> RString {
    r#"{"name": "harness", "version": "0", "api": "1.1"}"#.into()
}

pub(super) fn host() -> HostRef {
    Host {
        log_enabled,
        log,
        info_json,
    }
    .leak_into_prefix()
}

pub(super) fn lines(id: &str) -> Vec<LogLine> {
    with_lines(|lines| lines.get(id).cloned().unwrap_or_default())
}

pub(super) fn forget(id: &str) {
    with_lines(|lines| lines.remove(id));
}

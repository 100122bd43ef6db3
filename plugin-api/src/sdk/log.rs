//! Forwards the plugin's `tracing` events (and records of the `log` crate) to the host's log.
//!
//! Renders and truncates records; never decides where they go: the host filters, labels and writes
//! them.

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Once, PoisonError, RwLock},
};

use abi_stable::std_types::RStr;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use super::scope::{self, Instance};
use crate::newest::{LogLevel, LogRecord};

/// The longest message that is forwarded, so that a runaway record costs little. The host applies
/// its own limit too.
const MAX_MESSAGE_BYTES: usize = 4 * 1024;
const MAX_FIELDS_BYTES: usize = 4 * 1024;

/// The newest instance, to which records from outside any call are attributed, such as those of a
/// background task.
static LATEST: RwLock<Option<Arc<Instance>>> = RwLock::new(None);

/// Installs the layer as this library's subscriber, once, and attributes records from outside any
/// call to `instance` from now on. A subscriber that is already installed stays.
pub(crate) fn install(instance: &Arc<Instance>) {
    *LATEST.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(instance));
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Fails if the vendor's own test installed a subscriber, which then takes precedence.
        let _ = Registry::default().with(Forward).try_init();
    });
}

/// Calls `work` with the instance and the request that a record (or a question to the host) belongs to.
pub(crate) fn with_origin<R>(work: impl FnOnce(&Instance, &str) -> R) -> Option<R> {
    scope::current(|scope| match scope {
        Some(scope) => Some(work(scope.instance, scope.request_id)),
        None => {
            let latest = LATEST
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            latest.map(|instance| work(&instance, ""))
        }
    })
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::ERROR,
        Level::WARN => LogLevel::WARN,
        Level::INFO => LogLevel::INFO,
        Level::DEBUG => LogLevel::DEBUG,
        Level::TRACE => LogLevel::TRACE,
    }
}

/// The layer that forwards events to the host.
struct Forward;

/// The fields of a span, rendered when it was created.
struct SpanFields(Capped);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Forward {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // The host may change its filter at any time.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        with_origin(|instance, _| {
            let ask = instance.host.log_enabled();
            ask(
                instance.id.as_str().into(),
                level(*metadata.level()),
                metadata.target().into(),
            )
        })
        .unwrap_or(false)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut rendered = Rendered::new();
            attributes.record(&mut rendered);
            span.extensions_mut().insert(SpanFields(rendered.fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        // Rendered before the span's lock is taken: a vendor's `Debug` may panic, and the panic
        // hook logs within the same span.
        let mut rendered = Rendered::new();
        values.record(&mut rendered);
        let mut extensions = span.extensions_mut();
        if let Some(SpanFields(fields)) = extensions.get_mut() {
            fields.separate();
            let _ = fields.write_str(&rendered.fields.text);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let mut rendered = Rendered::new();
        event.record(&mut rendered);
        for span in context.event_scope(event).into_iter().flatten() {
            match span.extensions().get() {
                Some(SpanFields(fields)) if !fields.text.is_empty() => {
                    rendered.fields.separate();
                    let _ = rendered.fields.write_str(&fields.text);
                }
                _ => {}
            }
        }
        with_origin(|instance, request_id| {
            let write = instance.host.log();
            write(&LogRecord {
                plugin_id: RStr::from_str(&instance.id),
                request_id: request_id.into(),
                level: level(*metadata.level()),
                target: metadata.target().into(),
                message: rendered.message.text.as_str().into(),
                fields: rendered.fields.text.as_str().into(),
            });
        });
    }
}

/// Text that stops growing at its limit.
struct Capped {
    text: String,
    limit: usize,
}

impl Capped {
    fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            limit,
        }
    }

    fn separate(&mut self) {
        if !self.text.is_empty() {
            let _ = self.write_char(' ');
        }
    }
}

impl fmt::Write for Capped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = text.len().min(self.limit.saturating_sub(self.text.len()));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&text[..end]);
        // An error stops the rendering at the limit; the callers expect it.
        if end == text.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

/// The message of a record, and its other fields as `name=value`.
struct Rendered {
    message: Capped,
    fields: Capped,
}

impl Rendered {
    fn new() -> Self {
        Self {
            message: Capped::new(MAX_MESSAGE_BYTES),
            fields: Capped::new(MAX_FIELDS_BYTES),
        }
    }
}

impl Visit for Rendered {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => {
                let _ = write!(self.message, "{value:?}");
            }
            // The origin of a record of the `log` crate, which its metadata already holds.
            name if name.starts_with("log.") => {}
            name => {
                self.fields.separate();
                let _ = write!(self.fields, "{name}={value:?}");
            }
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            let _ = self.message.write_str(value);
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests;

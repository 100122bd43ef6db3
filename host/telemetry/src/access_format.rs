//! The access line as JSON. There is one for each request, and the library writes such a line in more than
//! a hundred small pieces, each of which it checks: that is more work than the answer to a probe.

use std::fmt;

use serde::Serialize;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// The target of access lines.
const ACCESS: &str = "access";
/// The length that a line seldom exceeds.
const USUAL_BYTES: usize = 768;

/// Writes access lines as `F` would, an object with the time, the level, the fields and the target, and
/// leaves all others to `F`.
pub(super) struct AccessLines<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for AccessLines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let about = event.metadata();
        if about.target() != ACCESS {
            return self.0.format_event(context, writer, event);
        }
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Line(Vec::with_capacity(USUAL_BYTES));
        line.add("timestamp", &time);
        line.add("level", about.level().as_str());
        event.record(&mut line);
        line.add("target", about.target());
        let text = std::str::from_utf8(&line.0).map_err(|_| fmt::Error)?;
        writer.write_str(text)?;
        writer.write_str("}\n")
    }
}

/// An object, but for its end.
struct Line(Vec<u8>);

impl Line {
    fn add(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        // Writing to memory does not fail, nor do the types that fields have.
        let _ = serde_json::to_writer(&mut self.0, name);
        self.0.push(b':');
        let _ = serde_json::to_writer(&mut self.0, value);
    }
}

impl Visit for Line {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::{fmt, layer::SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The lines of some events, each without its time.
    fn lines(with_ours: bool) -> Vec<String> {
        let written = Written::default();
        let out = written.clone();
        let layer = fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(move || out.clone());
        let events = || {
            for agent in ["cli/2", "\"\\ é\u{1}\n\u{2028}", ""] {
                tracing::info!(
                    target: "access", agent, none = None::<&str>, status = 200_u16, minus = -1,
                    ratio = 0.5, ok = true, address = %agent, some = ?Some(agent), "request"
                );
                tracing::warn!(target: "other", agent, "not \"ours\"");
            }
        };
        let registry = tracing_subscriber::registry();
        match with_ours {
            true => tracing::subscriber::with_default(
                registry.with(layer.map_event_format(AccessLines)),
                events,
            ),
            false => tracing::subscriber::with_default(registry.with(layer), events),
        }
        let text = String::from_utf8(written.0.lock().clone()).unwrap();
        let without_time = |line: &str| {
            let rest = line.strip_prefix("{\"timestamp\":\"").unwrap();
            let (time, rest) = rest.split_once('"').unwrap();
            assert!(time.ends_with('Z') && time.len() == 27, "{time}");
            rest.to_owned()
        };
        text.lines().map(without_time).collect()
    }

    #[test]
    fn an_access_line_is_what_the_library_would_write() {
        let ours = lines(true);
        assert_eq!(ours, lines(false));
        assert_eq!(ours.len(), 6);
        assert!(ours[0].contains("\"status\":200,\"minus\":-1"), "{ours:?}");
    }
}

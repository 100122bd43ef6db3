//! Points in time as people read them: ISO 8601 in UTC instead of a count of milliseconds, which models
//! convert wrongly.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat};
use serde_json::Value;

/// The members of DataHub's answers that are points in time, in milliseconds since 1970.
const NAMES: &[&str] = &[
    "bucket",
    "created",
    "createdAt",
    "createdOn",
    "decommissionTime",
    "expiresAt",
    "lastIngested",
    "lastModified",
    "lastModifiedAt",
    "lastObserved",
    "lastRefreshed",
    "lastUpdatedTimestamp",
    "startedAt",
    "time",
    "timestampMillis",
];

/// Replaces the value of the member `name` by ISO 8601 if it is a point in time. DataHub writes 0 for
/// one that it does not know, which becomes null.
pub(crate) fn readable(name: &str, value: &mut Value) {
    if let Some(millis) = value.as_i64().filter(|_| NAMES.contains(&name)) {
        *value = match iso(millis) {
            _ if millis == 0 => Value::Null,
            Some(text) => Value::from(text),
            None => return,
        };
    }
}

/// Milliseconds since 1970 as `2026-11-27T02:00:00Z`; none beyond what a calendar holds.
fn iso(millis: i64) -> Option<String> {
    let time = DateTime::from_timestamp_millis(millis)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// The milliseconds since 1970 of a point in time as people write it: a date, or a date and a time, in
/// UTC unless it says otherwise.
pub(crate) fn millis(text: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    let text = text.trim_end_matches('Z');
    let forms = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S",
    ];
    let mut times = forms
        .iter()
        .filter_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let midnight = || {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        date.and_hms_opt(0, 0, 0)
    };
    let time = times.next().or_else(midnight)?;
    Some(time.and_utc().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(name: &str, mut value: Value) -> Value {
        readable(name, &mut value);
        value
    }

    #[test]
    fn points_in_time_are_iso_and_other_numbers_stay() {
        let millis = 1_795_744_800_000_i64;
        for name in NAMES {
            assert_eq!(read(name, json!(millis)), "2026-11-27T02:00:00Z");
            assert_eq!(read(name, json!(0)), Value::Null);
        }
        assert_eq!(read("sizeInBytes", json!(millis)), millis);
        assert_eq!(read("time", json!("x")), "x");
        assert_eq!(read("time", json!({"time": 1})), json!({"time": 1}));
        assert_eq!(read("time", json!(i64::MAX)), i64::MAX);
    }

    #[test]
    fn written_times_are_milliseconds() {
        for (text, wanted) in [
            ("2026-11-27", Some(1_795_737_600_000)),
            ("2026-11-27T02:00", Some(1_795_744_800_000)),
            ("2026-11-27T02:00Z", Some(1_795_744_800_000)),
            ("2026-11-27T02:00:00Z", Some(1_795_744_800_000)),
            ("2026-11-27 02:00:00", Some(1_795_744_800_000)),
            ("2026-11-27T03:00:00.5+01:00", Some(1_795_744_800_500)),
            ("2026-11", None),
            ("2026-13-27", None),
            ("1795744800000", None),
            ("yesterday", None),
        ] {
            assert_eq!(millis(text), wanted, "{text}");
        }
    }
}

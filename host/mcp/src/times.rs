//! Points in time as people read them: ISO 8601 in UTC instead of a count of milliseconds, which models
//! convert wrongly.

use chrono::{DateTime, SecondsFormat};
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
}

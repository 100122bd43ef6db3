//! Removes from an answer of DataHub what carries no information for a model: nulls, empty lists
//! and objects, `__typename`. What machines write is put as people read it: points in time, and the
//! paths of columns, which urns hold encoded.

use serde_json::Value;

use crate::{times, urn};

/// Drops members and items that carry no information, at every depth.
pub(crate) fn clean(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let column = map.get("type").and_then(Value::as_str) == Some("SCHEMA_FIELD");
            if let Some(Value::String(path)) = map.get_mut("fieldPath").filter(|_| column) {
                *path = urn::decoded_path(path);
            }
            map.retain(|key, inner| {
                times::readable(key, inner);
                clean(inner);
                key != "__typename" && !says_nothing(inner)
            });
        }
        Value::Array(items) => {
            items.iter_mut().for_each(clean);
            items.retain(|item| !says_nothing(item));
        }
        _ => {}
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_column_is_named_as_people_write_it() {
        let mut value = json!([
            {"type": "SCHEMA_FIELD", "fieldPath": "SUM%28x%29"}, {"fieldPath": "SUM%28x%29"}
        ]);
        clean(&mut value);
        assert_eq!(value[0]["fieldPath"], "SUM(x)");
        assert_eq!(value[1]["fieldPath"], "SUM%28x%29");
    }

    #[test]
    fn points_in_time_are_readable_at_every_depth() {
        let mut value =
            json!({"created": 0, "a": [{"lastModified": {"time": 1_795_744_800_000_i64}}]});
        clean(&mut value);
        assert_eq!(
            value,
            json!({"a": [{"lastModified": {"time": "2026-11-27T02:00:00Z"}}]})
        );
    }

    #[test]
    fn drops_what_says_nothing_and_keeps_false_and_zero() {
        let mut value = json!({
            "a": null, "b": [], "c": {"d": [null, {"__typename": "X"}]}, "e": false, "f": 0,
            "g": "", "h": [{"i": 1, "__typename": "Y"}, {}]
        });
        clean(&mut value);
        assert_eq!(value, json!({"e": false, "f": 0, "g": "", "h": [{"i": 1}]}));
    }
}

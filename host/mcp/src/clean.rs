//! Removes from an answer of DataHub what carries no information for a model: nulls, empty lists
//! and objects, `__typename`.

use serde_json::Value;

/// Drops members and items that carry no information, at every depth.
pub(crate) fn clean(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, inner| {
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
    fn drops_what_says_nothing_and_keeps_false_and_zero() {
        let mut value = json!({
            "a": null, "b": [], "c": {"d": [null, {"__typename": "X"}]}, "e": false, "f": 0,
            "g": "", "h": [{"i": 1, "__typename": "Y"}, {}]
        });
        clean(&mut value);
        assert_eq!(value, json!({"e": false, "f": 0, "g": "", "h": [{"i": 1}]}));
    }
}

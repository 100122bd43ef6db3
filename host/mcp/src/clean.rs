//! Removes from an answer of DataHub what carries no information for a model: nulls, empty lists
//! and objects, `__typename`. What machines write is put as people read it: points in time, and the
//! paths of columns, which urns hold encoded.

use datahub::Tree;
use serde_json::{Map, Value};

use crate::{times, urn};

/// The type of the entities that are columns.
const COLUMN: &str = "SCHEMA_FIELD";

/// Drops members and items that carry no information, at every depth.
pub(crate) fn clean(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let column = map.get("type").and_then(Value::as_str) == Some(COLUMN);
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

/// What carries information in `tree`: the same as [`clean`] leaves of its value.
pub(crate) fn cleaned(tree: &Tree<'_>) -> Value {
    match tree {
        Tree::Object(members) => {
            let column = tree.get("type").as_str() == Some(COLUMN);
            let mut map = Map::with_capacity(members.len());
            for (name, inner) in members {
                let value = match inner.as_str() {
                    Some(path) if column && name == "fieldPath" => {
                        Value::from(urn::decoded_path(path))
                    }
                    _ => cleaned_member(name, inner),
                };
                add(&mut map, name, value);
            }
            Value::Object(map)
        }
        Tree::List(items) => {
            let items = items.iter().map(cleaned);
            Value::Array(items.filter(|item| !says_nothing(item)).collect())
        }
        other => other.to_value(),
    }
}

/// The same for the member `name` of an object.
pub(crate) fn cleaned_member(name: &str, tree: &Tree<'_>) -> Value {
    let mut value = cleaned(tree);
    times::readable(name, &mut value);
    value
}

/// Adds a member to `map` if it carries information.
pub(crate) fn add(map: &mut Map<String, Value>, name: &str, value: Value) {
    if name != "__typename" && !says_nothing(&value) {
        map.insert(name.to_owned(), value);
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
    use proptest::prelude::*;
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

    fn answers() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-2_i64..2).prop_map(Value::from),
            "(a%28b|SCHEMA_FIELD|)".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let name = "(a|time|type|fieldPath|__typename|created)";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(name, inner, 0..5)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_answer_is_cleaned_as_its_value_is(mut value in answers()) {
            let read = cleaned(&Tree::from(&value)).to_string();
            clean(&mut value);
            prop_assert_eq!(read, value.to_string());
        }
    }
}

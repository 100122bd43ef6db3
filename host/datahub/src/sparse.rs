//! Reads JSON without the members that are null. A GraphQL answer has a member for each field that was
//! selected, and most of them are null: read as they are, they would be most of the work on an answer.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads an object or null. The object's own members are all kept; those further down only if they are
/// not null.
pub(super) fn data<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Map<String, Value>>, D::Error> {
    Option::<Data>::deserialize(deserializer).map(|data| data.map(|data| data.0))
}

struct Data(Map<String, Value>);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Data, A::Error> {
        members(access, |_| true).map(Data)
    }
}

/// A value without null members at any depth.
struct Sparse(Value);

impl<'de> Deserialize<'de> for Sparse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SparseVisitor).map(Sparse)
    }
}

struct SparseVisitor;

impl<'de> Visitor<'de> for SparseVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Sparse(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        members(access, |value| !value.is_null()).map(Value::Object)
    }
}

/// The name of a member, copied only if it is kept.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object that are to be kept.
fn members<'de, A: MapAccess<'de>>(
    mut access: A,
    keep: fn(&Value) -> bool,
) -> Result<Map<String, Value>, A::Error> {
    let mut members = Map::new();
    while let Some(Name(name)) = access.next_key()? {
        let Sparse(value) = access.next_value()?;
        if keep(&value) {
            members.insert(name.into_owned(), value);
        }
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Option<Map<String, Value>> {
        data(&mut serde_json::Deserializer::from_str(text)).unwrap()
    }

    /// What is expected of `value`, found in another way.
    fn without_null_members(value: Value) -> Value {
        match value {
            Value::Object(map) => map
                .into_iter()
                .filter(|(_, inner)| !inner.is_null())
                .map(|(name, inner)| (name, without_null_members(inner)))
                .collect(),
            Value::Array(items) => items.into_iter().map(without_null_members).collect(),
            other => other,
        }
    }

    #[test]
    fn null_members_are_left_out_below_the_first_object() {
        let text =
            r#"{"a": null, "b": {"c": null, "\u0064": [null, {"e": null, "f": 1}], "g": ""}}"#;
        let expected = json!({"a": null, "b": {"d": [null, {"f": 1}], "g": ""}});
        assert_eq!(read(text).map(Value::Object), Some(expected));
        assert_eq!(read("null"), None);
        for text in ["[]", "7", "\"x\"", "{\"a\": nul}", "{"] {
            assert!(
                data(&mut serde_json::Deserializer::from_str(text)).is_err(),
                "{text}"
            );
        }
    }

    fn json_values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e9..1e9).prop_map(|number: f64| Value::from(number.round() / 4.0)),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map("\\PC{0,4}", inner, 0..6)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn everything_else_is_read_as_it_is(value in json_values()) {
            let text = json!({"x": value}).to_string();
            let x = read(&text).and_then(|mut data| data.remove("x"));
            prop_assert_eq!(x, Some(without_null_members(value)));
        }
    }
}

//! Strict JSON: an object in which no name occurs twice, at any depth.
//!
//! Two parsers that read different occurrences of one claim are an old attack; RFC 7515 section 4
//! and RFC 7519 section 4 allow a parser to refuse, so this one does. Depth is bounded by
//! serde_json (128 levels), size by the caller.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Parses one JSON object and nothing after it.
///
/// # Errors
/// Text without any content of the document; it is still meant for the log only.
pub(crate) fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, &'static str> {
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut parser).map_err(|error| {
        if error.is_data() {
            "has a duplicate name or is not a JSON object"
        } else {
            "is not JSON"
        }
    })?;
    parser
        .end()
        .map_err(|_| "has trailing data after its JSON object")?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err("is not a JSON object"),
    }
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate names")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Strict)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Strict)?;
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate name"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_may_occur_once() {
        for twice in [
            r#"{"iss":"a","iss":"b"}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":1,"b":1}]}"#,
            r#"{"iss":"a","\u0069ss":"b"}"#,
        ] {
            assert!(parse_object(twice.as_bytes()).is_err(), "{twice}");
        }
    }

    #[test]
    fn only_one_whole_object_passes() {
        for bad in [
            "",
            "null",
            "[]",
            "\"x\"",
            "{} {}",
            "{}x",
            "{\"a\":1e999}",
            "\u{feff}{}",
            "{\"a\":NaN}",
            "{'a':1}",
            "{\"a\":1,}",
        ] {
            assert!(parse_object(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse_object(&[b'{', b'"', 0xff, b'"', b':', b'1', b'}']).is_err());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse_object(deep.as_bytes()).is_err());
        assert_eq!(parse_object(b" {\"a\" : 1.5 } ").unwrap()["a"], 1.5);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_has_no_duplicates_is_read_as_serde_json_reads_it(value in json()) {
            let object = Value::Object([("x".to_owned(), value)].into_iter().collect());
            let parsed = parse_object(object.to_string().as_bytes()).unwrap();
            prop_assert_eq!(Value::Object(parsed), object);
        }
    }
}

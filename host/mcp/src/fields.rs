//! Members of DataHub's answers, taken out or put in without counting on their type: indexing with
//! `[]` to change a value panics where it is not an object.

use serde_json::Value;

/// Takes the value at `pointer` (RFC 6901); null if it is missing.
pub(crate) fn take(value: &mut Value, pointer: &str) -> Value {
    value
        .pointer_mut(pointer)
        .map(Value::take)
        .unwrap_or_default()
}

/// Sets a member of `value`, if it is an object.
pub(crate) fn set(value: &mut Value, name: &str, member: impl Into<Value>) {
    if let Value::Object(map) = value {
        map.insert(name.to_owned(), member.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_type_panics() {
        for mut value in [json!(null), json!(7), json!("x"), json!([1]), json!(true)] {
            let before = value.clone();
            assert_eq!(take(&mut value, "/a/b"), Value::Null);
            set(&mut value, "a", 1);
            assert_eq!(value, before);
        }
        let mut value = json!({"a": {"b": 1}});
        assert_eq!(take(&mut value, "/a/b"), 1);
        set(&mut value, "c", "d");
        assert_eq!(value, json!({"a": {"b": null}, "c": "d"}));
    }
}

//! Members of DataHub's answers, taken out or put in without counting on their type: indexing with
//! `[]` to change a value panics where it is not an object.

use serde_json::Value;

/// The value at `pointer` (RFC 6901). The pointers are those of our sources, none of which has an
/// escape: undoing escapes would copy each name.
pub(crate) fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    steps(pointer).try_fold(value, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Takes the value at `pointer`; null if it is missing.
pub(crate) fn take(value: &mut Value, pointer: &str) -> Value {
    let place = steps(pointer).try_fold(value, |value, step| value.get_mut(step));
    place.map(Value::take).unwrap_or_default()
}

fn steps(pointer: &str) -> std::str::Split<'_, char> {
    let mut steps = pointer.split('/');
    steps.next();
    steps
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
        let mut value = json!({"a": {"b": 1}, "list": [{"x": 2}]});
        for (pointer, expected) in [("/a/b", json!(1)), ("/list/0/x", json!(2))] {
            assert_eq!(at(&value, pointer), Some(&expected));
            assert_eq!(at(&value, pointer), value.pointer(pointer));
        }
        for missing in ["/a/c", "/a/b/c", "/list/1", "/list/x", "/b"] {
            assert_eq!(at(&value, missing), None);
        }
        take(&mut value, "/list");
        assert_eq!(take(&mut value, "/a/b"), 1);
        set(&mut value, "c", "d");
        assert_eq!(value, json!({"a": {"b": null}, "list": null, "c": "d"}));
    }
}

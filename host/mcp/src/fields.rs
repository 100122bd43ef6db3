//! Members of DataHub's answers, taken out or put in without counting on their type: indexing with
//! `[]` to change a value panics where it is not an object.

use datahub::Tree;
use serde_json::Value;

/// What may have members: an answer as it is read, or what was made of it.
pub(crate) trait Members {
    /// The member `name`, if there is one.
    fn member(&self, name: &str) -> Option<&Self>;
    /// The text, if it is one.
    fn text(&self) -> Option<&str>;
}

impl Members for Value {
    fn member(&self, name: &str) -> Option<&Self> {
        self.get(name)
    }

    fn text(&self) -> Option<&str> {
        self.as_str()
    }
}

impl Members for Tree<'_> {
    fn member(&self, name: &str) -> Option<&Self> {
        Some(self.get(name))
    }

    fn text(&self) -> Option<&str> {
        self.as_str()
    }
}

/// The value at the end of these steps from member to member.
pub(crate) fn at<'a, T: Members>(value: &'a T, steps: &[&str]) -> Option<&'a T> {
    steps
        .iter()
        .try_fold(value, |value, step| value.member(step))
}

/// The first text at one of these places that is not blank.
pub(crate) fn text_at<'a, T: Members>(value: &'a T, places: &[&[&str]]) -> Option<&'a str> {
    let mut texts = places.iter().filter_map(|steps| at(value, steps)?.text());
    texts.find(|text| !text.trim().is_empty())
}

/// Takes the value at the end of these steps; null if it is missing.
pub(crate) fn take(value: &mut Value, steps: &[&str]) -> Value {
    let place = steps
        .iter()
        .try_fold(value, |value, step| value.get_mut(step));
    place.map(Value::take).unwrap_or_default()
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
            assert_eq!(take(&mut value, &["a", "b"]), Value::Null);
            set(&mut value, "a", 1);
            assert_eq!(value, before);
        }
        let mut value = json!({"a": {"b": 1}, "list": [{"x": 2}]});
        assert_eq!(at(&value, &["a", "b"]), Some(&json!(1)));
        for missing in [&["a", "c"][..], &["a", "b", "c"], &["list", "0"], &["b"]] {
            assert_eq!(at(&value, missing), None);
        }
        assert_eq!(take(&mut value, &["list", "0"]), Value::Null);
        take(&mut value, &["list"]);
        assert_eq!(take(&mut value, &["a", "b"]), 1);
        set(&mut value, "c", "d");
        assert_eq!(value, json!({"a": {"b": null}, "list": null, "c": "d"}));
    }
}

//! The JSON of an answer without the members that are null. A GraphQL answer has a member for each field
//! that was selected, and most of them are null: read as they are, they would be most of the work on it.
//!
//! Of what is read, most is looked at once and dropped. So names and texts are those of the body, not
//! copies, and an object is a list: its few members are found faster one by one than by a hash, and
//! [`Value`] costs several allocations for each object.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A JSON value that borrows its texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree<'a> {
    /// `null`, or a member that is not there.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any number.
    Number(Number),
    /// A string; only one with escapes is a copy.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Tree<'a>>),
    /// An object: its members in their order. Of two with the same name, the last one counts.
    Object(Vec<(Cow<'a, str>, Tree<'a>)>),
}

/// The value of a member that is not there.
static NULL: Tree<'static> = Tree::Null;

impl<'a> Tree<'a> {
    /// The member `name`; null if there is none.
    pub fn get(&self, name: &str) -> &Self {
        let mut members = self.members().iter().rev();
        let found = members.find(|(known, _)| known == name);
        found.map_or(&NULL, |(_, value)| value)
    }

    /// The value at the end of these steps from member to member; null if there is none.
    pub fn at(&self, steps: &[&str]) -> &Self {
        steps.iter().fold(self, |tree, step| tree.get(step))
    }

    /// The members of an object; none of anything else.
    pub fn members(&self) -> &[(Cow<'a, str>, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a whole one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// Returns true for null.
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// A value of its own.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone().into_owned()),
            Self::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Self::Object(_) => Value::Object(self.to_map()),
        }
    }

    /// The members of an object as a map of its own.
    pub fn to_map(&self) -> Map<String, Value> {
        let mut map = Map::with_capacity(self.members().len());
        for (name, value) in self.members() {
            map.insert(name.clone().into_owned(), value.to_value());
        }
        map
    }
}

impl<'a> From<&'a Value> for Tree<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(map) => Self::Object(
                map.iter()
                    .map(|(name, value)| (Cow::Borrowed(name.as_str()), Self::from(value)))
                    .collect(),
            ),
        }
    }
}

/// Reads an object or null. The object's own members are all kept; those further down only if they are
/// not null.
pub(super) fn data<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Tree<'de>>, D::Error> {
    Option::<Data<'de>>::deserialize(deserializer).map(|data| data.map(|data| data.0))
}

struct Data<'a>(Tree<'a>);

impl<'de> Deserialize<'de> for Data<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Data<'de>, A::Error> {
        members(access, |_| true).map(Data)
    }
}

/// Without null members at any depth.
impl<'de> Deserialize<'de> for Tree<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Number::from_f64(value).map_or(Tree::Null, Tree::Number))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Tree::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Tree::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        members(access, |value| !value.is_null())
    }
}

/// The name of a member.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object that are to be kept.
fn members<'de, A: MapAccess<'de>>(
    mut access: A,
    keep: fn(&Tree<'de>) -> bool,
) -> Result<Tree<'de>, A::Error> {
    let mut members = Vec::new();
    while let Some(Name(name)) = access.next_key()? {
        let value = access.next_value()?;
        if keep(&value) {
            members.push((name, value));
        }
    }
    Ok(Tree::Object(members))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Option<Tree<'_>> {
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
        assert_eq!(read(text).map(|tree| tree.to_value()), Some(expected));
        assert_eq!(read("null"), None);
        for text in ["[]", "7", "\"x\"", "{\"a\": nul}", "{"] {
            assert!(
                data(&mut serde_json::Deserializer::from_str(text)).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn members_and_items_are_found_where_they_are() {
        let text = r#"{"a": {"b": ["x", 7, "\n"]}, "c": 1, "c": 2}"#;
        let tree = read(text).unwrap();
        let [x, seven, escaped] = tree.at(&["a", "b"]).items() else {
            panic!("{tree:?}")
        };
        assert_eq!((x.as_str(), seven.as_i64()), (Some("x"), Some(7)));
        assert!(matches!(x, Tree::Text(Cow::Borrowed(_))));
        assert_eq!(escaped.as_str(), Some("\n"));
        assert_eq!(tree.get("c").as_i64(), Some(2));
        assert_eq!(tree.to_value()["c"], 2);
        for missing in [&["x"][..], &["a", "x"], &["a", "b", "c"], &["c", "d"]] {
            assert!(tree.at(missing).is_null(), "{missing:?}");
        }
        assert!(x.items().is_empty() && x.members().is_empty());
        assert_eq!((x.as_i64(), seven.as_str()), (None, None));
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
            let x = read(&text).map(|data| data.get("x").to_value());
            prop_assert_eq!(Tree::from(&value).to_value(), value.clone());
            prop_assert_eq!(x, Some(without_null_members(value)));
        }
    }
}

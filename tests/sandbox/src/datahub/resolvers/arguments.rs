//! The arguments of a field, and the fields selected in its answer.

use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::resolvers::ResolveInfo;
use apollo_compiler::response::JsonValue;
use serde_json::Value;

/// Arguments after coercion, as plain JSON.
pub(crate) struct Arguments<'a> {
    info: &'a ResolveInfo<'a>,
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(info: &'a ResolveInfo<'a>) -> Self {
        Self { info }
    }

    /// An argument; null if it is missing.
    pub(crate) fn get(&self, name: &str) -> Value {
        self.info
            .arguments()
            .get(name)
            .map(plain)
            .unwrap_or_default()
    }

    /// A text argument; empty if it is missing.
    pub(crate) fn text(&self, name: &str) -> String {
        self.opt_text(name).unwrap_or_default()
    }

    /// A text argument.
    pub(crate) fn opt_text(&self, name: &str) -> Option<String> {
        self.info.arguments().get(name)?.as_str().map(str::to_owned)
    }

    /// A number argument.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.info.arguments().get(name)?.as_i64()
    }

    /// True if a field of this name is selected in the answer, directly or in a fragment.
    pub(crate) fn selects(&self, name: &str) -> bool {
        let sets = self
            .info
            .field_selections()
            .iter()
            .map(|field| &field.selection_set);
        sets.into_iter().any(|set| self.set_has(set, name))
    }

    fn set_has(&self, set: &SelectionSet, name: &str) -> bool {
        set.selections.iter().any(|selection| match selection {
            Selection::Field(field) => field.name == name,
            Selection::InlineFragment(inline) => self.set_has(&inline.selection_set, name),
            Selection::FragmentSpread(spread) => self
                .info
                .document()
                .fragments
                .get(&spread.fragment_name)
                .is_some_and(|fragment| self.set_has(&fragment.selection_set, name)),
        })
    }
}

/// Converts the executor's JSON to that of `serde_json`.
fn plain(value: &JsonValue) -> Value {
    match value {
        JsonValue::Null => Value::Null,
        JsonValue::Bool(flag) => Value::Bool(*flag),
        JsonValue::Number(number) => Value::Number(number.clone()),
        JsonValue::String(text) => Value::String(text.as_str().to_owned()),
        JsonValue::Array(items) => items.iter().map(plain).collect(),
        JsonValue::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (key.as_str().to_owned(), plain(value)))
                .collect(),
        ),
    }
}

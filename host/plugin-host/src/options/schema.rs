//! Option schemas (JSON Schema, draft 2020-12): which options there are, text as a value of the type
//! that an option wants, and the check of all of them.
//!
//! Messages name the expected value, and of the actual one only its type: it may be a secret.
//! Unknown keywords are left to the plugin's own check. A schema comes from a plugin, so
//! depth is bounded.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Number, Value};

/// The depth to which schemas and references are followed.
const MAX_DEPTH: usize = 32;

/// A whole schema, whose root the references start from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema<'a> {
    pub(super) root: &'a Value,
}

impl<'a> Schema<'a> {
    pub(crate) fn new(root: &'a Value) -> Self {
        Self { root }
    }

    /// The properties of the root object, in the order of the schema, each with its own schema.
    pub(crate) fn properties(self) -> Vec<(&'a str, &'a Value)> {
        let mut found = Vec::new();
        self.collect(self.root, 0, &mut found);
        found
    }

    fn collect(self, node: &'a Value, depth: usize, found: &mut Vec<(&'a str, &'a Value)>) {
        let node = self.resolve(node);
        if depth > MAX_DEPTH {
            return;
        }
        for (name, schema) in node
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            if !found.iter().any(|(known, _)| known == name) {
                found.push((name, schema));
            }
        }
        for part in alternatives(node) {
            self.collect(part, depth + 1, found);
        }
    }

    /// The names that the root object must have.
    pub(crate) fn required(self) -> Vec<&'a str> {
        let node = self.resolve(self.root);
        let names = node.get("required").and_then(Value::as_array);
        names
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// An annotation of a property, next to a reference or at its target.
    pub(crate) fn annotation(self, property: &'a Value, keyword: &str) -> Option<&'a Value> {
        property
            .get(keyword)
            .or_else(|| self.resolve(property).get(keyword))
    }

    /// The environment variables that fill a property: one, or a list of which the first that is set
    /// counts.
    pub(crate) fn variables(self, property: &'a Value) -> Vec<&'a str> {
        match self.annotation(property, "x-env") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The possible values of a property, if it is one of several words.
    pub(crate) fn choices(self, property: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.collect_choices(property, 0, &mut found);
        found
    }

    fn collect_choices(self, node: &Value, depth: usize, found: &mut Vec<String>) {
        let node = self.resolve(node);
        if depth > MAX_DEPTH {
            return;
        }
        let words = list(node, "enum").chain(node.get("const"));
        found.extend(
            words
                .filter(|word| !word.is_null())
                .map(ToString::to_string),
        );
        for part in alternatives(node) {
            self.collect_choices(part, depth + 1, found);
        }
    }

    /// The type of a property in words.
    pub(crate) fn type_name(self, property: &Value) -> String {
        let mut names = Vec::new();
        self.types(property, 0, &mut names);
        names.retain(|name| *name != "null");
        if names.is_empty() {
            "any".to_owned()
        } else {
            names.join(" or ")
        }
    }

    /// Converts the text of an environment variable into a value of the type of `property`.
    ///
    /// # Errors
    /// If the text is not such a value.
    pub(crate) fn coerce(self, property: &Value, text: &str) -> Result<Value, String> {
        let mut types = Vec::new();
        self.types(property, 0, &mut types);
        let is = |name: &str| types.contains(&name);
        if is("array") && (text.trim_start().starts_with('[') || !is("string")) {
            return self.coerce_array(property, text);
        }
        if is("object") && (text.trim_start().starts_with('{') || !is("string")) {
            return serde_json::from_str::<Map<String, Value>>(text)
                .map(Value::Object)
                .map_err(|_| "expected a JSON object".to_owned());
        }
        if is("boolean")
            && let Some(value) = boolean(text)
        {
            return Ok(value.into());
        }
        if is("integer") || is("number") {
            let integer = text.trim().parse::<i64>().map(Number::from).ok();
            let integer = integer.or_else(|| text.trim().parse::<u64>().map(Number::from).ok());
            let float = || text.trim().parse().ok().and_then(Number::from_f64);
            if let Some(number) = integer.or_else(|| is("number").then(float).flatten()) {
                return Ok(Value::Number(number));
            }
        }
        if is("string") || types.is_empty() {
            return Ok(text.into());
        }
        Err(format!("expected {}", article(&self.type_name(property))))
    }

    fn coerce_array(self, property: &Value, text: &str) -> Result<Value, String> {
        if text.trim_start().starts_with('[') {
            return serde_json::from_str::<Vec<Value>>(text)
                .map(Value::Array)
                .map_err(|_| "expected a JSON array or values separated by commas".to_owned());
        }
        let anything = Value::Bool(true);
        let items = self.items(property, 0).unwrap_or(&anything);
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts
            .map(|part| self.coerce(items, part))
            .collect::<Result<_, _>>()
            .map(Value::Array)
    }

    fn items<'b>(self, node: &'b Value, depth: usize) -> Option<&'b Value>
    where
        'a: 'b,
    {
        let node = self.resolve(node);
        if depth > MAX_DEPTH {
            return None;
        }
        node.get("items")
            .or_else(|| alternatives(node).find_map(|part| self.items(part, depth + 1)))
    }

    fn resolve<'b>(self, mut node: &'b Value) -> &'b Value
    where
        'a: 'b,
    {
        for _ in 0..MAX_DEPTH {
            let reference = node.get("$ref").and_then(Value::as_str);
            match reference.and_then(|r| self.root.pointer(r.strip_prefix('#')?)) {
                Some(target) => node = target,
                None => break,
            }
        }
        node
    }

    fn types(self, node: &Value, depth: usize, names: &mut Vec<&'static str>) {
        let node = self.resolve(node);
        if depth > MAX_DEPTH {
            return;
        }
        let mut add = |name: Option<&'static str>| {
            if let Some(name) = name.filter(|name| !names.contains(name)) {
                names.push(name);
            }
        };
        match node.get("type") {
            Some(Value::String(name)) => add(known_type(name)),
            Some(Value::Array(list)) => {
                list.iter()
                    .for_each(|name| add(name.as_str().and_then(known_type)));
            }
            _ => {}
        }
        for value in node
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            add(Some(type_of(value)));
        }
        add(node.get("const").map(type_of));
        for part in alternatives(node) {
            self.types(part, depth + 1, names);
        }
    }

    /// Makes what checks values against the whole schema; references lead nowhere outside it.
    ///
    /// # Errors
    /// Where the schema is not a JSON Schema (draft 2020-12), and why.
    pub(super) fn validator(self) -> Result<Validator, String> {
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .build(self.root)
            .map_err(|error| match error.instance_path().as_str() {
                "" => error.masked().to_string(),
                at => format!("at `{at}`: {}", error.masked()),
            })
    }
}

fn list<'a>(node: &'a Value, keyword: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    node.get(keyword)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn alternatives(node: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf", "allOf"]
        .into_iter()
        .flat_map(move |keyword| list(node, keyword))
}

fn known_type(name: &str) -> Option<&'static str> {
    [
        "null", "boolean", "integer", "number", "string", "array", "object",
    ]
    .into_iter()
    .find(|known| *known == name)
}

pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

pub(super) fn article(name: &str) -> String {
    match name {
        "null" | "any" => name.to_owned(),
        "integer" | "array" | "object" => format!("an {name}"),
        _ => format!("a {name}"),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

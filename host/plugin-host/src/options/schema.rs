//! Option schemas (JSON Schema, draft 2020-12): which options there are, text as a value of the type
//! that an option wants, and the check of all of them.
//!
//! Messages name the expected value, and of the actual one only its type: it may be a secret.
//! Unknown keywords are left to the plugin's own check. A schema comes from a plugin, so
//! depth is bounded.

use foundation::suggest;
use jsonschema::{
    Draft, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind as Kind},
    paths::{Location, LocationSegment},
};
use serde_json::{Map, Number, Value};

/// The depth to which schemas and references are followed.
const MAX_DEPTH: usize = 32;

/// A value does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("option `{path}`: {message}")]
pub struct Violation {
    /// The option, with the path within it.
    pub path: String,
    /// The expected value.
    pub message: String,
}

/// A whole schema, whose root the references start from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema<'a> {
    root: &'a Value,
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
            .offline()
            .build(self.root)
            .map_err(|error| match error.instance_path().as_str() {
                "" => error.masked().to_string(),
                at => format!("at `{at}`: {}", error.masked()),
            })
    }

    /// Says in our own words what does not fit, because those of the validator quote the value.
    pub(super) fn violation(self, error: &ValidationError<'_>) -> Violation {
        let mut path = path_of(error.instance_path());
        let message = match error.kind() {
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                return self.of_alternatives(error, context);
            }
            Kind::OneOfMultipleValid { .. } => {
                "fits several alternatives of its schema, expected exactly one".to_owned()
            }
            Kind::Required { property } => {
                descend(&mut path, property.as_str().unwrap_or_default());
                "is required and not set".to_owned()
            }
            Kind::AdditionalProperties { unexpected }
            | Kind::UnevaluatedProperties { unexpected } => {
                let name = unexpected.first().map(String::as_str).unwrap_or_default();
                descend(&mut path, name);
                let near = suggest::offers(name, self.siblings(error));
                format!("is unknown{}", suggest::hint(&near))
            }
            Kind::FalseSchema => "is not allowed".to_owned(),
            kind => expectation(kind, error.instance()),
        };
        Violation { path, message }
    }

    /// None of several alternatives fits: says what is wrong with the one of the right type, which
    /// tells more than that null was expected, or lists the words that were.
    fn of_alternatives(
        self,
        error: &ValidationError<'_>,
        context: &[Vec<ValidationError<'static>>],
    ) -> Violation {
        let here = error.instance_path();
        let is_of_type = |part: &&Vec<ValidationError<'_>>| {
            !part.iter().any(|error| {
                error.instance_path() == here && matches!(error.kind(), Kind::Type { .. })
            })
        };
        let chosen = context.iter().rfind(is_of_type).or(context.first());
        let violation = chosen.and_then(|part| part.first()).map_or_else(
            || Violation {
                path: path_of(here),
                message: "fits no alternative of its schema".to_owned(),
            },
            |error| self.violation(error),
        );
        let mut words = Vec::new();
        expected_words(context, here, &mut words);
        if words.len() > 1 && violation.path == path_of(here) {
            let message = format!("expected one of {}", words.join(", "));
            return Violation {
                message,
                ..violation
            };
        }
        violation
    }

    /// The members that the schema of the object knows that `error` is about.
    fn siblings(self, error: &ValidationError<'_>) -> impl Iterator<Item = &'a str> {
        let keyword = error.schema_path().as_str();
        let node = keyword.rsplit_once('/').map_or("", |(node, _)| node);
        let properties = self
            .root
            .pointer(node)
            .and_then(|node| node.get("properties"));
        properties
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
    }
}

/// What a keyword expects of a value, by what it says itself.
fn expectation(kind: &Kind, found: &Value) -> String {
    match kind {
        Kind::Type { kind } => {
            let names: Vec<String> = match kind {
                TypeKind::Single(name) => vec![article(name.as_str())],
                TypeKind::Multiple(names) => {
                    names.iter().map(|name| article(name.as_str())).collect()
                }
            };
            let found = article(type_of(found));
            format!("expected {}, found {found}", names.join(" or "))
        }
        Kind::Enum { options } => format!("expected one of {}", words_in(options).join(", ")),
        Kind::Constant { expected_value } => format!("expected {expected_value}"),
        Kind::Minimum { limit } => format!("expected at least {limit}"),
        Kind::Maximum { limit } => format!("expected at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("expected more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("expected less than {limit}"),
        Kind::MinLength { limit } => format!("expected at least {limit} characters"),
        Kind::MaxLength { limit } => format!("expected at most {limit} characters"),
        Kind::MinItems { limit } => format!("expected at least {limit} values"),
        Kind::MaxItems { limit } => format!("expected at most {limit} values"),
        Kind::MinProperties { limit } => format!("expected at least {limit} members"),
        Kind::MaxProperties { limit } => format!("expected at most {limit} members"),
        Kind::Pattern { pattern } => format!("expected text that matches `{pattern}`"),
        other => format!("does not fit `{}` of its schema", other.keyword()),
    }
}

/// The words that the alternatives of a value at `here` are made of.
fn expected_words(context: &[Vec<ValidationError<'_>>], here: &Location, found: &mut Vec<String>) {
    for error in context.iter().flatten() {
        if error.instance_path() != here {
            continue;
        }
        let words = match error.kind() {
            Kind::Enum { options } => words_in(options),
            Kind::Constant { expected_value } => vec![expected_value.to_string()],
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                expected_words(context, here, found);
                continue;
            }
            _ => continue,
        };
        for word in words {
            if word != "null" && !found.contains(&word) {
                found.push(word);
            }
        }
    }
}

fn words_in(options: &Value) -> Vec<String> {
    let options = options.as_array().into_iter().flatten();
    options.map(ToString::to_string).collect()
}

/// `a.b[0]`, as messages name it.
fn path_of(location: &Location) -> String {
    let mut path = String::new();
    for segment in location {
        match segment {
            LocationSegment::Property(name) => descend(&mut path, &name),
            LocationSegment::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

fn descend(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
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

fn type_of(value: &Value) -> &'static str {
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

fn article(name: &str) -> String {
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

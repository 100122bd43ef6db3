//! A tool's arguments: one list of parameters yields both the JSON Schema that the model sees and
//! the check of what it sends, so the two cannot differ.
//!
//! The schema gives each parameter a single type (some model providers refuse unions). The check is
//! as lenient as it can be without guessing: it accepts a bare string where a list is expected,
//! null for "not given", and a number in quotes.

use foundation::suggest;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// The default limit on one text argument, in characters.
const MAX_TEXT: usize = 4_000;

/// The type of value that a parameter takes.
#[derive(Debug, Clone)]
enum Kind {
    Text {
        max: usize,
    },
    Integer {
        min: i64,
        max: i64,
    },
    Flag,
    Choice(&'static [&'static str]),
    Texts {
        max: usize,
    },
    /// An object whose values are lists of texts.
    TextLists {
        max: usize,
    },
}

/// One parameter of a tool.
#[derive(Debug, Clone)]
pub(crate) struct Param {
    name: &'static str,
    kind: Kind,
    required: bool,
    default: Option<Value>,
    doc: &'static str,
}

/// A text.
pub(crate) fn text(name: &'static str, doc: &'static str) -> Param {
    Param {
        name,
        kind: Kind::Text { max: MAX_TEXT },
        required: false,
        default: None,
        doc,
    }
}

/// A text of up to `max` characters.
pub(crate) fn long_text(name: &'static str, max: usize, doc: &'static str) -> Param {
    Param {
        kind: Kind::Text { max },
        ..text(name, doc)
    }
}

/// A whole number.
pub(crate) fn integer(name: &'static str, min: i64, max: i64, doc: &'static str) -> Param {
    Param {
        kind: Kind::Integer { min, max },
        ..text(name, doc)
    }
}

/// A boolean.
pub(crate) fn flag(name: &'static str, doc: &'static str) -> Param {
    Param {
        kind: Kind::Flag,
        ..text(name, doc)
    }
}

/// One of `values`.
pub(crate) fn choice(
    name: &'static str,
    values: &'static [&'static str],
    doc: &'static str,
) -> Param {
    Param {
        kind: Kind::Choice(values),
        ..text(name, doc)
    }
}

/// A list of up to `max` texts; a bare text counts as a list of one.
pub(crate) fn texts(name: &'static str, max: usize, doc: &'static str) -> Param {
    Param {
        kind: Kind::Texts { max },
        ..text(name, doc)
    }
}

/// Up to `max` names, each with a list of texts.
pub(crate) fn text_lists(name: &'static str, max: usize, doc: &'static str) -> Param {
    Param {
        kind: Kind::TextLists { max },
        ..text(name, doc)
    }
}

impl Param {
    /// Makes the parameter required.
    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Sets the value that is used where the argument is not given.
    pub(crate) fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    fn schema(&self) -> Value {
        let mut schema = match &self.kind {
            Kind::Text { .. } => json!({"type": "string"}),
            Kind::Integer { min, max } => {
                json!({"type": "integer", "minimum": min, "maximum": max})
            }
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Choice(values) => json!({"type": "string", "enum": values}),
            Kind::Texts { .. } => json!({"type": "array", "items": {"type": "string"}}),
            Kind::TextLists { .. } => json!({
                "type": "object",
                "additionalProperties": {"type": "array", "items": {"type": "string"}}
            }),
        };
        if let Some(object) = schema.as_object_mut() {
            if !self.doc.is_empty() {
                object.insert("description".to_owned(), Value::from(self.doc));
            }
            if let Some(default) = &self.default {
                object.insert("default".to_owned(), default.clone());
            }
        }
        schema
    }

    /// Converts the value to the form that the tool expects, or says what is wrong with it.
    fn read(&self, value: Value) -> Result<Value, String> {
        match &self.kind {
            Kind::Text { max } => match value {
                Value::String(text) => within(text, *max).map(Value::from),
                Value::Number(number) => Ok(Value::from(number.to_string())),
                _ => Err("must be a string".to_owned()),
            },
            Kind::Integer { min, max } => integer_of(&value)
                .filter(|number| (*min..=*max).contains(number))
                .map(Value::from)
                .ok_or_else(|| format!("must be a whole number from {min} to {max}")),
            Kind::Flag => match &value {
                Value::Bool(_) => Ok(value),
                Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
                Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
                _ => Err("must be true or false".to_owned()),
            },
            Kind::Choice(values) => value
                .as_str()
                .and_then(|text| values.iter().find(|v| v.eq_ignore_ascii_case(text.trim())))
                .map(|found| Value::from(*found))
                .ok_or_else(|| format!("must be one of {}", values.join(", "))),
            Kind::Texts { max } => list_of(value, *max).map(Value::from),
            Kind::TextLists { max } => {
                let value = match value {
                    Value::String(text) => serde_json::from_str(&text).unwrap_or_default(),
                    other => other,
                };
                let Value::Object(object) = value else {
                    return Err("must be an object of lists of strings".to_owned());
                };
                if object.len() > *max {
                    return Err(format!("may hold at most {max} names"));
                }
                let lists = object
                    .into_iter()
                    .map(|(name, list)| Ok((name, Value::from(list_of(list, *max)?))))
                    .collect::<Result<Map<_, _>, String>>()?;
                Ok(Value::Object(lists))
            }
        }
    }
}

fn within(text: String, max: usize) -> Result<String, String> {
    // No text has more characters than bytes, so most texts need no counting.
    if text.len() > max && text.chars().count() > max {
        return Err(format!("may be at most {max} characters long"));
    }
    Ok(text)
}

fn integer_of(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number
                .as_f64()
                .filter(|f| f.fract() == 0.0 && f.abs() < 1e15)?;
            Some(float as i64)
        }),
        _ => None,
    }
}

/// A list, a bare text, or a list written as JSON inside a text. Null inside a list becomes the
/// empty text ("no column here").
fn list_of(value: Value, max: usize) -> Result<Vec<String>, String> {
    let wrong = || "must be a list of strings".to_owned();
    let items = match value {
        Value::Array(items) => items,
        Value::String(text) if text.trim_start().starts_with('[') => {
            match serde_json::from_str(&text) {
                Ok(Value::Array(items)) => items,
                _ => vec![Value::String(text)],
            }
        }
        Value::String(text) => vec![Value::String(text)],
        _ => return Err(wrong()),
    };
    if items.len() > max {
        return Err(format!("may hold at most {max} entries"));
    }
    items
        .into_iter()
        .map(|item| match item {
            Value::String(text) => within(text, MAX_TEXT),
            Value::Number(number) => Ok(number.to_string()),
            Value::Null => Ok(String::new()),
            _ => Err(wrong()),
        })
        .collect()
}

/// The input schema of a tool with these parameters.
pub(crate) fn schema(params: &[Param]) -> Map<String, Value> {
    let properties: Map<String, Value> = params
        .iter()
        .map(|param| (param.name.to_owned(), param.schema()))
        .collect();
    let required: Vec<&str> = params
        .iter()
        .filter(|p| p.required)
        .map(|p| p.name)
        .collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), Value::from("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), Value::from(required));
    }
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    schema
}

/// Checks what a model sent and fills in the defaults.
///
/// # Errors
/// A text that names everything that is wrong and how to correct the call.
pub(crate) fn read<T: DeserializeOwned>(
    tool: &str,
    params: &[Param],
    mut given: Map<String, Value>,
) -> Result<T, String> {
    let mut wrong = Vec::new();
    let mut checked = Map::new();
    for param in params {
        match given.swap_remove(param.name) {
            None | Some(Value::Null) => match &param.default {
                Some(default) => {
                    checked.insert(param.name.to_owned(), default.clone());
                }
                None if param.required => wrong.push(format!("`{}` is missing", param.name)),
                None => {}
            },
            Some(value) => match param.read(value) {
                Ok(value) => {
                    checked.insert(param.name.to_owned(), value);
                }
                Err(problem) => wrong.push(format!("`{}` {problem}", param.name)),
            },
        }
    }
    for name in given.keys().take(5) {
        let shown: String = name.chars().take(60).collect();
        let near = suggest::names(name, params.iter().map(|param| param.name), 1);
        wrong.push(match near.first() {
            Some(near) => {
                format!("`{shown}` is not an argument of {tool} (did you mean `{near}`?)")
            }
            None => format!("`{shown}` is not an argument of {tool}"),
        });
    }
    if !wrong.is_empty() {
        let names: Vec<&str> = params.iter().map(|param| param.name).collect();
        let names = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        return Err(format!(
            "{}. Arguments of {tool}: {names}.",
            wrong.join("; ")
        ));
    }
    serde_json::from_value(Value::Object(checked))
        .map_err(|error| format!("the arguments of {tool} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Args {
        query: String,
        count: i64,
        deep: Option<bool>,
        order: Option<String>,
        #[serde(default)]
        urns: Vec<String>,
    }

    fn params() -> Vec<Param> {
        vec![
            text("query", "what").default("*"),
            integer("count", 0, 50, "").default(10),
            flag("deep", ""),
            choice("order", &["asc", "desc"], ""),
            texts("urns", 3, "").required(),
        ]
    }

    fn parse(value: Value) -> Result<Args, String> {
        let Value::Object(object) = value else {
            panic!("an object")
        };
        read("find", &params(), object)
    }

    #[test]
    fn fills_defaults_and_forgives_what_models_do() {
        let args = parse(json!({"urns": "a", "count": "7", "deep": "true", "order": null}));
        let expected = Args {
            query: "*".to_owned(),
            count: 7,
            deep: Some(true),
            order: None,
            urns: vec!["a".to_owned()],
        };
        assert_eq!(args.unwrap(), expected);
        assert_eq!(
            parse(json!({"urns": "[\"a\", \"b\"]"})).unwrap().urns,
            ["a", "b"]
        );
        assert_eq!(
            parse(json!({"urns": ["a"], "count": 3.0})).unwrap().count,
            3
        );
        assert_eq!(
            parse(json!({"urns": "a", "order": "ASC"}))
                .unwrap()
                .order
                .unwrap(),
            "asc"
        );
    }

    #[test]
    fn says_all_that_is_wrong_and_what_would_be_right() {
        let error = parse(json!({"quary": "x", "count": 51, "order": "up"})).unwrap_err();
        assert_eq!(
            error,
            "`count` must be a whole number from 0 to 50; `order` must be one of asc, desc; \
             `urns` is missing; `quary` is not an argument of find (did you mean `query`?). \
             Arguments of find: query, count, deep, order, urns."
        );
        assert!(
            parse(json!({"urns": ["a", "b", "c", "d"]}))
                .unwrap_err()
                .contains("at most 3")
        );
        assert!(
            parse(json!({"urns": [["a"]]}))
                .unwrap_err()
                .contains("list of strings")
        );
        assert!(parse(json!({"urns": "a", "count": 1.5})).is_err());
    }

    #[test]
    fn the_schema_has_one_type_a_parameter() {
        let schema = Value::Object(schema(&params()));
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], json!(["urns"]));
        assert_eq!(schema["properties"]["count"]["maximum"], 50);
        assert!(!schema.to_string().contains("anyOf"));
    }
}

//! A tool's arguments: one list of parameters yields both the JSON Schema that the model sees and
//! the check of what it sends, so the two cannot differ.
//!
//! The schema gives each parameter a single type (some model providers refuse unions). The check is
//! as lenient as it can be without guessing: it accepts a bare string where a list is expected,
//! urns joined by commas, null and the empty string for "not given", and numbers and booleans in
//! quotes. What a tool writes is taken as it was sent.

mod lenient;
#[cfg(test)]
mod tests;

use foundation::suggest;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use self::lenient::{MAX_TEXT, flag_of, integer_of, list_of, separate_urns, within};
use super::urn;

/// Arguments that clients send to tools without parameters, because a model provider wants one.
const DUMMIES: &[&str] = &[
    "",
    "dummy",
    "dummy_param",
    "no_args",
    "no_params",
    "noop",
    "placeholder",
    "random_string",
    "unused",
];

/// Names that other servers have for the same: whoever sends one means that of these which the tool has.
const SYNONYMS: &[&[&str]] = &[
    &[
        "limit",
        "count",
        "num_results",
        "max_results",
        "size",
        "top_k",
        "page_size",
        "first",
    ],
    &["offset", "start", "skip", "from", "start_offset"],
    &["query", "q", "search", "keywords", "term"],
    &[
        "urn",
        "urns",
        "entity_urn",
        "entity_urns",
        "dataset_urn",
        "asset_urn",
        "id",
    ],
    &["upstream", "direction", "downstream"],
    &[
        "column",
        "columns",
        "column_path",
        "column_paths",
        "field",
        "field_path",
    ],
    &[
        "filter",
        "filters",
        "where",
        "types",
        "entity_types",
        "platform",
    ],
    &["name", "title"],
    &["description", "content", "text", "definition", "message"],
    &["range", "time_range", "period", "days"],
    &["parent_node", "parent", "node"],
];

/// The type of value that a parameter takes.
#[derive(Debug, Clone)]
enum Kind {
    Text {
        max: usize,
    },
    /// A text that is written: the empty one is a text, too.
    Content {
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
        /// True if a bare text holds several, joined by commas.
        commas: bool,
        /// True if one bare text stays a text.
        bare: bool,
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

/// A text of up to `max` characters that is written as it is, even if it is empty.
pub(crate) fn long_text(name: &'static str, max: usize, doc: &'static str) -> Param {
    Param {
        kind: Kind::Content { max },
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
        kind: Kind::Texts {
            max,
            commas: false,
            bare: false,
        },
        ..text(name, doc)
    }
}

/// The same, but one bare text stays a text, for a tool that answers one and several in other forms.
pub(crate) fn text_or_texts(name: &'static str, max: usize, doc: &'static str) -> Param {
    Param {
        kind: Kind::Texts {
            max,
            commas: false,
            bare: true,
        },
        ..text(name, doc)
    }
}

/// The same for words that hold no comma: a bare text may join several.
pub(crate) fn words(name: &'static str, max: usize, doc: &'static str) -> Param {
    Param {
        kind: Kind::Texts {
            max,
            commas: true,
            bare: false,
        },
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
            Kind::Text { .. } | Kind::Content { .. } => json!({"type": "string"}),
            // That it is not negative says its name.
            Kind::Integer { max, .. } => json!({"type": "integer", "maximum": max}),
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
            Kind::Text { max } | Kind::Content { max } => match value {
                Value::String(text) if matches!(self.kind, Kind::Text { .. }) => {
                    within(spelled(text), *max).map(Value::from)
                }
                Value::String(text) => within(text, *max).map(Value::from),
                Value::Number(number) => Ok(Value::from(number.to_string())),
                _ => Err("must be a string".to_owned()),
            },
            Kind::Integer { min, max } => integer_of(&value)
                .filter(|number| (*min..=*max).contains(number))
                .map(Value::from)
                .ok_or_else(|| format!("must be a whole number from {min} to {max}")),
            Kind::Flag => flag_of(&value)
                .map(Value::Bool)
                .ok_or_else(|| "must be true or false".to_owned()),
            Kind::Choice(values) => value
                .as_str()
                .and_then(|text| values.iter().find(|v| v.eq_ignore_ascii_case(text.trim())))
                .map(|found| Value::from(*found))
                .ok_or_else(|| format!("must be one of {}", values.join(", "))),
            Kind::Texts { max, commas, bare } => {
                let bare = *bare
                    && value
                        .as_str()
                        .is_some_and(|text| !text.trim_start().starts_with('['));
                let value = match value {
                    Value::String(text) if *commas && !text.trim_start().starts_with('[') => {
                        let words = text.split(',').map(str::trim).filter(|w| !w.is_empty());
                        words.map(Value::from).collect()
                    }
                    other => other,
                };
                let list = list_of(value, usize::MAX)?;
                let list = list.into_iter().flat_map(separate_urns);
                let list: Vec<String> = list.map(spelled).collect();
                if list.len() > *max {
                    return Err(format!("may hold at most {max} entries"));
                }
                match <[String; 1]>::try_from(list) {
                    Ok([one]) if bare => Ok(Value::from(one)),
                    Ok(one) => Ok(Value::from(one.to_vec())),
                    Err(list) => Ok(Value::from(list)),
                }
            }
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

    /// True for what clients send in place of an argument that the model left out.
    fn is_absent(&self, value: &Value) -> bool {
        let Value::String(text) = value else {
            return value.is_null() || (lenient::is_empty(value) && !self.required);
        };
        let text = text.trim();
        match &self.kind {
            Kind::Content { .. } => false,
            Kind::Text { .. } | Kind::Texts { .. } | Kind::TextLists { .. } => {
                ["", "{}", "[]", "\"\"", "''"].contains(&text) && !self.required
            }
            Kind::Integer { .. } | Kind::Flag | Kind::Choice(_) => {
                let words = ["", "null", "none", "undefined"];
                words.iter().any(|word| text.eq_ignore_ascii_case(word))
            }
        }
    }
}

/// The text; a urn without the spaces and quotes around it, and that of a column as DataHub spells it.
fn spelled(text: String) -> String {
    let bare = text.trim_matches(|c: char| c.is_whitespace() || ['"', '\'', '`'].contains(&c));
    if bare.starts_with("urn:li:schemaField:") {
        urn::spelled(bare)
    } else if bare.len() < text.len() && urn::kind(bare).is_some() {
        bare.to_owned()
    } else {
        text
    }
}

/// Returns true for an argument that means nothing: an unknown name without a value, or a name that
/// clients make up for tools without parameters.
fn means_nothing(params: &[Param], name: &str, value: &Value) -> bool {
    let dummy = || {
        params.is_empty() && DUMMIES.contains(&name.trim_matches('_').to_ascii_lowercase().as_str())
    };
    value.is_null() || lenient::is_empty(value) || dummy()
}

/// The parameter that has another name for the same.
fn synonym<'a>(params: &'a [Param], name: &str) -> Option<&'a str> {
    let group = SYNONYMS.iter().find(|group| group.contains(&name))?;
    let mut names = params.iter().map(|param| param.name);
    names.find(|known| group.contains(known))
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
        match given
            .swap_remove(param.name)
            .filter(|value| !param.is_absent(value))
        {
            None => match &param.default {
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
    given.retain(|name, value| !means_nothing(params, name, value));
    for name in given.keys().take(5) {
        let shown: String = name.chars().take(60).collect();
        let mut near = suggest::names(name, params.iter().map(|param| param.name), 1);
        if near.is_empty() {
            near = synonym(params, name).into_iter().collect();
        }
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

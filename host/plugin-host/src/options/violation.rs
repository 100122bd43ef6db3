//! A value that does not fit its schema, in our own words: those of the validator quote the value,
//! which may be a secret.

use foundation::suggest;
use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
    paths::{Location, LocationSegment},
};
use serde_json::Value;

use super::schema::{Schema, article, type_of};

/// A value does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("option `{path}`: {message}")]
pub struct Violation {
    /// The option, with the path within it.
    pub path: String,
    /// The expected value.
    pub message: String,
}

impl<'a> Schema<'a> {
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
            _ => expectation(error),
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

/// The expectation that a keyword states about a value.
fn expectation(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::Type { kind } => {
            let names: Vec<String> = match kind {
                TypeKind::Single(name) => vec![article(&name.to_string())],
                TypeKind::Multiple(names) => names
                    .iter()
                    .map(|name| article(&name.to_string()))
                    .collect(),
            };
            let found = article(type_of(error.instance()));
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
        _ => {
            let keyword = error.schema_path().as_str().rsplit('/').next();
            let keyword = keyword.unwrap_or_default();
            format!("does not fit `{keyword}` of its schema")
        }
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

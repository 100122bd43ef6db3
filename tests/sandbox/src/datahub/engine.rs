//! GraphQL: parse, validate, execute, and answer as DataHub does (graphql-java's error texts and
//! `extensions`, HTTP 200 whatever happened).
//!
//! Knows nothing of metadata: that is [`super::resolvers`].

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::{GraphQLError, JsonMap};
use apollo_compiler::schema::{ExtendedType, Implementers};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Schema};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};

use super::complexity;
use super::error::ApiError;
use super::hub::{Actor, Hub};
use super::resolvers::{Cx, Node};

/// The schema's text; a part of DataHub's own.
pub(crate) const SCHEMA: &str = include_str!("../../schema/datahub.graphql");

/// The schema, parsed once in a process.
pub(crate) static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::new);

/// The largest number of parsed documents that are cached.
const MAX_DOCUMENTS: usize = 512;

/// The schema and the documents seen.
pub(crate) struct Engine {
    pub(crate) schema: Valid<Schema>,
    implementers: apollo_compiler::collections::HashMap<Name, Implementers>,
    documents: Mutex<HashMap<String, Arc<Prepared>>>,
}

/// A request, taken out of its HTTP body.
pub(crate) struct Asked<'a> {
    pub(crate) query: &'a str,
    pub(crate) operation: Option<&'a str>,
    /// An object.
    pub(crate) variables: Value,
}

/// The answer's body, and the operation that was asked for.
pub(crate) struct Answered {
    pub(crate) body: Vec<u8>,
    pub(crate) operation: Option<String>,
}

struct Prepared {
    document: Result<Valid<ExecutableDocument>, Vec<Value>>,
    refused: Option<Value>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Option<&'a JsonMap>>,
    extensions: Value,
}

impl Body<'_> {
    fn text(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    #[expect(
        clippy::expect_used,
        reason = "the text is part of the program, and a test parses it"
    )]
    fn new() -> Self {
        let schema = Schema::parse_and_validate(SCHEMA, "datahub.graphql").expect("valid schema");
        Self::of(schema)
    }

    fn of(schema: Valid<Schema>) -> Self {
        let implementers = schema.implementers_map();
        Self {
            schema,
            implementers,
            documents: Mutex::default(),
        }
    }

    /// The engine of a DataHub that lacks some fields (`Dataset.health`) and types (`Document`).
    ///
    /// # Errors
    /// If something to hide does not exist, or the rest is not a valid schema.
    pub(crate) fn without(hidden: &[String]) -> Result<Self, String> {
        let mut schema = Schema::clone(&ENGINE.schema);
        for name in hidden {
            let found = match name.split_once('.') {
                Some((ty, field)) => schema
                    .types
                    .get_mut(ty)
                    .is_some_and(|ty| remove_field(ty, |name, _| name == field)),
                None => remove_type(&mut schema, name),
            };
            if !found {
                return Err(format!("there is no {name}"));
            }
        }
        let schema = schema
            .validate()
            .map_err(|invalid| invalid.errors.to_string())?;
        Ok(Self::of(schema))
    }

    fn prepare(&self, query: &str) -> Arc<Prepared> {
        if let Some(prepared) = self.documents.lock().get(query) {
            return Arc::clone(prepared);
        }
        let document = ExecutableDocument::parse_and_validate(&self.schema, query, "query")
            .map_err(|with_errors| {
                with_errors
                    .errors
                    .iter()
                    .map(|e| validation(e.unstable_to_json_compat()))
                    .collect()
            });
        let refused = document.as_ref().ok().and_then(|document| {
            let message = complexity::refusal(&self.schema, document)?;
            Some(classified(&message, "ExecutionAborted"))
        });
        let prepared = Arc::new(Prepared { document, refused });
        let mut documents = self.documents.lock();
        if documents.len() >= MAX_DOCUMENTS {
            documents.clear();
        }
        documents.insert(query.to_owned(), Arc::clone(&prepared));
        prepared
    }
}

/// Removes from a type the fields whose name and type match; returns true if there were any.
fn remove_field(ty: &mut ExtendedType, meant: impl Fn(&str, &str) -> bool) -> bool {
    let fields = match ty {
        ExtendedType::Object(object) => &mut object.make_mut().fields,
        ExtendedType::Interface(interface) => &mut interface.make_mut().fields,
        _ => return false,
    };
    let before = fields.len();
    fields.retain(|name, field| !meant(name, field.ty.inner_named_type()));
    fields.len() < before
}

/// Removes a type and the fields of that type.
fn remove_type(schema: &mut Schema, hidden: &str) -> bool {
    let found = schema.types.shift_remove(hidden).is_some();
    for ty in schema.types.values_mut() {
        if let ExtendedType::Union(union) = ty {
            union
                .make_mut()
                .members
                .retain(|member| member.name != hidden);
        }
        remove_field(ty, |_, given| given == hidden);
    }
    found
}

/// Answers one request.
pub(crate) fn execute(hub: &Arc<Hub>, actor: &Actor, asked: Asked<'_>) -> Answered {
    let engine = hub.engine.as_ref().unwrap_or(&ENGINE);
    let prepared = engine.prepare(asked.query);
    let document = match &prepared.document {
        Ok(document) => document,
        Err(errors) => return refuse(errors.clone(), asked.operation),
    };
    if let Some(error) = &prepared.refused {
        return refuse(vec![error.clone()], asked.operation);
    }
    if document.operations.len() > 1 && is_before_0_14(&hub.version) {
        let message = "Only one operation is allowed in a document.";
        return refuse(
            vec![classified(message, "ValidationError")],
            asked.operation,
        );
    }
    let Ok(operation) = document.operations.get(asked.operation) else {
        let message = format!(
            "Unknown operation named '{}'.",
            asked.operation.unwrap_or_default()
        );
        return refuse(
            vec![classified(&message, "ValidationError")],
            asked.operation,
        );
    };
    let name = operation.name.as_ref().map(ToString::to_string);
    let cx = Cx::new(Arc::clone(hub), actor.clone());
    let root = Node::root(
        &cx,
        if operation.is_mutation() {
            "Mutation"
        } else {
            "Query"
        },
    );
    let variables = match serde_json_bytes_map(asked.variables) {
        Some(variables) => variables,
        None => return refuse(vec![classified("no variables", "ValidationError")], None),
    };
    let executed = Execution::new(&engine.schema, document)
        .operation(operation)
        .implementers_map(&engine.implementers)
        .raw_variable_values(&variables)
        .enable_schema_introspection(true)
        .execute_sync(&root);
    let body = match executed {
        Ok(response) => {
            let errors = response
                .errors
                .into_iter()
                .map(|error| field_error(&cx, error));
            Body {
                errors: errors.collect(),
                data: Some(response.data.as_ref()),
                extensions: json!({}),
            }
            .text()
        }
        Err(error) => {
            let compat = error.to_graphql_error(&document.sources);
            return refuse(vec![validation(compat)], asked.operation);
        }
    };
    Answered {
        body,
        operation: name,
    }
}

fn serde_json_bytes_map(variables: Value) -> Option<JsonMap> {
    let value: apollo_compiler::response::JsonValue = variables.into();
    match value {
        apollo_compiler::response::JsonValue::Object(map) => Some(map),
        _ => None,
    }
}

fn refuse(errors: Vec<Value>, operation: Option<&str>) -> Answered {
    let body = Body {
        errors,
        data: None,
        extensions: json!({}),
    }
    .text();
    Answered {
        body,
        operation: operation.map(str::to_owned),
    }
}

fn classified(message: &str, classification: &str) -> Value {
    json!({"message": message, "extensions": {"classification": classification}})
}

fn validation(error: GraphQLError) -> Value {
    let syntax = error
        .message
        .to_ascii_lowercase()
        .starts_with("syntax error");
    let classification = if syntax {
        "InvalidSyntax"
    } else {
        "ValidationError"
    };
    json!({
        "message": in_words_of_graphql_java(&error.message),
        "locations": error.locations,
        "extensions": {"classification": classification},
    })
}

/// Words the error as graphql-java does, by which clients recognize an unknown field or type.
fn in_words_of_graphql_java(message: &str) -> String {
    let quoted: Vec<&str> = message.split('"').skip(1).step_by(2).collect();
    match (message.split('"').next(), quoted.as_slice()) {
        (Some("Cannot query field "), [field, ty, ..]) => format!(
            "Validation error (FieldUndefined) : Field '{field}' in type '{ty}' is undefined"
        ),
        (Some("Unknown type "), [ty, ..]) => {
            format!("Validation error (UnknownType) : Unknown type '{ty}'")
        }
        _ => format!("Validation error : {message}"),
    }
}

/// A resolver's error; our own carry their number in the list that the request keeps.
fn field_error(cx: &Cx, error: GraphQLError) -> Value {
    let text = error
        .message
        .strip_prefix("resolver error: ")
        .unwrap_or(&error.message);
    let known = text
        .strip_prefix(Cx::ERROR_MARK)
        .and_then(|n| n.parse().ok());
    let known = known.and_then(|n| cx.error(n));
    let raised = known.unwrap_or_else(|| ApiError::server(text));
    json!({
        "message": raised.message,
        "locations": error.locations,
        "path": error.path,
        "extensions": raised.extensions(),
    })
}

/// True for DataHub 0.13 and earlier, which accept only one operation in a document.
fn is_before_0_14(version: &str) -> bool {
    let mut numbers = version
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse::<u32>());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(0)), Some(Ok(minor))) => minor < 14,
        _ => false,
    }
}

//! The fields of `Mutation`: DataHub's checks, with its messages, and the aspects that they write.
//!
//! One file for each thing that people write. A mutation is done as a whole or not at all, and the
//! next request sees its changes. A caller who may only read is refused before any other check.

mod access;
mod documents;
mod labels;
mod lineage;
mod ownership;
mod placement;
mod quality;
mod queries;
mod structured;
mod texts;
mod views;
mod vocabulary;
mod wholesale;

use serde_json::{Value, json};

use super::error::ApiError;
use super::hub::Writer;
use super::kinds::urn_type;
use super::options::Kind;
use super::resolvers::arguments::Arguments;
use super::resolvers::{Cx, Resolved};

/// The result of a mutation.
type Done = Result<Value, ApiError>;

/// A mutation's field: its arguments, and the catalog to write to.
struct Call<'a> {
    field: &'a str,
    /// The argument `input`; null where there is none.
    input: Value,
    /// The argument `urn`; empty where there is none.
    urn: String,
    arguments: &'a Arguments<'a>,
    kind: Kind,
}

/// Mutations that change only the caller's own settings.
const OWN: &[&str] = &["updateCorpUserViewsSettings", "createView", "deleteView"];

/// Mutations for admins.
const FOR_ADMINS: &[&str] = &["updateUserStatus", "updateGlobalViewsSettings"];

/// One field of `Mutation`.
pub(crate) fn field<'a>(cx: &Cx, field: &str, arguments: &Arguments<'_>) -> Resolved<'a> {
    let kind = cx.actor.kind;
    let refused = (kind == Kind::Viewer && !OWN.contains(&field))
        || (kind != Kind::Admin && FOR_ADMINS.contains(&field));
    if refused {
        return Err(ApiError::unauthorized());
    }
    let call = Call {
        field,
        input: arguments.get("input"),
        urn: arguments.text("urn"),
        arguments,
        kind,
    };
    if let Some(answer) = access::field(cx, &call) {
        return answer.map(Into::into);
    }
    let done = cx.hub.write(&cx.actor.urn, |writer| {
        labels::field(writer, &call)
            .or_else(|| ownership::field(writer, &call))
            .or_else(|| placement::field(writer, &call))
            .or_else(|| texts::field(writer, &call))
            .or_else(|| vocabulary::field(writer, &call))
            .or_else(|| views::field(writer, &call))
            .or_else(|| structured::field(writer, &call))
            .or_else(|| quality::field(writer, &call))
            .or_else(|| queries::field(writer, &call))
            .or_else(|| documents::field(writer, &call))
            .or_else(|| lineage::field(writer, &call))
            .or_else(|| wholesale::field(writer, &call))
            .unwrap_or_else(|| {
                Err(ApiError::server(format!(
                    "{field} is not answered by the embedded DataHub"
                )))
            })
    });
    done.map(Into::into)
}

impl Call<'_> {
    /// A text of the input; empty where it was left out.
    fn text(&self, name: &str) -> String {
        self.opt(name).unwrap_or_default()
    }

    /// A text of the input.
    fn opt(&self, name: &str) -> Option<String> {
        self.input
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    }

    /// A list of texts in the input.
    fn texts(&self, name: &str) -> Vec<String> {
        strings(self.input.get(name))
    }

    /// A list of objects in the input.
    fn objects(&self, name: &str) -> Vec<Value> {
        self.input
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    }

    /// The resources to change: `resources`, or the one in `resourceUrn` and `subResource`.
    fn resources(&self) -> Vec<Resource> {
        let one = |value: &Value| {
            let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
            Resource {
                urn: text("resourceUrn").unwrap_or_default(),
                column: text("subResource"),
                column_type: text("subResourceType"),
            }
        };
        match self.input.get("resources").and_then(Value::as_array) {
            Some(many) => many
                .iter()
                .filter(|value| !value.is_null())
                .map(one)
                .collect(),
            None => vec![one(&self.input)],
        }
    }
}

/// An entity, or a column of one, that a mutation changes.
struct Resource {
    urn: String,
    column: Option<String>,
    column_type: Option<String>,
}

impl Resource {
    /// DataHub's check before tags, terms and the like are written. As in DataHub, it does not
    /// check that the column exists.
    fn check(&self, writer: &Writer) -> Result<(), ApiError> {
        let urn = &self.urn;
        if !exists(writer, urn) {
            return Err(ApiError::bad_request(format!(
                "Failed to update resource with urn {urn}. Entity does not exist."
            )));
        }
        match (&self.column, &self.column_type) {
            (Some(column), None) => Err(ApiError::bad_request(format!(
                "Failed to update resource with urn {urn}. SubResource ({column}) provided without \
                 a subResourceType."
            ))),
            (None, Some(kind)) => Err(ApiError::bad_request(format!(
                "Failed to update resource with urn {urn}. SubResourceType ({kind}) provided \
                 without a subResource."
            ))),
            _ => Ok(()),
        }
    }
}

/// True if the entity is in the catalog.
fn exists(writer: &Writer, urn: &str) -> bool {
    writer.catalog.get(urn).is_some()
}

/// The texts in a list.
fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The list in an aspect, to be changed.
fn list_mut<'a>(aspect: &'a mut Value, name: &str) -> Result<&'a mut Vec<Value>, ApiError> {
    if !aspect.is_object() {
        *aspect = json!({});
    }
    let list = &mut aspect[name];
    if !list.is_array() {
        *list = json!([]);
    }
    list.as_array_mut()
        .ok_or_else(|| ApiError::server("An unknown error occurred."))
}

/// A new id: 32 hexadecimal digits in the form of a UUID.
fn new_id() -> String {
    let n = rand::random::<u128>();
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        n >> 96,
        (n >> 80) & 0xffff,
        (n >> 64) & 0xffff,
        (n >> 48) & 0xffff,
        n & 0xffff_ffff_ffff
    )
}

/// Checks the type of a urn; the error is DataHub's own.
fn expect_type(urn: &str, wanted: &str) -> Result<(), ApiError> {
    if urn_type(urn) == Some(wanted) {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "Failed to validate label with urn {urn}. Urn type does not match entity type {wanted}."
    )))
}

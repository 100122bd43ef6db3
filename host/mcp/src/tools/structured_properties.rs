//! The common part of the two tools for structured properties. DataHub takes one entity per call.

use datahub::Document;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::{entity, writing};
use crate::{context::ToolContext, documents, error::ToolError, fields};

/// The number of concurrent calls to DataHub.
const AT_ONCE: usize = 4;

/// Sends `document` with each of the variables, a few at a time. Stops at the first failure.
pub(super) async fn each(
    context: &ToolContext,
    document: &Document,
    variables: impl Iterator<Item = Value>,
) -> Result<(), ToolError> {
    let calls: Vec<_> = variables
        .map(|variables| writing::send(context, document, variables))
        .collect();
    stream::iter(calls)
        .buffered(AT_ONCE)
        .try_for_each(|_| async { Ok(()) })
        .await
}

/// The definition of the property that `urn` names.
pub(super) async fn definition(context: &ToolContext, urn: &str) -> Result<Value, ToolError> {
    entity::of_kind(urn, &["structuredProperty"])?;
    let variables = json!({"urn": urn});
    let mut property = context
        .ask_for_whole(&documents::PROPERTY_DEFINITION, variables, "entity")
        .await?;
    entity::existing(&property, urn)?;
    Ok(fields::take(&mut property, &["definition"]))
}

/// `3 properties`, for messages.
pub(super) fn properties(count: usize) -> String {
    match count {
        1 => "1 property".to_owned(),
        n => format!("{n} properties"),
    }
}

/// `3 entities`, for messages.
pub(super) fn entities(count: usize) -> String {
    match count {
        1 => "1 entity".to_owned(),
        n => format!("{n} entities"),
    }
}

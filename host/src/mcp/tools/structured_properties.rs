//! What the two tools about structured properties have in common: DataHub takes one entity a call.

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::writing;
use crate::{
    datahub::Document,
    mcp::{context::ToolContext, error::ToolError},
};

/// Calls to DataHub at the same time.
const AT_ONCE: usize = 4;

/// Sends `document` with each of the variables, a few at a time. The first failure ends it.
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

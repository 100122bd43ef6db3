//! The call that `set_domains` and `remove_domains` share.

use serde_json::{Value, json};

use super::writing;
use crate::{context::ToolContext, documents, error::ToolError};

/// Puts the entities into `domain`; for `None`, takes them out of their domain.
pub(super) async fn set(
    context: &ToolContext,
    entities: &[String],
    domain: Option<&str>,
) -> Result<Value, ToolError> {
    let resources = writing::resources(context, entities, &[]).await?;
    let count = writing::count(&resources);
    // Without a domain in the input, DataHub removes the present one.
    let mut input = json!({"resources": resources});
    if let Some(domain) = domain {
        input["domainUrn"] = json!(domain);
    }
    writing::send(context, &documents::SET_DOMAINS, json!({"input": input})).await?;
    let what = if domain.is_some() {
        "domain set on"
    } else {
        "domain removed from"
    };
    Ok(writing::done(format!("{what} {count}")))
}

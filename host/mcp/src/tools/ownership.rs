//! The common part of the two tools for owners: their arguments, and the lookup of an ownership
//! type.

use foundation::suggest;
use serde::Deserialize;
use serde_json::json;

use crate::{context::ToolContext, documents, error::ToolError, urn};

/// The kinds of entities that can own something.
pub(super) const OWNER_KINDS: &[&str] = &["corpuser", "corpGroup"];

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    pub(super) owner_urns: Vec<String>,
    pub(super) entity_urns: Vec<String>,
    pub(super) ownership_type: Option<String>,
}

/// The urn of an ownership type that is given by urn, by name, or as older APIs write it:
/// `TECHNICAL_OWNER`, `__system__technical_owner`.
pub(super) async fn kind(context: &ToolContext, wanted: &str) -> Result<String, ToolError> {
    let wanted = wanted.trim();
    if urn::kind(wanted) == Some("ownershipType") {
        return Ok(wanted.to_owned());
    }
    let variables = json!({"input": {"start": 0, "count": 200}});
    let found = context
        .ask_for(&documents::OWNERSHIP_TYPES, variables, "listOwnershipTypes")
        .await?;
    let kinds: Vec<(&str, &str)> = found["ownershipTypes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|kind| Some((kind["info"]["name"].as_str()?, kind["urn"].as_str()?)))
        .collect();
    let spoken = wanted.replace('_', " ");
    let is_it = |name: &str, urn: &str| {
        name.eq_ignore_ascii_case(wanted)
            || name.eq_ignore_ascii_case(&spoken)
            || urn.strip_prefix("urn:li:ownershipType:") == Some(wanted)
    };
    if let Some((_, urn)) = kinds.iter().find(|(name, urn)| is_it(name, urn)) {
        return Ok((*urn).to_owned());
    }
    let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
    let near = suggest::names(wanted, names.iter().copied(), 3);
    let list = if near.is_empty() {
        names.join(", ")
    } else {
        near.join(", ")
    };
    Err(ToolError::Arguments(format!(
        "`{wanted}` is not a kind of ownership here; use one of {list}, or a urn:li:ownershipType:..."
    )))
}

//! Checks of an entity that an argument names: the urn's kind, and that it exists.

use serde_json::Value;

use crate::{error::ToolError, urn};

/// The end of the error text for a urn that names nothing.
pub(super) const MISSING: &str = "does not exist in this catalog; find the right urn with search";

/// Refuses null, and the stub that DataHub returns for an entity that does not exist.
pub(super) fn existing(entity: &Value, urn: &str) -> Result<(), ToolError> {
    if entity.is_null() || entity["exists"] == false {
        return Err(ToolError::NotFound(format!("{urn} {MISSING}")));
    }
    Ok(())
}

/// True if the aspect `status`, which the document asked for, says that the entity was removed.
pub(crate) fn is_removed(entity: &Value) -> bool {
    let aspects = entity["aspects"].as_array();
    aspects.into_iter().flatten().any(|aspect| {
        let payload = aspect["payload"].as_str().unwrap_or_default();
        serde_json::from_str::<Value>(payload).is_ok_and(|status| status["removed"] == true)
    })
}

/// Refuses a text that is not a urn, and a urn of another kind.
pub(super) fn of_kind(urn: &str, kinds: &[&str]) -> Result<(), ToolError> {
    match urn::kind(urn) {
        Some(kind) if kinds.is_empty() || kinds.contains(&kind) => Ok(()),
        Some(kind) => Err(ToolError::Arguments(format!(
            "{urn} is of kind {kind}, but one of kind {} is wanted; {}",
            kinds.join(" or "),
            where_from(kinds)
        ))),
        None => {
            let shown: String = urn.chars().take(100).collect();
            let example = match kinds.first() {
                None | Some(&"dataset") => "urn:li:dataset:(...)".to_owned(),
                Some(kind) => format!("urn:li:{kind}:..."),
            };
            Err(ToolError::Arguments(format!(
                "`{shown}` is not a urn; urns look like {example}; {}",
                where_from(kinds)
            )))
        }
    }
}

/// A hint that says where a model gets a urn of these kinds.
fn where_from(kinds: &[&str]) -> String {
    match kinds {
        [] => "find the right one with search".to_owned(),
        ["incident"] => "it comes from raise_incident or list_incidents".to_owned(),
        ["document"] => "find the right one with search_documents".to_owned(),
        [kind] => format!("find the right one with search, filter: type = {kind}"),
        kinds => format!(
            "find the right one with search, filter: type IN ({})",
            kinds.join(", ")
        ),
    }
}

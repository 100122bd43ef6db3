//! Resources under `test://`: a text, an image and a template.

use rmcp::{
    ErrorData,
    model::{CacheScope, ReadResourceResult, Resource, ResourceContents, ResourceTemplate},
};
use serde_json::json;

use crate::content;

const TEXT: &str = "test://static-text";
const BINARY: &str = "test://static-binary";

/// The resources that are listed.
pub(crate) fn list() -> Vec<Resource> {
    vec![
        Resource::new(TEXT, "static-text")
            .with_description("A text that never changes")
            .with_mime_type("text/plain"),
        Resource::new(BINARY, "static-binary")
            .with_description("One blue pixel")
            .with_mime_type("image/png"),
    ]
}

/// The templates of resources that are built from their URI.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new("test://template/{id}/data", "template")
            .with_description("Repeats the id of its URI")
            .with_mime_type("application/json"),
    ]
}

/// Reads the resource at `uri`.
pub(crate) fn read(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let id = uri
        .strip_prefix("test://template/")
        .and_then(|rest| rest.strip_suffix("/data"))
        .filter(|id| !id.is_empty() && !id.contains('/'));
    let contents = match (uri, id) {
        (TEXT, _) => {
            ResourceContents::text("Always the same words.", uri).with_mime_type("text/plain")
        }
        (BINARY, _) => ResourceContents::blob(content::PIXEL, uri).with_mime_type("image/png"),
        (_, Some(id)) => ResourceContents::text(json!({"id": id}).to_string(), uri)
            .with_mime_type("application/json"),
        _ => {
            let asked = Some(json!({"uri": uri}));
            return Err(ErrorData::resource_not_found(
                "there is no such resource",
                asked,
            ));
        }
    };
    Ok(ReadResourceResult::new(vec![contents]).with_cache_scope(CacheScope::Public))
}

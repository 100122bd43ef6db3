//! `remove_tags`: take tags off entities and columns.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{documents, writing};
use crate::mcp::{
    args::texts,
    context::ToolContext,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct RemoveTags;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    tag_urns: Vec<String>,
    entity_urns: Vec<String>,
    #[serde(default)]
    column_paths: Vec<String>,
}

impl Tool for RemoveTags {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "remove_tags",
            title: "Remove tags",
            description: "Removes tags from entities or columns.",
            params: vec![
                texts("tag_urns", writing::MAX_LABELS, "").required(),
                texts("entity_urns", writing::MAX_ENTITIES, "").required(),
                texts(
                    "column_paths",
                    500,
                    "One per entity (empty: the entity itself).",
                ),
            ],
            output: writing::output(),
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        writing::urns("tag_urns", &args.tag_urns, &["tag"])?;
        let resources = writing::resources(context, &args.entity_urns, &args.column_paths).await?;
        let count = writing::count(&resources);
        let input = json!({"tagUrns": args.tag_urns, "resources": resources});
        writing::send(context, &documents::REMOVE_TAGS, json!({"input": input})).await?;
        Ok(writing::done(format!("tags removed from {count}")))
    }
}

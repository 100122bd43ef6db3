//! `add_tags`: put tags on entities and columns.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{documents, writing};
use crate::mcp::{
    args::texts,
    context::ToolContext,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct AddTags;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    tag_urns: Vec<String>,
    entity_urns: Vec<String>,
    #[serde(default)]
    column_paths: Vec<String>,
}

impl Tool for AddTags {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "add_tags",
            title: "Add tags",
            description: "Adds tags to entities or columns. Tags must exist: find them with search (type = tag) or make one with create_tag.",
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
            effect: Effect::Adds { idempotent: true },
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        writing::urns("tag_urns", &args.tag_urns, &["tag"])?;
        let resources = writing::resources(context, &args.entity_urns, &args.column_paths).await?;
        let count = writing::count(&resources);
        let input = json!({"tagUrns": args.tag_urns, "resources": resources});
        writing::send(context, &documents::ADD_TAGS, json!({"input": input})).await?;
        Ok(writing::done(format!("tags added to {count}")))
    }
}

//! `create_tag`: a new tag, to be put on things with `add_tags`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{documents, writing};
use crate::mcp::{
    args::text,
    context::ToolContext,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct CreateTag;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    name: String,
    description: Option<String>,
    id: Option<String>,
}

impl Tool for CreateTag {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "create_tag",
            title: "Create a tag",
            description: "Creates a tag and returns its urn. Look first with search (type = tag) \
                whether there is one already.",
            params: vec![
                text("name", "").required(),
                text("description", ""),
                text("id", "The last part of its urn; random if left out."),
            ],
            output: json!({"urn": {"type": "string"}, "message": {"type": "string"}}),
            effect: Effect::Adds { idempotent: false },
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        if args.name.trim().is_empty() {
            return Err(ToolError::Arguments("`name` is empty".to_owned()));
        }
        let mut input = json!({"name": args.name.trim()});
        if let Some(description) = args.description {
            input["description"] = json!(description);
        }
        if let Some(id) = args.id.filter(|id| !id.trim().is_empty()) {
            input["id"] = json!(id.trim());
        }
        let urn = writing::send(context, &documents::CREATE_TAG, json!({"input": input})).await?;
        Ok(json!({"urn": urn, "message": "tag created; use add_tags to put it on entities"}))
    }
}

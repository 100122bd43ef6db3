//! `create_tag`: creates a tag, which `add_tags` can then put on entities and columns.

use serde::Deserialize;
use serde_json::{Value, json};

use super::created;
use crate::{
    args::text,
    context::ToolContext,
    documents,
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
            output: created::output(),
            effect: Effect::Adds { idempotent: false },
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        let id = created::id_of(args.id.as_ref());
        let use_it = "put it on entities with add_tags";
        let name = created::free_name(context, "TAG", &args.name, id, use_it).await?;
        let mut input = created::described(name, args.description);
        if let Some(id) = id {
            input["id"] = json!(id);
        }
        let message = "tag created; use add_tags to put it on entities";
        created::send(context, &documents::CREATE_TAG, input, message).await
    }
}

//! `create_tag`: creates a tag, which `add_tags` can then put on entities and columns.

use serde::Deserialize;
use serde_json::{Value, json};

use super::writing;
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
            output: json!({"urn": {"type": "string"}, "message": {"type": "string"}}),
            effect: Effect::Adds { idempotent: false },
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        if args.name.trim().is_empty() {
            return Err(ToolError::Arguments("`name` is empty".to_owned()));
        }
        let name = args.name.trim();
        let id = args.id.filter(|id| !id.trim().is_empty());
        // Where the call gives an id, DataHub itself refuses one that is taken.
        if id.is_none()
            && let Some(urn) = named(context, name).await?
        {
            return Err(ToolError::Arguments(format!(
                "there is a tag `{name}` already, {urn}; put it on entities with add_tags, or \
                 create another with an `id` of its own"
            )));
        }
        let mut input = json!({"name": name});
        if let Some(description) = args.description {
            input["description"] = json!(description);
        }
        if let Some(id) = id {
            input["id"] = json!(id.trim());
        }
        let urn = writing::send(context, &documents::CREATE_TAG, json!({"input": input})).await?;
        Ok(json!({"urn": urn, "message": "tag created; use add_tags to put it on entities"}))
    }
}

/// The urn of the tag with this name, compared without regard to case.
async fn named(context: &ToolContext, name: &str) -> Result<Option<String>, ToolError> {
    let input = json!({"input": {
        "types": ["TAG"], "query": name, "start": 0, "count": 20,
        "searchFlags": {"skipHighlighting": true, "skipAggregates": true},
    }});
    let found = context
        .ask_for(&documents::SEARCH, input, "searchAcrossEntities")
        .await?;
    let hits = found["searchResults"].as_array();
    let urn = hits.into_iter().flatten().find_map(|hit| {
        let tag = &hit["entity"];
        let same = tag["properties"]["name"]
            .as_str()
            .is_some_and(|known| known.eq_ignore_ascii_case(name));
        same.then(|| tag["urn"].as_str().map(str::to_owned))?
    });
    Ok(urn)
}

//! `remove_tags`: takes tags off entities and columns.

use serde_json::Value;

use super::{labels, writing};
use crate::{
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct RemoveTags;

impl Tool for RemoveTags {
    type Args = labels::Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "remove_tags",
            title: "Remove tags",
            description: "Removes tags from entities or columns.",
            params: labels::TAGS.params(),
            output: writing::output(),
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: labels::Args) -> Result<Value, ToolError> {
        labels::TAGS
            .change(context, args, &documents::REMOVE_TAGS, "removed from")
            .await
    }
}

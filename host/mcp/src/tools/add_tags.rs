//! `add_tags`: puts tags on entities and columns.

use serde_json::Value;

use super::{labels, writing};
use crate::{
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct AddTags;

impl Tool for AddTags {
    type Args = labels::Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "add_tags",
            title: "Add tags",
            description: "Adds tags to entities or columns. Tags must exist: find them with search (type = tag) or make one with create_tag.",
            params: labels::TAGS.params(),
            output: writing::output(),
            effect: Effect::Adds { idempotent: true },
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: labels::Args) -> Result<Value, ToolError> {
        labels::TAGS
            .change(context, args, &documents::ADD_TAGS, "added to")
            .await
    }
}

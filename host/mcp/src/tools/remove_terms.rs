//! `remove_terms`: unlinks glossary terms from entities and columns.

use serde_json::Value;

use super::{labels, writing};
use crate::{
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct RemoveTerms;

impl Tool for RemoveTerms {
    type Args = labels::Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "remove_terms",
            title: "Remove glossary terms",
            description: "Unlinks glossary terms from entities or columns.",
            params: labels::TERMS.params(),
            output: writing::output(),
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: labels::Args) -> Result<Value, ToolError> {
        labels::TERMS
            .change(context, args, &documents::REMOVE_TERMS, "removed from")
            .await
    }
}

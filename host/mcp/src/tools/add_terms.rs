//! `add_terms`: links glossary terms to entities and columns.

use serde_json::Value;

use super::{labels, writing};
use crate::{
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct AddTerms;

impl Tool for AddTerms {
    type Args = labels::Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "add_terms",
            title: "Add glossary terms",
            description: "Links glossary terms to entities or columns. Find terms with search (type = glossaryTerm).",
            params: labels::TERMS.params(),
            output: writing::output(),
            effect: Effect::Adds { idempotent: true },
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: labels::Args) -> Result<Value, ToolError> {
        labels::TERMS
            .change(context, args, &documents::ADD_TERMS, "added to")
            .await
    }
}

//! `add_terms`: link glossary terms to entities and columns.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{documents, writing};
use crate::mcp::{
    args::texts,
    context::ToolContext,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct AddTerms;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    term_urns: Vec<String>,
    entity_urns: Vec<String>,
    #[serde(default)]
    column_paths: Vec<String>,
}

impl Tool for AddTerms {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "add_terms",
            title: "Add glossary terms",
            description: "Links glossary terms to entities or columns. Find terms with search (type = glossaryTerm).",
            params: vec![
                texts("term_urns", writing::MAX_LABELS, "").required(),
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
        writing::urns("term_urns", &args.term_urns, &["glossaryTerm"])?;
        let resources = writing::resources(context, &args.entity_urns, &args.column_paths).await?;
        let count = writing::count(&resources);
        let input = json!({"termUrns": args.term_urns, "resources": resources});
        writing::send(context, &documents::ADD_TERMS, json!({"input": input})).await?;
        Ok(writing::done(format!("terms added to {count}")))
    }
}

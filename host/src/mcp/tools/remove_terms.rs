//! `remove_terms`: unlink glossary terms from entities and columns.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{documents, writing};
use crate::mcp::{
    args::texts,
    context::ToolContext,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct RemoveTerms;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    term_urns: Vec<String>,
    entity_urns: Vec<String>,
    #[serde(default)]
    column_paths: Vec<String>,
}

impl Tool for RemoveTerms {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "remove_terms",
            title: "Remove glossary terms",
            description: "Unlinks glossary terms from entities or columns.",
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
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        writing::urns("term_urns", &args.term_urns, &["glossaryTerm"])?;
        let resources = writing::resources(context, &args.entity_urns, &args.column_paths).await?;
        let count = writing::count(&resources);
        let input = json!({"termUrns": args.term_urns, "resources": resources});
        writing::send(context, &documents::REMOVE_TERMS, json!({"input": input})).await?;
        Ok(writing::done(format!("terms removed from {count}")))
    }
}

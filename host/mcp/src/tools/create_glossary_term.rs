//! `create_glossary_term`: creates a term of the glossary, or a group of terms (a node).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{created, entity, get_entities};
use crate::{
    args::{choice, text},
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct CreateGlossaryTerm;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    name: String,
    description: Option<String>,
    kind: String,
    parent_node: Option<String>,
    id: Option<String>,
}

impl Tool for CreateGlossaryTerm {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "create_glossary_term",
            title: "Create a glossary term",
            description: "Creates a glossary term or a node (group of terms). Look first with search \
                (type = glossaryTerm). update_description redefines it later.",
            params: vec![
                text("name", "").required(),
                text("description", "The definition."),
                choice("kind", &["term", "node"], "").default("term"),
                text("parent_node", "A node's urn."),
                text("id", ""),
            ],
            output: created::output(),
            effect: Effect::Adds { idempotent: false },
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        let parent = args.parent_node.as_deref().map(str::trim);
        if let Some(parent) = parent {
            entity::of_kind(parent, &["glossaryNode"])?;
            get_entities::must_exist(context, parent).await?;
        }
        let (kind, document, use_it, message) = match args.kind.as_str() {
            "node" => (
                "GLOSSARY_NODE",
                &documents::CREATE_GLOSSARY_NODE,
                "name it as `parent_node` of its terms",
                "node created; name it as parent_node of its terms",
            ),
            _ => (
                "GLOSSARY_TERM",
                &documents::CREATE_GLOSSARY_TERM,
                "link it with add_terms, define it anew with update_description",
                "term created; use add_terms to link it to entities",
            ),
        };
        let id = created::id_of(args.id.as_ref());
        let name = created::free_name(context, kind, &args.name, id, use_it).await?;
        let mut input = created::described(name, args.description);
        for (member, value) in [("id", id), ("parentNode", parent)] {
            if let Some(value) = value {
                input[member] = json!(value);
            }
        }
        created::send(context, document, input, message).await
    }
}

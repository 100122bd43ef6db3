//! `set_domains`: puts entities into a domain.

use serde::Deserialize;
use serde_json::Value;

use super::{domain_membership, entity, writing};
use crate::{
    args::{text, texts},
    context::ToolContext,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct SetDomains;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    domain_urn: String,
    entity_urns: Vec<String>,
}

impl Tool for SetDomains {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "set_domains",
            title: "Set the domain",
            description: "Puts entities into a domain, in place of the one they are in.",
            params: vec![
                text("domain_urn", "").required(),
                texts("entity_urns", writing::MAX_ENTITIES, "").required(),
            ],
            output: writing::output(),
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        entity::of_kind(&args.domain_urn, &["domain"])?;
        domain_membership::set(context, &args.entity_urns, Some(&args.domain_urn)).await
    }
}

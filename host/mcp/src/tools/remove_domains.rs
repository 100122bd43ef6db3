//! `remove_domains`: takes entities out of their domain.

use serde::Deserialize;
use serde_json::Value;

use super::{domain_membership, writing};
use crate::{
    args::texts,
    context::ToolContext,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct RemoveDomains;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    entity_urns: Vec<String>,
}

impl Tool for RemoveDomains {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "remove_domains",
            title: "Remove from the domain",
            description: "Takes entities out of their domain.",
            params: vec![texts("entity_urns", writing::MAX_ENTITIES, "").required()],
            output: writing::output(),
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        domain_membership::set(context, &args.entity_urns, None).await
    }
}

//! `remove_owners`: ends the ownership of people or groups.

use serde_json::{Value, json};

use super::{ownership, writing};
use crate::{
    args::{text, texts},
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct RemoveOwners;

impl Tool for RemoveOwners {
    type Args = ownership::Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "remove_owners",
            title: "Remove owners",
            description: "Ends the ownership of people or groups, of one kind or of every kind.",
            params: vec![
                texts("owner_urns", writing::MAX_LABELS, "").required(),
                texts("entity_urns", writing::MAX_ENTITIES, "").required(),
                text("ownership_type", "A urn or a name; every kind if left out."),
            ],
            output: writing::output(),
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: ownership::Args) -> Result<Value, ToolError> {
        writing::urns("owner_urns", &args.owner_urns, ownership::OWNER_KINDS)?;
        let resources = writing::resources(context, &args.entity_urns, &[]).await?;
        let count = writing::count(&resources);
        let mut input = json!({"ownerUrns": args.owner_urns, "resources": resources});
        if let Some(kind) = args.ownership_type.filter(|kind| !kind.trim().is_empty()) {
            input["ownershipTypeUrn"] = json!(ownership::kind(context, &kind).await?);
        }
        writing::send(context, &documents::REMOVE_OWNERS, json!({"input": input})).await?;
        Ok(writing::done(format!("owners removed from {count}")))
    }
}

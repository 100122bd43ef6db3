//! `add_owners`: makes people or groups owners of entities.

use serde_json::{Value, json};

use super::{ownership, writing};
use crate::{
    args::{text, texts},
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
    urn,
};

pub(super) struct AddOwners;

impl Tool for AddOwners {
    type Args = ownership::Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "add_owners",
            title: "Add owners",
            description: "Makes people or groups owners of entities.",
            params: vec![
                texts("owner_urns", writing::MAX_LABELS, "Of users or groups.").required(),
                texts("entity_urns", writing::MAX_ENTITIES, "").required(),
                text("ownership_type", "A urn or a name, as Technical Owner.").required(),
            ],
            output: writing::output(),
            effect: Effect::Adds { idempotent: true },
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: ownership::Args) -> Result<Value, ToolError> {
        writing::urns("owner_urns", &args.owner_urns, ownership::OWNER_KINDS)?;
        let resources = writing::resources(context, &args.entity_urns, &[]).await?;
        let kind = ownership::kind(context, args.ownership_type.as_deref().unwrap_or("")).await?;
        let owners: Vec<Value> = args
            .owner_urns
            .iter()
            .map(|owner| {
                let group = urn::kind(owner) == Some("corpGroup");
                json!({
                    "ownerUrn": owner,
                    "ownerEntityType": if group { "CORP_GROUP" } else { "CORP_USER" },
                    "ownershipTypeUrn": kind,
                })
            })
            .collect();
        let count = writing::count(&resources);
        let input = json!({"owners": owners, "ownershipTypeUrn": kind, "resources": resources});
        writing::send(context, &documents::ADD_OWNERS, json!({"input": input})).await?;
        Ok(writing::done(format!("owners added to {count}")))
    }
}

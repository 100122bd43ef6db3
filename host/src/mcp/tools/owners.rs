//! The two tools about owners: `add_owners` and `remove_owners`, which share what a kind of
//! ownership is.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{documents, writing};
use crate::mcp::{
    args::{text, texts},
    context::ToolContext,
    error::ToolError,
    near,
    tool::{Definition, Effect, Tool},
    urn,
};

pub(super) struct AddOwners;
pub(super) struct RemoveOwners;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    owner_urns: Vec<String>,
    entity_urns: Vec<String>,
    ownership_type: Option<String>,
}

impl Tool for AddOwners {
    type Args = Args;

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

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        writing::urns("owner_urns", &args.owner_urns, &["corpuser", "corpGroup"])?;
        let resources = writing::resources(context, &args.entity_urns, &[]).await?;
        let kind = ownership_type(context, args.ownership_type.as_deref().unwrap_or("")).await?;
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

impl Tool for RemoveOwners {
    type Args = Args;

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

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        writing::urns("owner_urns", &args.owner_urns, &["corpuser", "corpGroup"])?;
        let resources = writing::resources(context, &args.entity_urns, &[]).await?;
        let count = writing::count(&resources);
        let mut input = json!({"ownerUrns": args.owner_urns, "resources": resources});
        if let Some(kind) = args.ownership_type.filter(|kind| !kind.trim().is_empty()) {
            input["ownershipTypeUrn"] = json!(ownership_type(context, &kind).await?);
        }
        writing::send(context, &documents::REMOVE_OWNERS, json!({"input": input})).await?;
        Ok(writing::done(format!("owners removed from {count}")))
    }
}

/// The urn of a kind of ownership given by urn or by name.
async fn ownership_type(context: &ToolContext, wanted: &str) -> Result<String, ToolError> {
    let wanted = wanted.trim();
    if urn::kind(wanted) == Some("ownershipType") {
        return Ok(wanted.to_owned());
    }
    let variables = json!({"input": {"start": 0, "count": 200}});
    let found = context
        .ask_for(&documents::OWNERSHIP_TYPES, variables, "listOwnershipTypes")
        .await?;
    let kinds: Vec<(&str, &str)> = found["ownershipTypes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|kind| Some((kind["info"]["name"].as_str()?, kind["urn"].as_str()?)))
        .collect();
    if let Some((_, urn)) = kinds
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
    {
        return Ok((*urn).to_owned());
    }
    let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
    let near = near::names(wanted, names.iter().copied(), 3);
    let list = if near.is_empty() {
        names.join(", ")
    } else {
        near.join(", ")
    };
    Err(ToolError::Arguments(format!(
        "`{wanted}` is no kind of ownership here; use one of {list}, or a urn:li:ownershipType:..."
    )))
}

//! `remove_structured_properties`: removes structured properties from entities.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{structured_properties, writing};
use crate::{
    args::texts,
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct RemoveStructuredProperties;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    property_urns: Vec<String>,
    entity_urns: Vec<String>,
}

impl Tool for RemoveStructuredProperties {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "remove_structured_properties",
            title: "Remove structured properties",
            description: "Removes structured properties from entities.",
            params: vec![
                texts("property_urns", writing::MAX_LABELS, "").required(),
                texts("entity_urns", writing::MAX_ENTITIES, "").required(),
            ],
            output: writing::output(),
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        writing::urns("entity_urns", &args.entity_urns, &[])?;
        writing::urns(
            "property_urns",
            &args.property_urns,
            &["structuredProperty"],
        )?;
        for urn in &args.property_urns {
            structured_properties::definition(context, urn).await?;
        }
        let inputs = args.entity_urns.iter().map(
            |urn| json!({"input": {"assetUrn": urn, "structuredPropertyUrns": args.property_urns}}),
        );
        structured_properties::each(context, &documents::REMOVE_STRUCTURED_PROPERTIES, inputs)
            .await?;
        let (removed, on) = (args.property_urns.len(), args.entity_urns.len());
        Ok(writing::done(format!(
            "{} removed from {}",
            structured_properties::properties(removed),
            structured_properties::entities(on)
        )))
    }
}

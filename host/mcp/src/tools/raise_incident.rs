//! `raise_incident`: reports a problem with assets.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{list_incidents::KINDS, writing};
use crate::{
    args::{choice, long_text, text, texts},
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct RaiseIncident;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    entity_urns: Vec<String>,
    title: String,
    description: Option<String>,
    incident_type: String,
    priority: Option<String>,
}

impl Tool for RaiseIncident {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "raise_incident",
            title: "Raise an incident",
            description: "Raises an incident on assets, so that everybody who looks at them sees \
                it.",
            params: vec![
                texts("entity_urns", 20, "").required(),
                text("title", "").required(),
                long_text("description", 20_000, "What is wrong, since when."),
                choice(
                    "incident_type",
                    &[
                        "OPERATIONAL",
                        "FRESHNESS",
                        "VOLUME",
                        "FIELD",
                        "SQL",
                        "DATA_SCHEMA",
                    ],
                    "",
                )
                .default("OPERATIONAL"),
                choice("priority", &["LOW", "MEDIUM", "HIGH", "CRITICAL"], ""),
            ],
            output: json!({"urn": {"type": "string"}, "message": {"type": "string"}}),
            effect: Effect::Adds { idempotent: false },
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        writing::urns("entity_urns", &args.entity_urns, KINDS)?;
        let mut input = json!({"type": args.incident_type, "title": args.title});
        // Older servers take only one asset, in a member of another name.
        match args.entity_urns.as_slice() {
            [only] => input["resourceUrn"] = json!(only),
            several => input["resourceUrns"] = json!(several),
        }
        if let Some(description) = args.description {
            input["description"] = json!(description);
        }
        if let Some(priority) = args.priority {
            input["priority"] = json!(priority);
        }
        let variables = json!({"input": input});
        let urn = writing::send(context, &documents::RAISE_INCIDENT, variables).await?;
        Ok(json!({"urn": urn, "message": "incident raised; end it with resolve_incident"}))
    }
}

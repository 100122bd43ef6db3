//! `resolve_incident`: marks an incident as resolved.

use datahub::DataHubError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{entity, writing};
use crate::{
    args::text,
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct ResolveIncident;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    incident_urn: String,
    message: Option<String>,
}

impl Tool for ResolveIncident {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "resolve_incident",
            title: "Resolve an incident",
            description: "Marks an incident as resolved, with a word on how.",
            params: vec![
                text("incident_urn", "From list_incidents.").required(),
                text("message", ""),
            ],
            output: writing::output(),
            effect: Effect::Adds { idempotent: true },
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        entity::of_kind(&args.incident_urn, &["incident"])?;
        let mut input = json!({"state": "RESOLVED"});
        if let Some(message) = args.message {
            input["message"] = json!(message);
        }
        let variables = json!({"urn": args.incident_urn, "input": input});
        let done = writing::send(context, &documents::RESOLVE_INCIDENT, variables).await;
        done.map_err(|error| match error {
            ToolError::DataHub(DataHubError::NotFound { .. }) => ToolError::NotFound(format!(
                "there is no incident {}; list_incidents shows those of an asset",
                args.incident_urn
            )),
            other => other,
        })?;
        Ok(writing::done("incident resolved"))
    }
}

//! The two tools about domains: `set_domains` and `remove_domains`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{columns, documents, writing};
use crate::mcp::{
    args::{text, texts},
    context::ToolContext,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct SetDomains;
pub(super) struct RemoveDomains;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    domain_urn: Option<String>,
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
        let domain = args.domain_urn.unwrap_or_default();
        columns::of_kind(&domain, &["domain"])?;
        set(context, &args.entity_urns, Some(&domain)).await
    }
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
        set(context, &args.entity_urns, None).await
    }
}

async fn set(
    context: &ToolContext,
    entities: &[String],
    domain: Option<&str>,
) -> Result<Value, ToolError> {
    let resources = writing::resources(context, entities, &[]).await?;
    let count = writing::count(&resources);
    // Without a domain DataHub removes what is there.
    let mut input = json!({"resources": resources});
    if let Some(domain) = domain {
        input["domainUrn"] = json!(domain);
    }
    writing::send(context, &documents::SET_DOMAINS, json!({"input": input})).await?;
    let what = if domain.is_some() {
        "domain set on"
    } else {
        "domain removed from"
    };
    Ok(writing::done(format!("{what} {count}")))
}

//! `create_data_product`: creates a data product in a domain, to which assets can then be added.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{created, entity, get_entities};
use crate::{
    args::text,
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct CreateDataProduct;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    name: String,
    domain_urn: String,
    description: Option<String>,
    id: Option<String>,
}

impl Tool for CreateDataProduct {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "create_data_product",
            title: "Create a data product",
            description: "Creates an empty data product in a domain and returns its urn; \
                add_to_data_product fills it.",
            params: vec![
                text("name", "").required(),
                text("domain_urn", "").required(),
                text("description", ""),
                text("id", ""),
            ],
            output: created::output(),
            effect: Effect::Adds { idempotent: false },
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        entity::of_kind(&args.domain_urn, &["domain"])?;
        get_entities::must_exist(context, args.domain_urn.trim()).await?;
        let id = created::id_of(args.id.as_ref());
        let use_it = "add assets with add_to_data_product";
        let name = created::free_name(context, "DATA_PRODUCT", &args.name, id, use_it).await?;
        let mut input = json!({
            "properties": created::described(name, args.description),
            "domainUrn": args.domain_urn.trim(),
        });
        if let Some(id) = id {
            input["id"] = json!(id);
        }
        let message = "data product created; use add_to_data_product to fill it";
        created::send(context, &documents::CREATE_DATA_PRODUCT, input, message).await
    }
}

//! The assets of data products: which product an asset is in, and the mutation that puts it into one or
//! takes it out. DataHub keeps an asset in one product: setting another one moves it.

use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{entity, writing};
use crate::{
    args::{Param, text, texts},
    context::ToolContext,
    documents,
    error::ToolError,
};

/// The number of concurrent calls to DataHub.
const AT_ONCE: usize = 8;

/// The arguments of the tools that change which product assets are in.
#[derive(Debug, Deserialize)]
pub(super) struct Membership {
    pub(super) data_product_urn: String,
    pub(super) entity_urns: Vec<String>,
}

pub(super) fn params() -> Vec<Param> {
    vec![
        text("data_product_urn", "").required(),
        texts("entity_urns", writing::MAX_ENTITIES, "").required(),
    ]
}

/// The products that each of the entities is in, in their order.
///
/// # Errors
/// If one of the urns is of another kind, or names nothing.
pub(super) async fn of_each(
    context: &ToolContext,
    product: &str,
    entities: &[String],
) -> Result<Vec<Vec<String>>, ToolError> {
    entity::of_kind(product, &["dataProduct"])?;
    writing::urns("entity_urns", entities, &[])?;
    let calls: Vec<_> = entities.iter().map(|urn| of_one(context, urn)).collect();
    stream::iter(calls).buffered(AT_ONCE).try_collect().await
}

async fn of_one(context: &ToolContext, urn: &str) -> Result<Vec<String>, ToolError> {
    let variables = json!({"urn": urn});
    let mut answer = context.ask(&documents::DATA_PRODUCTS_OF, variables).await?;
    if answer.take("entityExists") == false {
        return Err(ToolError::NotFound(format!("{urn} {}", entity::MISSING)));
    }
    let entity = answer.take("entity");
    let found = entity["dataProducts"]["relationships"].as_array();
    let urns = found.into_iter().flatten();
    Ok(urns
        .filter_map(|one| one["entity"]["urn"].as_str().map(str::to_owned))
        .collect())
}

/// Puts the entities into `product`; for none, takes them out of the one that they are in.
pub(super) async fn set(
    context: &ToolContext,
    product: Option<&str>,
    entities: &[String],
) -> Result<(), ToolError> {
    let mut input = json!({"resourceUrns": entities});
    if let Some(product) = product {
        input["dataProductUrn"] = json!(product);
    }
    let variables: Value = json!({"input": input});
    writing::send(context, &documents::SET_DATA_PRODUCT, variables).await?;
    Ok(())
}

/// `3 assets`, for messages.
pub(super) fn assets(entities: &[String]) -> String {
    match entities.len() {
        1 => "1 asset".to_owned(),
        n => format!("{n} assets"),
    }
}

//! `add_to_data_product`: puts assets into a data product.

use serde_json::Value;

use super::{
    get_entities,
    product_membership::{self, Membership, assets},
    writing,
};
use crate::{
    context::ToolContext,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct AddToDataProduct;

impl Tool for AddToDataProduct {
    type Args = Membership;

    fn definition(&self) -> Definition {
        Definition {
            name: "add_to_data_product",
            title: "Add to a data product",
            description: "Puts assets into a data product. An asset that is in another one is moved.",
            params: product_membership::params(),
            output: writing::output(),
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Membership) -> Result<Value, ToolError> {
        let (product, entities) = (args.data_product_urn.trim(), &args.entity_urns);
        let before = product_membership::of_each(context, product, entities).await?;
        get_entities::must_exist(context, product).await?;
        product_membership::set(context, Some(product), entities).await?;
        let others = entities.iter().zip(before).filter_map(|(urn, products)| {
            let other = products.into_iter().find(|other| other != product)?;
            Some(format!("{urn} was in {other}"))
        });
        let moved: Vec<String> = others.collect();
        let mut message = format!("{} in {product}", assets(entities));
        if !moved.is_empty() {
            message = format!("{message}; {}", moved.join("; "));
        }
        Ok(writing::done(message))
    }
}

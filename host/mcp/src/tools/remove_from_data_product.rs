//! `remove_from_data_product`: takes assets out of a data product.

use serde_json::Value;

use super::{
    product_membership::{self, Membership, assets},
    writing,
};
use crate::{
    context::ToolContext,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct RemoveFromDataProduct;

impl Tool for RemoveFromDataProduct {
    type Args = Membership;

    fn definition(&self) -> Definition {
        Definition {
            name: "remove_from_data_product",
            title: "Remove from a data product",
            description: "Takes assets out of a data product.",
            params: product_membership::params(),
            output: writing::output(),
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Membership) -> Result<Value, ToolError> {
        let (product, entities) = (args.data_product_urn.trim(), &args.entity_urns);
        let before = product_membership::of_each(context, product, entities).await?;
        // DataHub takes an asset out of whatever product it is in.
        for (urn, products) in entities.iter().zip(&before) {
            let of_this = products.iter().any(|known| known == product);
            match (of_this, products.as_slice()) {
                (true, [_]) => {}
                (true, several) => {
                    return Err(ToolError::Arguments(format!(
                        "{urn} is in several data products ({}), and DataHub would take it out of \
                         all; use DataHub's own page",
                        several.join(", ")
                    )));
                }
                (false, []) => {
                    return Err(ToolError::Arguments(format!(
                        "{urn} is in no data product; leave it out of `entity_urns`"
                    )));
                }
                (false, others) => {
                    return Err(ToolError::Arguments(format!(
                        "{urn} is not in {product} but in {}; call again with that one",
                        others.join(", ")
                    )));
                }
            }
        }
        product_membership::set(context, None, entities).await?;
        Ok(writing::done(format!(
            "{} taken out of {product}",
            assets(entities)
        )))
    }
}

//! The parts that `/ready` asks: the validators and DataHub.

use std::sync::Arc;

use datahub_mcp::{
    datahub::DataHub,
    plugins::Validators,
    server::{Part, Probe},
};
use futures::future::BoxFuture;

/// What this server depends on.
pub(crate) struct Neighbours {
    validators: Arc<Validators>,
    datahub: DataHub,
}

impl Neighbours {
    pub(crate) fn new(validators: Arc<Validators>, datahub: DataHub) -> Self {
        Self { validators, datahub }
    }
}

impl Probe for Neighbours {
    fn parts(&self) -> BoxFuture<'_, Vec<Part>> {
        Box::pin(async {
            let mut parts = vec![Part {
                name: "datahub".to_owned(),
                works: self.datahub.health().await.reachable,
            }];
            parts.push(Part { name: "validators".to_owned(), works: self.validators.health() });
            parts
        })
    }
}

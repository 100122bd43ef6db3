//! The parts that `/ready` checks: the validators and DataHub.

use datahub_mcp::{
    datahub::DataHub,
    plugins::Validators,
    server::{Part, Probe},
};
use futures::future::BoxFuture;

/// The services that this server depends on.
pub(crate) struct Neighbours {
    validators: Validators,
    datahub: DataHub,
}

impl Neighbours {
    pub(crate) fn new(validators: Validators, datahub: DataHub) -> Self {
        Self {
            validators,
            datahub,
        }
    }
}

impl Probe for Neighbours {
    fn parts(&self) -> BoxFuture<'_, Vec<Part>> {
        Box::pin(async {
            let (datahub, validators) =
                futures::join!(self.datahub.health(), self.validators.health());
            let datahub = Part {
                name: "datahub".to_owned(),
                works: datahub.reachable,
            };
            let validators = validators.validators.into_iter().map(|validator| Part {
                works: validator.problem.is_none(),
                name: validator.name,
            });
            std::iter::once(datahub).chain(validators).collect()
        })
    }
}

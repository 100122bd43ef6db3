//! The sandbox of `plugins check`: the one that the server would give the validator. Its process
//! loads the library several times and makes validators of several options.
//!
//! What the sandbox follows from is found out before it is entered: a child process lets the library
//! describe itself, and the files that options name are read.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::{
    Plan,
    describe::{self, Undescribed},
    resolve,
};
use crate::{
    OptionSources, Settings, ValidatorSpec,
    boundary::{Factory, description::Description},
    isolation::sandbox::{self, Policy},
    library::find::Found,
    options::assemble::{Options, assemble, config_of},
    serving::loader::choose,
};

/// The longest time for a description; the process that waits for results is more patient.
const DESCRIBED_WITHIN: Duration = Duration::from_secs(30);

/// What is known about a validator before its code runs in this process.
#[derive(Debug)]
pub struct Ground(pub(super) Result<Known, Undescribed>);

/// A validator that was described, and the options for it.
#[derive(Debug)]
pub(super) struct Known {
    /// The name of its factory, or the reason there is none to check.
    pub(super) factory: Result<String, String>,
    /// What it needs, in words, or the fault in that.
    pub(super) needs: Result<String, String>,
    pub(super) options: Result<Options, String>,
    /// The options with which it cannot reach its provider.
    pub(super) down: Option<Result<SecretString, String>>,
}

/// Enters the sandbox with this process, for good, with the rights that the server would give the
/// validator. Call it before there is a second thread.
///
/// # Errors
/// The layers that are missing and required.
pub fn confine(settings: &Settings, plan: &Plan) -> Result<Ground, String> {
    let found = resolve(&settings.directories, &plan.library).map_err(|error| error.to_string());
    let mut policy = Policy::describing(settings.sandbox);
    let known = match &found {
        Ok(found) => {
            let limit = settings.limits.start.min(DESCRIBED_WITHIN);
            let described = describe::ask_child(&found.path(), settings.sandbox, limit);
            described.map(|described| {
                let (known, rights) = know(settings, plan, found, &described.description);
                policy = rights.unwrap_or_else(|| policy.clone());
                known
            })
        }
        Err(error) => Err(Undescribed::Failed(error.clone())),
    };
    policy.copies = true;
    policy.files.extend(settings.directories.iter().cloned());
    policy.files.extend(found.map(|found| found.path()));
    sandbox::enter(&policy)?;
    Ok(Ground(known))
}

/// What `description` says about the validator of `plan`, and its rights if all of that is right.
fn know(
    settings: &Settings,
    plan: &Plan,
    found: &Found,
    description: &Description,
) -> (Known, Option<Policy>) {
    let spec = ValidatorSpec {
        library: found.library().to_owned(),
        factory: plan.factory.clone(),
    };
    let factories = description.factories().map_err(|bad| bad.to_string());
    let factory = factories.and_then(|factories| {
        choose(&spec, factories, &found.path()).map_err(|error| error.to_string())
    });
    let factory = match factory {
        Ok(factory) => factory,
        Err(reason) => {
            let known = Known {
                factory: Err(reason.clone()),
                needs: Err(reason.clone()),
                options: Err(reason),
                down: None,
            };
            return (known, None);
        }
    };
    let options = options(settings, plan, &spec, &factory);
    let down = plan.down_config.clone().map(|down| {
        let made = assemble(&factory.schema, down, &OptionSources::default());
        made.map(|made| made.json)
            .map_err(|error| error.to_string())
    });
    let rights = |json: &SecretString| {
        let (info, json) = (&description.info, json.expose_secret());
        sandbox::policy(settings.sandbox, info, &factory.schema, json)
    };
    let own = options.as_ref().ok().map(|made| rights(&made.json));
    let policy = own.and_then(Result::ok).map(|own| {
        let down = down.as_ref().and_then(|down| down.as_ref().ok());
        match down.map(rights) {
            Some(Ok(more)) => own.or(more),
            _ => own,
        }
    });
    let known = Known {
        needs: sandbox::told_needs(&description.info, &factory.schema),
        factory: Ok(factory.name),
        options,
        down,
    };
    (known, policy)
}

/// The options that `plan` gives, or else those of the server's settings.
fn options(
    settings: &Settings,
    plan: &Plan,
    spec: &ValidatorSpec,
    factory: &Factory,
) -> Result<Options, String> {
    let sources = &settings.options;
    let config: Map<String, Value> = match &plan.config {
        Some(config) => config.clone(),
        None => {
            let same = |one: &&ValidatorSpec| {
                one.library == spec.library
                    && one
                        .factory
                        .as_ref()
                        .is_none_or(|name| *name == factory.name)
            };
            let chain = &settings.validators;
            let spec = chain.iter().find(same).unwrap_or(spec);
            config_of(spec, chain, &sources.config).map_err(|error| error.to_string())?
        }
    };
    assemble(&factory.schema, config, sources).map_err(|error| error.to_string())
}

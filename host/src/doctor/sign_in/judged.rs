//! The judgement on a fresh token: that of the validators, then that of DataHub.

use std::time::Duration;

use ::datahub::DataHubError;
use foundation::identity::{Principal, Verdict};
use oauth::WalkedTokens;
use plugin_host::Validators;
use tokio::time::timeout;

use super::{
    super::{datahub, report::Check},
    hops::Hops,
};
use crate::config::Settings;

const VALIDATORS: &str = "validators";
const DATAHUB: &str = "datahub";
/// The time limit for loading the validators, and that for asking them.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);
/// Names the check in the log of a validator.
const REQUEST_ID: &str = "doctor";

/// Asks both. True if the validators accept the token.
pub(super) async fn check(settings: &Settings, tokens: &WalkedTokens, hops: &mut Hops<'_>) -> bool {
    let Some(token) = &tokens.used else {
        return false;
    };
    let plugins = settings.plugins.clone();
    let loading = tokio::task::spawn_blocking(move || Validators::load(plugins));
    let validators = match timeout(STEP_TIMEOUT, loading).await {
        Ok(Ok(Ok(validators))) => validators,
        Ok(Ok(Err(error))) => {
            let fix = "see `datahub-mcp doctor`";
            hops.add([Check::fail(VALIDATORS, error.to_string(), fix)]);
            return false;
        }
        _ => {
            let fix = "see `datahub-mcp plugins inspect`";
            hops.add([Check::fail(VALIDATORS, "they do not load", fix)]);
            return false;
        }
    };
    let verdict = timeout(STEP_TIMEOUT, validators.validate(token, REQUEST_ID)).await;
    let accepted = match verdict {
        Ok(Verdict::Accepted(principal)) => {
            let name = principal.validator();
            hops.add([Check::ok(VALIDATORS, format!("`{name}` accepts the token"))]);
            hops.add([at_datahub(settings, &principal).await]);
            true
        }
        Ok(Verdict::Rejected { reason }) => {
            let fix = "see the settings at the end";
            hops.add([Check::fail(VALIDATORS, &*reason, fix)]);
            false
        }
        Ok(Verdict::Unavailable { .. }) | Err(_) => {
            let seen = "no decision: a validator cannot reach what it asks, or hangs";
            hops.add([Check::fail(VALIDATORS, seen, "see `datahub-mcp doctor`")]);
            false
        }
    };
    // Ends with the process otherwise.
    let _ = timeout(STEP_TIMEOUT, validators.shutdown()).await;
    accepted
}

/// Asks DataHub who the person is, with the token that requests of theirs would have.
async fn at_datahub(settings: &Settings, principal: &Principal) -> Check {
    let token = principal.datahub_token().clone();
    match datahub::me(settings.datahub.clone(), token).await {
        Ok(Some(urn)) if datahub::is_nobody(&urn) => Check::fail(
            DATAHUB,
            "authentication is off at DataHub (METADATA_SERVICE_AUTH_ENABLED): it takes the person for its own \
             system user",
            "set `METADATA_SERVICE_AUTH_ENABLED=true` for DataHub's metadata service and its frontend",
        ),
        Ok(Some(_)) => Check::ok(DATAHUB, "answers as a person of its own"),
        Ok(None) => Check::fail(
            DATAHUB,
            "answers, and names no person",
            "see `datahub-mcp doctor`; check `DATAHUB_GMS_URL`",
        ),
        Err(DataHubError::TokenRefused) => Check::fail(
            DATAHUB,
            "refuses the token that the validators accept: every call of the person would fail",
            "let DataHub trust the provider's tokens (its OAuth authenticator, with this issuer and audience), \
             or name a validator in `TOKEN_VALIDATOR_FACTORY` that exchanges them for DataHub's own",
        ),
        Err(error) => Check::fail(DATAHUB, error.to_string(), "see `datahub-mcp doctor`"),
    }
}

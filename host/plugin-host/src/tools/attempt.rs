//! `plugins try`: the answer of one validator about one token, with the settings of the server.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use foundation::identity::TokenDigest;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::{
    Isolation, LoadError, Settings, ValidatorSpec,
    boundary::redact,
    serving::{loader::Loader, ruling::Decision, validator::Check},
};

/// The answer of a validator.
#[derive(Debug, Serialize)]
pub struct Attempt {
    /// `library:factory`.
    pub validator: String,
    /// `accepted`, `rejected`, `not_mine`, `unavailable`, `timeout` ...
    pub outcome: String,
    /// True if the server would let the person in.
    pub accepted: bool,
    /// The reason, as in the server's log.
    pub detail: String,
    /// The person that the token belongs to.
    pub subject: Option<String>,
    /// The scopes that it grants.
    pub scopes: Vec<String>,
    /// Its expiry, in seconds since the Unix epoch.
    pub expires_at: Option<u64>,
    /// The extensions of its answer (`ext_json`), which this version does not know.
    pub extensions: String,
    /// The first digits of the token's SHA-256, as the server's log names it.
    pub token: String,
    /// The first digits of the SHA-256 of the token that the host sends to DataHub.
    pub datahub_token: Option<String>,
    /// The duration of the call, in microseconds.
    pub us: u128,
    /// The validator's report on its own health.
    pub health: String,
}

/// Loads the validator `spec` as the server would and asks it about `token`.
///
/// # Errors
/// If it cannot be loaded.
pub async fn attempt(
    mut settings: Settings,
    spec: ValidatorSpec,
    token: SecretString,
) -> Result<Attempt, LoadError> {
    settings.validators = vec![spec];
    // Whatever the server does: the library may not be trusted yet.
    settings.isolation = Isolation::Process;
    let (deadline, shutdown) = (settings.limits.deadline, settings.limits.shutdown);
    let loader = Loader::new(settings);
    let chain = loader.chain()?;
    let Some(validator) = chain.first() else {
        return Err(LoadError::Nothing);
    };
    let digest = TokenDigest::of(token.expose_secret());
    let started = Instant::now();
    let check = Check {
        token: std::sync::Arc::new(token),
        digest,
        request_id: std::sync::Arc::from("plugins-try"),
        until: started + deadline,
    };
    let ruling = validator.ask(&check).await;
    let us = started.elapsed().as_micros();
    let health = match validator.health().await {
        Ok(()) => "well".to_owned(),
        Err(failure) => failure.to_string(),
    };
    let accepted = match &ruling.decision {
        Decision::Accepted(acceptance, _) => Some(acceptance.clone()),
        Decision::NotRecognized | Decision::Rejected | Decision::Unavailable(_) => None,
    };
    let datahub = accepted
        .as_ref()
        .map(|accepted| TokenDigest::of(accepted.datahub_token.expose_secret()));
    let attempt = Attempt {
        validator: validator.name().to_owned(),
        outcome: ruling.outcome.to_string(),
        accepted: accepted.is_some(),
        detail: ruling.detail,
        extensions: redact::for_log(&ruling.extensions),
        subject: accepted.as_ref().map(|accepted| accepted.subject.clone()),
        expires_at: accepted
            .as_ref()
            .and_then(|accepted| accepted.expires_at)
            .map(unix),
        datahub_token: datahub.map(|token| format!("{token:?}")),
        scopes: accepted.map(|accepted| accepted.scopes).unwrap_or_default(),
        token: format!("{digest:?}"),
        us,
        health,
    };
    validator.retire(Duration::from_secs(1), shutdown).await;
    Ok(attempt)
}

fn unix(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

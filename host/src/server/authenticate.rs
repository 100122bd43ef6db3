//! Turns a bearer token into a caller before the MCP service, and the outcome that a tool decided
//! into a status after it.

use std::sync::Arc;

use axum::{extract::Request, response::Response};
use datahub::{Caller, HttpOutcome};
use foundation::identity::Principal;
use http::header::{AUTHORIZATION, ORIGIN};
use telemetry::Notes;

use super::{request_id::RequestId, respond::Refusal, state::State, until_sent};
use crate::auth::AuthError;

/// The settings to look at if DataHub refuses each token of a person.
const REMEDY: &str = "let DataHub accept the tokens of this identity provider, or set `TOKEN_VALIDATOR_FACTORY` to a \
     validator that gets tokens of DataHub (`datahub_exchange`, `token_exchange`)";
/// The time to wait before trying again if the shared token is refused: an operator has to act.
const SHARED_TOKEN_RETRY: std::time::Duration = std::time::Duration::from_secs(60);

/// Lets no request pass without a [`Caller`] in its extensions.
pub(super) async fn bearer(
    state: &Arc<State>,
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let id = request
        .extensions()
        .get::<RequestId>()
        .map(RequestId::as_str)
        .unwrap_or_default();
    let notes = request.extensions().get::<Notes>().cloned();
    let notes = notes.unwrap_or_default();
    let admitted = state
        .authenticator
        .admit(request.headers(), request.uri().query(), id, &notes);
    let admitted = state.supplies.checked(request.extensions(), admitted).await;
    let mut caller = match admitted
        .map_err(Refusal::from)
        .and_then(|admitted| admitted.map_err(Refusal::Auth))
    {
        Ok(caller) => caller,
        Err(refusal) => return state.responder.refuse(&refusal),
    };
    let supplies = &state.supplies;
    if let Some(who) = supplies.number_of_stranger(request.extensions(), &caller.principal) {
        caller.datahub = caller.datahub.counting_for(who);
    }
    // Nothing behind needs the token, so nothing behind can leak it or pass it on.
    request.headers_mut().remove(AUTHORIZATION);
    // Already checked by `edge::origin`, against the list that operators set.
    request.headers_mut().remove(ORIGIN);
    request.extensions_mut().insert(caller.clone());
    let response = next(request).await;
    if let Some(outcome) = caller.outcome() {
        return state.responder.refuse(&decided(state, &caller, outcome));
    }
    if !until_sent::is_stream(&response) {
        return response;
    }
    // It is too late for a status. The next request gets it.
    let state = Arc::clone(state);
    until_sent::at_end(response, move || {
        if let Some(outcome) = caller.outcome() {
            decided(&state, &caller, outcome);
        }
    })
}

/// The refusal for the outcome that a tool decided.
fn decided(state: &State, caller: &Caller, outcome: HttpOutcome) -> Refusal {
    match outcome {
        HttpOutcome::InsufficientScope(scopes) => Refusal::InsufficientScope(scopes),
        HttpOutcome::TokenRefused => Refusal::Auth(refused(state, &caller.principal)),
    }
}

fn refused(state: &State, principal: &Principal) -> AuthError {
    if principal.token_digest().is_none() {
        if let Some(left_out) = state.admit_line("shared token") {
            tracing::error!(
                left_out,
                "datahub refuses the shared token, renew `DATAHUB_GMS_TOKEN`"
            );
        }
        return AuthError::Unavailable {
            retry_after: SHARED_TOKEN_RETRY,
        };
    }
    let error = state.authenticator.refused_by_datahub(principal);
    if let Some(left_out) = state.authenticator.admit_line_of_datahub() {
        tracing::warn!(
            token = ?principal.token_digest(),
            validator = %principal.validator(),
            remedy = match error {
                AuthError::Refused(_) => REMEDY,
                _ => "none yet: the client is told to get a new token",
            },
            left_out,
            "datahub refuses a token that the validator accepted"
        );
    }
    error
}

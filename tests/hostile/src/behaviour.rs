//! The common behaviour of the validators: the form of a good token.

use plugin_api::sdk::{Failure, Identity, Request};

/// Accepts `good-SUBJECT` as SUBJECT, with the same token for DataHub; rejects anything else.
pub(crate) fn behave(request: &Request) -> Result<Identity, Failure> {
    let token = request.token.expose();
    match token.strip_prefix("good-") {
        Some(subject) if !subject.is_empty() => Ok(Identity::new(subject).resolved_token(token)),
        _ => Err(Failure::rejected("does not start with `good-`")),
    }
}

/// True if the token starts with `trigger`, so that the validator misbehaves.
pub(crate) fn triggers(request: &Request, trigger: &str) -> bool {
    request.token.expose().starts_with(trigger)
}

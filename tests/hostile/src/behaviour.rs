//! What the validators share: how a good token looks.

use plugin_api::sdk::{Failure, Identity, Request};

/// `good-SUBJECT` is accepted as SUBJECT, and DataHub is asked with the same token; anything else
/// is rejected.
pub(crate) fn behave(request: &Request) -> Result<Identity, Failure> {
    let token = request.token.expose();
    match token.strip_prefix("good-") {
        Some(subject) if !subject.is_empty() => Ok(Identity::new(subject).resolved_token(token)),
        _ => Err(Failure::rejected("does not start with `good-`")),
    }
}

/// Whether the request is one to misbehave for.
pub(crate) fn triggers(request: &Request, trigger: &str) -> bool {
    request.token.expose().starts_with(trigger)
}

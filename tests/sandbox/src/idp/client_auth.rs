//! Client authentication: HTTP Basic, secret in the body, or none (RFC 6749 section 2.3).

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::{OAuthError, Parameters};
use super::options::Client;
use super::state::Idp;

/// The client that sent the request, its secret checked if it has one.
pub(super) fn authenticate(
    idp: &Idp,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<Client, OAuthError> {
    let basic = headers.get(header::AUTHORIZATION).is_some();
    let refused = |why: &str| OAuthError::invalid_client(why, basic);
    let (id, secret) = if basic {
        if form.get("client_secret").is_some() {
            return Err(OAuthError::invalid_request(
                "two kinds of client authentication",
            ));
        }
        let (id, secret) = from_basic(headers).ok_or_else(|| refused("malformed Basic"))?;
        if form.get("client_id").is_some_and(|in_body| in_body != id) {
            return Err(OAuthError::invalid_request(
                "`client_id` differs from the Basic one",
            ));
        }
        (id, Some(secret))
    } else {
        let id = form
            .get("client_id")
            .ok_or_else(|| refused("no client authentication"))?;
        (id.to_owned(), form.get("client_secret").map(str::to_owned))
    };
    let client = idp.client(&id).ok_or_else(|| refused("unknown client"))?;
    match (&client.secret, secret) {
        (None, None) => Ok(client),
        // an empty Basic password is how some libraries say "none"
        (None, Some(secret)) if secret.is_empty() => Ok(client),
        (Some(expected), Some(secret)) if *expected == secret => Ok(client),
        _ => Err(refused("wrong client credentials")),
    }
}

/// Id and secret, each form-encoded before they are joined (RFC 6749 2.3.1).
fn from_basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decode(id)?, form_decode(secret)?))
}

fn form_decode(text: &str) -> Option<String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&format!("v={text}")).ok()?;
    match <[_; 1]>::try_from(pairs) {
        Ok([(_, value)]) => Some(value),
        Err(_) => None,
    }
}

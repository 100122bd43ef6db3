//! Parsing of the provider's answer to an exchange (RFC 8693 section 2.2).

use std::time::Duration;

use plugin_api::sdk::{Failure, Token};
use serde_json::{Map, Value};
use validator_common::{Answer, MAX_TOKEN_BYTES, quoted, unverified_claims};

/// The lifetime of a token if neither the answer nor the token states it.
const UNKNOWN_LIFETIME: Duration = Duration::from_secs(60);
const MAX_LIFETIME: Duration = Duration::from_secs(86_400);

/// The token that the provider issued.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) token: Token,
    pub(crate) lifetime: Duration,
    /// The scopes of the token, if the answer names them.
    pub(crate) scopes: Option<Vec<String>>,
}

/// Reads an answer that is not an overload; `now` is in seconds since the Unix epoch.
///
/// # Errors
/// [`Failure::rejected`] if the provider refuses the caller's token, [`Failure::misconfigured`] if
/// it refuses our credentials or answers with something else.
pub(crate) fn read(
    answer: &Answer,
    requested: Option<&str>,
    url: &str,
    now: i64,
) -> Result<Issued, Failure> {
    let body: Option<Map<String, Value>> = serde_json::from_slice(&answer.body).ok();
    let status = answer.status.as_u16();
    let text = |name: &str| body.as_ref().and_then(|body| body.get(name)?.as_str());
    match (status, text("error")) {
        (200, _) => {}
        // RFC 8693 section 2.2.2: `invalid_request` if a token is not acceptable.
        (400, Some(error @ ("invalid_grant" | "invalid_request" | "invalid_token"))) => {
            return Err(Failure::rejected(format!(
                "the provider does not exchange the token: {error}{}",
                text("error_description")
                    .map(|why| format!(", {}", quoted(why)))
                    .unwrap_or_default()
            )));
        }
        (_, Some(error)) => {
            return Err(Failure::misconfigured(format!(
                "{url}: refuses the exchange ({status}, {}): check our credentials, and that the \
                 provider lets this client exchange tokens for the target",
                quoted(error)
            )));
        }
        _ => {
            return Err(Failure::misconfigured(format!(
                "{url}: answers {status} without a token response: check `token_endpoint` and \
                 our credentials"
            )));
        }
    }
    let nonsense = |what: &str| Failure::misconfigured(format!("{url}: the token response {what}"));
    let token = text("access_token")
        .filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN_BYTES)
        .filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or_else(|| nonsense("holds no usable `access_token`"))?;
    // RFC 8693 section 2.2.1: `N_A` if the issued token is not an access token.
    if text("token_type")
        .is_some_and(|kind| !["bearer", "n_a"].contains(&&*kind.to_ascii_lowercase()))
    {
        return Err(nonsense("holds a token that is not a bearer token"));
    }
    if let (Some(requested), Some(issued)) = (requested, text("issued_token_type"))
        && requested != issued
    {
        return Err(nonsense(
            "holds a token of another type than `requested_token_type`",
        ));
    }
    let scopes =
        text("scope").map(|scope| scope.split_ascii_whitespace().map(str::to_owned).collect());
    let lifetime = lifetime(
        body.as_ref().and_then(|body| body.get("expires_in")),
        token,
        now,
    )
    .unwrap_or(UNKNOWN_LIFETIME)
    .min(MAX_LIFETIME);
    Ok(Issued {
        token: Token::new(token),
        lifetime,
        scopes,
    })
}

/// The shorter of the lifetimes that the answer and the token itself state.
fn lifetime(expires_in: Option<&Value>, token: &str, now: i64) -> Option<Duration> {
    let said = expires_in.and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()));
    let own = unverified_claims(token)
        .and_then(|claims| claims.get("exp")?.as_f64())
        .map(|exp| exp - now as f64);
    let seconds = said.into_iter().chain(own).reduce(f64::min)?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO))
}

//! The only place where a refusal becomes an HTTP answer.
//!
//! An answer says what the caller can change and no more; the reason is in the log.

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use foundation::shares::Exhausted;
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::{Value, json};

use crate::auth::{AuthError, BearerError, Challenge, Refused};

/// The reason a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Parsers disagree on the request; this is why.
    BadRequest(&'static str),
    /// The `Host` is not allowed.
    NotOurHost,
    /// The `Origin` is not allowed.
    ForeignOrigin,
    /// Not authenticated.
    Auth(AuthError),
    /// The token lacks these scopes.
    InsufficientScope(Vec<String>),
    /// The body is larger than this.
    BodyTooLarge(usize),
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body ended early.
    BodyBroken,
    /// The body is not JSON.
    NotJson,
    /// The body is JSON, but not a message; this is why.
    NotAMessage(&'static str),
    /// The `params` of the request with this id have another form; this is why.
    InvalidParams(Value, &'static str),
    /// The client accepts no JSON.
    NotAcceptable,
    /// The answer was not ready in time.
    Timeout,
    /// Too many requests are under way.
    Overloaded,
    /// The sender has more under way than their share.
    TooMuch,
    /// The body holds more JSON values than these.
    TooManyValues(usize),
    /// The server stops before the answer is ready.
    Stopping,
    /// A failure of this server.
    Internal,
    /// No such route.
    NotFound,
    /// The route does not support the method; it supports these.
    MethodNotAllowed(&'static str),
}

impl From<Exhausted> for Refusal {
    fn from(exhausted: Exhausted) -> Self {
        match exhausted {
            Exhausted::Share => Self::TooMuch,
            Exhausted::All => Self::Overloaded,
        }
    }
}

impl Refusal {
    /// The word for it in the log.
    fn reason(&self) -> Reason {
        Reason(match self {
            Self::BadRequest(_) => "ambiguous_request",
            Self::NotOurHost => "host",
            Self::ForeignOrigin => "origin",
            Self::Auth(AuthError::Missing) => "no_token",
            Self::Auth(AuthError::Credentials(_)) => "malformed_token",
            Self::Auth(AuthError::InvalidToken) => "invalid_token",
            Self::Auth(AuthError::Refused(Refused::ByValidators)) => "refused_by_validators",
            Self::Auth(AuthError::Refused(Refused::ByDataHub)) => "refused_by_datahub",
            Self::Auth(AuthError::Unavailable { .. }) => "token_cannot_be_checked",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::BodyTooLarge(_) => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::BodyBroken => "body_broken",
            Self::NotJson => "not_json",
            Self::NotAMessage(_) => "not_a_message",
            Self::InvalidParams(..) => "invalid_params",
            Self::NotAcceptable => "not_acceptable",
            Self::Timeout => "timeout",
            Self::Overloaded => "overloaded",
            Self::TooMuch => "more_than_a_share",
            Self::TooManyValues(_) => "too_many_values",
            Self::Stopping => "stopping",
            Self::Internal => "internal",
            Self::NotFound => "no_such_route",
            Self::MethodNotAllowed(_) => "method",
        })
    }
}

/// The reason for a refusal, which its answer carries to the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reason(pub(super) &'static str);

/// `response` with the reason of `refusal` for the log.
fn because(refusal: &Refusal, mut response: Response) -> Response {
    response.extensions_mut().insert(refusal.reason());
    response
}

/// Turns refusals into answers.
#[derive(Debug, Clone)]
pub(super) struct Responder {
    challenge: Challenge,
}

impl Responder {
    pub(super) fn new(challenge: Challenge) -> Self {
        Self { challenge }
    }

    /// The answer to `refusal`.
    pub(super) fn refuse(&self, refusal: &Refusal) -> Response {
        let response = match refusal {
            Refusal::Auth(error) => self.unauthenticated(error),
            Refusal::InsufficientScope(scopes) => {
                let mut response = oauth(
                    StatusCode::FORBIDDEN,
                    "insufficient_scope",
                    "the token lacks a permission that this needs",
                );
                let challenge = self.challenge.insufficient_scope(scopes);
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                response
            }
            other => return unrelated_to_auth(other),
        };
        because(refusal, response)
    }

    fn unauthenticated(&self, error: &AuthError) -> Response {
        let (mut response, challenge) = match error {
            AuthError::Missing | AuthError::Credentials(BearerError::OtherScheme) => (
                oauth(
                    StatusCode::UNAUTHORIZED,
                    "unauthorized",
                    "sign in to use this server",
                ),
                self.challenge.missing(),
            ),
            AuthError::InvalidToken | AuthError::Credentials(BearerError::Malformed) => (
                oauth(
                    StatusCode::UNAUTHORIZED,
                    "invalid_token",
                    "the access token is not valid, sign in again",
                ),
                self.challenge.invalid(),
            ),
            AuthError::Credentials(BearerError::Several) => {
                return oauth(
                    StatusCode::BAD_REQUEST,
                    "invalid_request",
                    "send one Authorization header",
                );
            }
            AuthError::Credentials(BearerError::InQuery) => {
                return oauth(
                    StatusCode::BAD_REQUEST,
                    "invalid_request",
                    "send the token in the Authorization header, and treat this one as leaked",
                );
            }
            AuthError::Refused(by) => {
                return oauth(StatusCode::FORBIDDEN, "access_denied", &by.to_string());
            }
            AuthError::Unavailable { retry_after: after } => {
                let response = oauth(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "temporarily_unavailable",
                    "the access token cannot be checked at the moment",
                );
                return retry_after(response, *after);
            }
        };
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        response
    }
}

/// The answers to refusals that do not depend on this server's settings.
pub(super) fn unrelated_to_auth(refusal: &Refusal) -> Response {
    because(refusal, in_json_rpc(refusal))
}

fn in_json_rpc(refusal: &Refusal) -> Response {
    use StatusCode as S;
    let soon = |status, text| {
        retry_after(
            json_rpc(status, INTERNAL_ERROR, text),
            Duration::from_secs(1),
        )
    };
    match refusal {
        Refusal::BadRequest(why) => close(json_rpc(S::BAD_REQUEST, INVALID_REQUEST, why)),
        Refusal::NotOurHost => json_rpc(
            S::MISDIRECTED_REQUEST,
            INVALID_REQUEST,
            "this host name is not allowed; the operator can allow it with ALLOWED_HOSTS",
        ),
        Refusal::ForeignOrigin => json_rpc(
            S::FORBIDDEN,
            INVALID_REQUEST,
            "web pages of this origin are not allowed; the operator can allow them with ALLOWED_ORIGINS",
        ),
        Refusal::BodyTooLarge(limit) => close(json_rpc(
            S::PAYLOAD_TOO_LARGE,
            INVALID_REQUEST,
            &format!("the request body is larger than {limit} bytes"),
        )),
        Refusal::BodyTimeout => close(json_rpc(
            S::REQUEST_TIMEOUT,
            INVALID_REQUEST,
            "the request body did not arrive in time",
        )),
        Refusal::BodyBroken => close(json_rpc(
            S::BAD_REQUEST,
            INVALID_REQUEST,
            "the request body is broken",
        )),
        Refusal::NotJson => json_rpc(S::BAD_REQUEST, PARSE_ERROR, "the request body is not JSON"),
        Refusal::NotAMessage(why) => json_rpc(S::BAD_REQUEST, INVALID_REQUEST, why),
        Refusal::InvalidParams(id, why) => answer_to(id, S::BAD_REQUEST, INVALID_PARAMS, why),
        Refusal::NotAcceptable => json_rpc(
            S::NOT_ACCEPTABLE,
            INVALID_REQUEST,
            "answers are JSON; send `Accept: application/json, text/event-stream`",
        ),
        Refusal::Timeout => json_rpc(
            S::GATEWAY_TIMEOUT,
            INTERNAL_ERROR,
            "the answer took too long",
        ),
        Refusal::Overloaded => soon(S::SERVICE_UNAVAILABLE, "too many requests are under way"),
        Refusal::TooMuch => soon(S::TOO_MANY_REQUESTS, "you have too many requests under way"),
        Refusal::TooManyValues(limit) => json_rpc(
            S::PAYLOAD_TOO_LARGE,
            INVALID_REQUEST,
            &format!("the request body holds more than {limit} JSON values"),
        ),
        Refusal::Stopping => close(soon(
            S::SERVICE_UNAVAILABLE,
            "the server is stopping, and the call was cut off",
        )),
        Refusal::NotFound => no_store(plain(S::NOT_FOUND, "not_found")),
        Refusal::MethodNotAllowed(allow) => {
            let mut response = no_store(plain(S::METHOD_NOT_ALLOWED, "method_not_allowed"));
            response
                .headers_mut()
                .insert(http::header::ALLOW, HeaderValue::from_static(allow));
            response
        }
        Refusal::Internal | Refusal::Auth(_) | Refusal::InsufficientScope(_) => {
            json_rpc(S::INTERNAL_SERVER_ERROR, INTERNAL_ERROR, "internal error")
        }
    }
}

/// The answers to refusals at the endpoints of the sign-in, in the form of RFC 6749 section 5.2.
pub(super) fn to_sign_in(refusal: &Refusal) -> Response {
    because(refusal, in_oauth(refusal))
}

fn in_oauth(refusal: &Refusal) -> Response {
    use StatusCode as S;
    let (invalid, later) = ("invalid_request", "temporarily_unavailable");
    let soon = |response| retry_after(response, Duration::from_secs(1));
    match refusal {
        Refusal::BodyTooLarge(_) => close(oauth(
            S::PAYLOAD_TOO_LARGE,
            invalid,
            "the request is too large",
        )),
        Refusal::BodyTimeout => close(oauth(
            S::REQUEST_TIMEOUT,
            invalid,
            "the request body did not arrive in time",
        )),
        Refusal::BodyBroken => close(oauth(S::BAD_REQUEST, invalid, "the request body is broken")),
        Refusal::Timeout => oauth(S::GATEWAY_TIMEOUT, later, "the answer took too long"),
        Refusal::TooMuch => soon(oauth(S::TOO_MANY_REQUESTS, later, "too many requests")),
        Refusal::Overloaded => soon(oauth(
            S::SERVICE_UNAVAILABLE,
            later,
            "too many requests are under way",
        )),
        other => in_json_rpc(other),
    }
}

/// Error codes of JSON-RPC 2.0, section 5.1.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const INVALID_PARAMS: i32 = -32602;
const INTERNAL_ERROR: i32 = -32603;

/// A refusal before `/mcp` is reached, with a body that MCP clients show to people.
fn json_rpc(status: StatusCode, code: i32, message: &str) -> Response {
    answer_to(&Value::Null, status, code, message)
}

/// The same for the request with this id.
fn answer_to(id: &Value, status: StatusCode, code: i32, message: &str) -> Response {
    let body = json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}});
    no_store((status, Json(body)).into_response())
}

/// A refusal that OAuth defines (RFC 6750 section 3.1 and the error registry of RFC 6749).
fn oauth(status: StatusCode, error: &str, description: &str) -> Response {
    let body = json!({"error": error, "error_description": description});
    no_store((status, Json(body)).into_response())
}

fn plain(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error}))).into_response()
}

fn no_store(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Closes the connection: what follows this request on it cannot be trusted to be a request.
fn close(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Whole seconds, at least one (RFC 9110 section 10.2.3).
fn retry_after(mut response: Response, after: Duration) -> Response {
    let seconds = after.as_secs_f64().ceil().max(1.0) as u64;
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

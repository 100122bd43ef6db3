//! Failures as answers: JSON for a client, or a page for a person. Errors that go to a
//! client's redirect URI are made in `answer`, once client and URI are proven.
//!
//! Texts are constants or checked: nothing that a stranger sent gets into one unescaped, and no
//! secret at all.

use std::{borrow::Cow, time::Duration};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::store::StoreError;

/// The time that a client is told to wait when a server behind us is down.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The codes of RFC 6749, 7009, 7591, 8707 and OpenID Connect that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorCode {
    AccessDenied,
    InvalidClient,
    InvalidClientMetadata,
    InvalidGrant,
    InvalidRedirectUri,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    RequestNotSupported,
    RequestUriNotSupported,
    ServerError,
    TemporarilyUnavailable,
    UnsupportedGrantType,
    UnsupportedResponseType,
    UnsupportedTokenType,
}

impl ErrorCode {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::InvalidClient => "invalid_client",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::UnsupportedTokenType => "unsupported_token_type",
        }
    }
}

/// An error of the endpoints that programs call (RFC 6749 section 5.2).
#[derive(Debug)]
pub(super) struct OAuthError {
    pub(super) code: ErrorCode,
    pub(super) description: Cow<'static, str>,
    status: StatusCode,
    retry_after: Option<Duration>,
    challenge: bool,
}

impl OAuthError {
    /// HTTP 400.
    pub(super) fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            description: description.into(),
            status: StatusCode::BAD_REQUEST,
            retry_after: None,
            challenge: false,
        }
    }

    /// HTTP 401, the same whatever was wrong with the client. `challenge` if it came with an
    /// `Authorization` header.
    pub(super) fn invalid_client(challenge: bool) -> Self {
        let mut error = Self::new(
            ErrorCode::InvalidClient,
            "the client is not known or could not be authenticated; register it again",
        );
        error.status = StatusCode::UNAUTHORIZED;
        error.challenge = challenge;
        error
    }

    /// HTTP 400, the same whatever was wrong with a code or refresh token.
    pub(super) fn invalid_grant() -> Self {
        Self::new(
            ErrorCode::InvalidGrant,
            "the code or refresh token is invalid, expired, already used or of another client",
        )
    }

    /// HTTP 413.
    pub(super) fn too_large() -> Self {
        let mut error = Self::new(ErrorCode::InvalidRequest, "the request is too large");
        error.status = StatusCode::PAYLOAD_TOO_LARGE;
        error
    }

    /// HTTP 500. The reason is in the log.
    pub(super) fn server(description: &'static str) -> Self {
        let mut error = Self::new(ErrorCode::ServerError, description);
        error.status = StatusCode::INTERNAL_SERVER_ERROR;
        error
    }

    /// HTTP 429.
    pub(super) fn too_many(retry_after: Duration) -> Self {
        let mut error = Self::new(ErrorCode::TemporarilyUnavailable, "too many requests");
        error.status = StatusCode::TOO_MANY_REQUESTS;
        error.retry_after = Some(retry_after);
        error
    }

    /// Returns whether the request was wrong, rather than too much or answered by a failure.
    pub(super) fn is_wrong_request(&self) -> bool {
        self.status.is_client_error() && self.status != StatusCode::TOO_MANY_REQUESTS
    }

    /// HTTP 503.
    pub(super) fn unavailable(description: &'static str) -> Self {
        let mut error = Self::new(ErrorCode::TemporarilyUnavailable, description);
        error.status = StatusCode::SERVICE_UNAVAILABLE;
        error.retry_after = Some(RETRY_AFTER);
        error
    }
}

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "sign-in store failed");
        Self::unavailable("the sign-in state cannot be read now")
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'a str,
            error_description: &'a str,
        }
        let body = Body {
            error: self.code.as_str(),
            error_description: &self.description,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.challenge {
            let basic = HeaderValue::from_static("Basic realm=\"datahub-mcp\"");
            headers.insert(header::WWW_AUTHENTICATE, basic);
        }
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, retry_after(after));
        }
        response
    }
}

/// Whole seconds, at least one.
pub(super) fn retry_after(after: Duration) -> HeaderValue {
    let whole = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    HeaderValue::from(whole.max(1))
}

/// A failure that a person sees, because it cannot be reported to the client.
#[derive(Debug)]
pub(super) struct PageError {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    pub(super) message: Cow<'static, str>,
    pub(super) retry_after: Option<Duration>,
}

impl PageError {
    /// HTTP 400: the request that the app made is not valid.
    pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "This sign-in cannot go on",
            message: message.into(),
            retry_after: None,
        }
    }

    /// HTTP 403: the request did not come from our page in this browser.
    pub(super) fn forbidden(message: &'static str) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            ..Self::bad_request(message)
        }
    }

    /// HTTP 503.
    pub(super) fn unavailable(message: &'static str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "Sign-in is not available right now",
            message: message.into(),
            retry_after: Some(RETRY_AFTER),
        }
    }

    /// HTTP 429.
    pub(super) fn too_many(retry_after: Duration) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            title: "Too many sign-ins at once",
            message: "Wait a moment, then start again from your app.".into(),
            retry_after: Some(retry_after),
        }
    }

    /// HTTP 500: an operator has to act.
    pub(super) fn misconfigured() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            title: "Sign-in is not set up correctly here",
            message: "This server found no usable identity provider at the address in its settings. Trying again does not help: tell the people who run it. The reason is in its log.".into(),
            retry_after: None,
        }
    }

    /// HTTP 500.
    pub(super) fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            title: "Something went wrong on our side",
            message: "Start again from your app. If it happens again, tell the people who run this server.".into(),
            retry_after: None,
        }
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "sign-in store failed");
        Self::unavailable("Wait a moment, then start again from your app.")
    }
}

//! Answers that go to a client through the browser: a code or an error at its redirect URI, by a
//! redirect, or for an app with a scheme of its own by a page that opens it.
//!
//! A [`ReplyTo`] exists only once client and redirect URI are proven. `iss` (RFC
//! 9207) is on every answer, once, and always ours.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    end_page::{end_page, refused_page},
    error::ErrorCode,
    redirect_uri::RedirectUri,
    upstream::ProviderError,
};

/// The destination of an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ReplyTo {
    #[serde(rename = "u")]
    pub(super) redirect_uri: RedirectUri,
    /// The client's own `state`.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<String>,
}

impl ReplyTo {
    /// Sends the browser there with a code.
    pub(super) fn code(&self, code: &str, issuer: &str) -> Response {
        self.send(&[("code", code)], issuer, true)
    }

    /// Sends the browser there with an error of ours.
    pub(super) fn error(&self, code: ErrorCode, description: &str, issuer: &str) -> Response {
        self.send(&refusal(code, description), issuer, false)
    }

    /// The same, where the person has not agreed to go there: to a page of somebody whom nobody here knows,
    /// the person is not sent but may go (RFC 9700 section 4.11.2).
    pub(super) fn early_error(
        &self,
        code: ErrorCode,
        description: &str,
        issuer: &str,
        is_known: bool,
    ) -> Response {
        if is_known || self.redirect_uri.is_app() || self.redirect_uri.is_loopback() {
            return self.error(code, description, issuer);
        }
        let url = self.url(&refusal(code, description), issuer);
        refused_page(description, self.redirect_uri.destination(), &url)
    }

    /// Sends the browser there with the provider's error.
    pub(super) fn provider_error(&self, error: &ProviderError, issuer: &str) -> Response {
        let mut parameters = vec![("error", error.code.as_str())];
        if let Some(description) = &error.description {
            parameters.push(("error_description", description));
        }
        self.send(&parameters, issuer, false)
    }

    fn url(&self, parameters: &[(&str, &str)], issuer: &str) -> String {
        let mut parameters = parameters.to_vec();
        if let Some(state) = &self.state {
            parameters.push(("state", state));
        }
        parameters.push(("iss", issuer));
        self.redirect_uri.with(&parameters)
    }

    fn send(&self, parameters: &[(&str, &str)], issuer: &str, signed_in: bool) -> Response {
        let url = self.url(parameters, issuer);
        match self.redirect_uri.is_app() {
            true => end_page(self.redirect_uri.destination(), &url, signed_in),
            false => see_other(&url),
        }
    }
}

/// The parameters that tell a client of its refused request, which is logged.
fn refusal(code: ErrorCode, reason: &str) -> [(&'static str, &str); 2] {
    let error = code.as_str();
    tracing::info!(error, reason, "authorization request refused");
    [("error", error), ("error_description", reason)]
}

/// A 303, which the browser follows with GET whatever the method of its request was.
pub(super) fn see_other(location: &str) -> Response {
    let Ok(mut location) = HeaderValue::from_str(location) else {
        // Redirect URIs and provider URLs are printable ASCII by construction.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    location.set_sensitive(true);
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

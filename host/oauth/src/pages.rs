//! The pages that a person sees: consent and error. No script; everything that came from outside
//! is escaped by the template engine.
//!
//! The headers keep pages out of frames, caches and referrers. There is no `form-action`: Chrome
//! applies it to the whole chain of redirects that follows a form, which ends at the client.

use std::sync::LazyLock;

use askama::Template;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use super::{
    clients::{Origin, ShownClient},
    error::{PageError, retry_after},
    grant::Request,
};

const STYLE: &str = include_str!("../templates/style.css");

/// Allows our one stylesheet by its digest and nothing else.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    style: &'static str,
    client: &'a ShownClient,
    destination: &'a str,
    is_app: bool,
    is_loopback: bool,
    warn_loopback: bool,
    writes: bool,
    permissions: Vec<String>,
    action: &'a str,
    form: &'a str,
    again: bool,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    style: &'static str,
    title: &'a str,
    message: &'a str,
}

/// The consent page. `writes` if tools that change something are on, `again` when the person has to decide a second time.
pub(super) fn consent(
    client: &ShownClient,
    request: &Request,
    action: &str,
    form: &str,
    writes: bool,
    again: bool,
) -> Response {
    let redirect_uri = &request.reply_to.redirect_uri;
    let page = ConsentPage {
        style: STYLE,
        client,
        destination: redirect_uri.destination(),
        is_app: redirect_uri.is_app(),
        is_loopback: redirect_uri.is_loopback(),
        warn_loopback: client.loopback_only && matches!(client.origin, Origin::Document(_)),
        writes,
        permissions: request.scope.split(' ').filter_map(permission).collect(),
        action,
        form,
        again,
    };
    let status = if again {
        StatusCode::FORBIDDEN
    } else {
        StatusCode::OK
    };
    respond(status, &page)
}

/// The description of what a scope allows.
fn permission(scope: &str) -> Option<String> {
    Some(match scope {
        "" => return None,
        "openid" => "Know who you are".to_owned(),
        "profile" => "See your name and profile".to_owned(),
        "email" => "See your e-mail address".to_owned(),
        "offline_access" => "Stay signed in while you are away".to_owned(),
        other => format!("Use the permission “{other}”"),
    })
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        tracing::info!(status = self.status.as_u16(), reason = %self.message, "sign-in page shows an error");
        let page = ErrorPage {
            style: STYLE,
            title: self.title,
            message: &self.message,
        };
        let mut response = respond(self.status, &page);
        if let Some(after) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, retry_after(after));
        }
        response
    }
}

fn respond(status: StatusCode, page: &impl Template) -> Response {
    let Ok(html) = page.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let fixed: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    response
}

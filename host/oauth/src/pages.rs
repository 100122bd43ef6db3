//! The pages that a person sees: consent and error. The page behind an app's scheme is in
//! `end_page`.

use askama::Template;
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    clients::{Origin, ShownClient},
    error::{PageError, retry_after},
    grant::Request,
    html::{STYLE, respond},
};

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

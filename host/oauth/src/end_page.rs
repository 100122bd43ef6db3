//! The pages after which an app goes on: a redirect to an app's own scheme leaves the browser's tab on
//! whatever it showed before, or empty; and to a stranger's page nobody is sent who has not agreed.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::html::{STYLE, respond};

#[derive(Template)]
#[template(path = "end.html")]
struct EndPage<'a> {
    style: &'static str,
    title: &'a str,
    message: &'a str,
    app: &'a str,
    url: &'a str,
}

/// A page that opens `url`, of the scheme `app`, at once, and stays. `signed_in` if a code is in it.
pub(super) fn end_page(app: &str, url: &str, signed_in: bool) -> Response {
    let (title, message) = if signed_in {
        (
            "Go back to your app",
            "You are signed in, and your app opens now.",
        )
    } else {
        (
            "The sign-in has ended",
            "You are not signed in. Your app opens now and says why.",
        )
    };
    let page = EndPage {
        style: STYLE,
        title,
        message,
        app,
        url,
    };
    respond(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage<'a> {
    style: &'static str,
    reason: &'a str,
    destination: &'a str,
    url: &'a str,
}

/// The page for an app's request that is wrong for `reason`. The app, at `destination`, is told if the person
/// follows the link.
pub(super) fn refused_page(reason: &str, destination: &str, url: &str) -> Response {
    let page = RefusedPage {
        style: STYLE,
        reason,
        destination,
        url,
    };
    respond(StatusCode::BAD_REQUEST, &page)
}

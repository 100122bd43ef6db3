//! The page after which an app goes on: a redirect to an app's own scheme leaves the browser's tab on
//! whatever it showed before, or empty.

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

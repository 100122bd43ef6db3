//! The page for people who open the server's address in a browser: the URL for MCP clients, and the
//! line to add to each. Programs get the answers that they know.
//!
//! Made once from settings; nothing in it comes from a request. It has no script.

use askama::Template;
use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{
        ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use sha2::{Digest, Sha256};

/// The style of the sign-in's pages, and what this page has beside that.
const STYLE: &str = concat!(
    include_str!("../../oauth/templates/style.css"),
    include_str!("../../templates/landing.css")
);

#[derive(Template)]
#[template(path = "landing.html")]
struct Page<'a> {
    style: &'static str,
    url: &'a str,
    entry: Entry,
}

/// The way in which people get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// Clients find out at the URL how people sign in.
    SignIn,
    /// Clients are given a token by hand.
    Token,
    /// Nobody needs one: all share the server's own.
    Shared,
}

/// The page, ready to send.
#[derive(Debug, Clone)]
pub(super) struct Landing {
    html: Bytes,
    policy: HeaderValue,
}

impl Landing {
    /// The page that names `url`, where people get in by `entry`.
    ///
    /// # Errors
    /// If the page cannot be rendered.
    pub(super) fn new(url: &str, entry: Entry) -> Result<Self, askama::Error> {
        let style = STYLE;
        let page = Page { style, url, entry };
        // Allows our one stylesheet by its digest and nothing else.
        let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        Ok(Self {
            html: page.render()?.into(),
            policy: HeaderValue::try_from(policy)
                .unwrap_or(HeaderValue::from_static("default-src 'none'")),
        })
    }

    /// The page, if a browser sent `request`; `otherwise` is the answer for programs.
    pub(super) fn or(&self, request: &Request, otherwise: impl FnOnce() -> Response) -> Response {
        if is_browser(request) {
            self.page()
        } else {
            otherwise()
        }
    }

    fn page(&self) -> Response {
        let fixed: [(HeaderName, &'static str); 7] = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (X_FRAME_OPTIONS, "DENY"),
            (CACHE_CONTROL, "no-store"),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (HeaderName::from_static("x-robots-tag"), "noindex"),
            (VARY, "accept"),
        ];
        let mut response = self.html.clone().into_response();
        let headers = response.headers_mut();
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }
}

/// Returns true for a GET that names HTML and no event stream: MCP clients ask for the latter.
fn is_browser(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        && names(request.headers(), "text/html")
        && !names(request.headers(), "text/event-stream")
}

fn names(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(media_type));
            named
                && !parts
                    .any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
}

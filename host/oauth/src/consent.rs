//! `POST /oauth/authorize`: the person's decision on the consent page.
//!
//! Valid only from our own page, in the browser that the page was shown in. The form is sealed, so
//! it is its own CSRF token; a page that another site makes cannot hold one for this browser.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use foundation::clock::UnixMillis;

use super::{
    authorize::{check_client, show_consent, start},
    browser::Browser,
    context::Context,
    error::{ErrorCode, PageError},
    grant::Form,
    limits::Peer,
    params::Params,
    seal::Kind,
};

/// Serves the endpoint.
pub(super) async fn post(
    State(context): State<Arc<Context>>,
    peer: Peer,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match decide(&context, &peer, &headers, body).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn decide(
    context: &Context,
    peer: &Peer,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Context { clock, sealer, .. } = context;
    context.authorize_limits.count_peer(peer)?;
    if !is_from_our_page(headers, context.public_url.origin()) {
        return Err(PageError::forbidden(
            "The decision did not come from our own page.",
        ));
    }
    let stale = "This page is out of date. Start again from your app.";
    let stale = || PageError::bad_request(stale);
    let params = body
        .ok()
        .and_then(|body| Params::parse(&body))
        .ok_or_else(stale)?;
    let sealed = params.get("request").ok().flatten().ok_or_else(stale)?;
    let form: Form = sealer.open(Kind::Form, sealed).ok_or_else(stale)?;
    if clock.unix_millis() >= UnixMillis::from_seconds(form.expires) {
        return Err(stale());
    }
    check_client(context, &form.request.client)?;
    let mut browser = Browser::of(headers, sealer, &context.public_url, clock);
    if !browser.id.is(&form.browser) {
        // Another person's page, or two first visits at once. Asking again resolves both.
        return show_consent(context, form.request, form.client, &mut browser, true);
    }
    match params.get("decision").ok().flatten() {
        Some("approve") => {
            if context.settings.remember_consent {
                browser.agree(form.request.consent(), clock);
            }
            let cookie = browser.set_cookie(sealer, &context.public_url, clock)?;
            let mut response = start(context, peer, form.request, browser.id).await?;
            if let Some(cookie) = cookie {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Some("cancel") => Ok(form.request.reply_to.error(
            ErrorCode::AccessDenied,
            "the person did not approve",
            context.public_url.issuer(),
        )),
        _ => Err(stale()),
    }
}

/// Returns whether the browser says that the request comes from our page: in `Sec-Fetch-Site`, or
/// older browsers in `Origin`. The latter is `null` from our own page, too, which sends no
/// referrer; the sealed form is checked in any case.
fn is_from_our_page(headers: &HeaderMap, origin: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(from)) => from == origin || from == "null",
        (None, None) => true,
    }
}

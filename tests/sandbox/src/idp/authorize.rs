//! The authorization endpoint (RFC 6749 section 4.1.1, RFC 7636, RFC 9207) and its login page.
//!
//! Until client and redirect URI are verified, every error is a page; after that, errors go to the
//! client. The login form posts back to the same URL with its query, so that nothing is stored for
//! a browser that has not signed in.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use url::Url;

use super::discovery::SCOPES;
use super::error::{OAuthError, Parameters};
use super::options::ResourceParameter;
use super::pages::{Message, SignIn, page};
use super::state::Idp;
use super::store::{Code, Grant, Session, random_string};

const SESSION_COOKIE: &str = "sandbox_idp_session";
const CSRF_COOKIE: &str = "sandbox_idp_login";

/// A valid request, whose client and redirect URI are verified.
struct Request {
    client_id: String,
    redirect_uri: Url,
    redirect_uri_text: String,
    state: Option<String>,
    scope: String,
    resource: Option<String>,
    nonce: Option<String>,
    challenge: Option<String>,
    prompt: Prompt,
    login_hint: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Prompt {
    AsNeeded,
    Never,
    Always,
}

pub(super) async fn show(
    State(idp): State<Arc<Idp>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let request = match check(&idp, &query) {
        Ok(request) => request,
        Err(response) => return response,
    };
    let session = session(&idp, &headers).filter(|_| request.prompt != Prompt::Always);
    match session {
        Some(session) => grant(&idp, &request, &session),
        None if request.prompt == Prompt::Never => {
            send_error(&idp, &request, "login_required", "nobody is signed in")
        }
        None => {
            let username = &request.login_hint;
            login_page(&headers, StatusCode::OK, &request, &query, username, None)
        }
    }
}

pub(super) async fn submit(
    State(idp): State<Arc<Idp>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> Response {
    let query = query.unwrap_or_default();
    let request = match check(&idp, &query) {
        Ok(request) => request,
        Err(response) => return response,
    };
    let Ok(form) = Parameters::parse(&body) else {
        return error_page("The form was not understood.");
    };
    let csrf = cookie(&headers, CSRF_COOKIE);
    if csrf.is_none() || form.get("csrf") != csrf {
        return error_page("The form was opened in another browser. Go back and try again.");
    }
    if form.get("action") == Some("cancel") {
        return send_error(&idp, &request, "access_denied", "the person cancelled");
    }
    let username = form.get("username").unwrap_or_default();
    let person = idp
        .person(username)
        .filter(|person| form.get("password") == Some(person.password.as_str()));
    let Some(person) = person else {
        let error = Some("Wrong username or password.");
        return login_page(
            &headers,
            StatusCode::UNAUTHORIZED,
            &request,
            &query,
            username,
            error,
        );
    };
    let now = idp.clock.unix_seconds();
    let session = Session {
        username: person.username.clone(),
        auth_time: now,
        expires: now + idp.options.session_ttl.as_secs(),
    };
    let id = random_string();
    idp.store
        .lock()
        .sessions
        .insert(id.clone(), session.clone());
    let signed_in = set_cookie(SESSION_COOKIE, &id, idp.options.session_ttl.as_secs());
    (signed_in, grant(&idp, &request, &session)).into_response()
}

pub(super) async fn sign_out(State(idp): State<Arc<Idp>>, headers: HeaderMap) -> Response {
    if let Some(id) = cookie(&headers, SESSION_COOKIE) {
        idp.store.lock().sessions.remove(id);
    }
    let message = Message {
        title: "Signed out",
        text: "You can close this window.",
    };
    (
        set_cookie(SESSION_COOKIE, "", 0),
        page(StatusCode::OK, &message),
    )
        .into_response()
}

/// Checks the request, in the order that decides whether the person or the client gets the error.
#[expect(
    clippy::result_large_err,
    reason = "the error is the response itself, made once"
)]
fn check(idp: &Idp, query: &str) -> Result<Request, Response> {
    let told = |error: OAuthError| error_page(&error.description);
    let parameters = Parameters::parse(query).map_err(told)?;
    let client_id = parameters.require("client_id").map_err(told)?;
    let client = idp
        .client(client_id)
        .ok_or_else(|| error_page("The client is not known."))?;
    let redirect_uri_text = parameters.require("redirect_uri").map_err(told)?.to_owned();
    let redirect_uri = client
        .registered(&redirect_uri_text)
        .ok_or_else(|| error_page("The redirect URI is not registered for the client."))?;
    let owned = |name: &str| parameters.get(name).map(str::to_owned);
    let scope = parameters.get("scope").unwrap_or("openid");
    let known = |scope: &&str| SCOPES.contains(scope);
    let request = Request {
        client_id: client.id.clone(),
        redirect_uri,
        redirect_uri_text,
        state: owned("state"),
        scope: scope.split(' ').filter(known).collect::<Vec<_>>().join(" "),
        resource: owned("resource"),
        nonce: owned("nonce"),
        challenge: owned("code_challenge"),
        prompt: match parameters.get("prompt") {
            Some("none") => Prompt::Never,
            Some("login") => Prompt::Always,
            _ => Prompt::AsNeeded,
        },
        login_hint: owned("login_hint").unwrap_or_default(),
    };
    let public = client.secret.is_none();
    let wrong = wrong(idp, &parameters, public);
    match wrong {
        Some((code, description)) => Err(send_error(idp, &request, code, description)),
        None => Ok(request),
    }
}

/// An error in the request that is reported to the client.
fn wrong(idp: &Idp, parameters: &Parameters, public: bool) -> Option<(&'static str, &'static str)> {
    let method = parameters.get("code_challenge_method").unwrap_or("plain");
    let challenge = parameters.get("code_challenge");
    if parameters.get("request").is_some() || parameters.get("request_uri").is_some() {
        return Some(("request_not_supported", "request objects are not supported"));
    }
    if parameters.get("response_type") != Some("code") {
        return Some((
            "unsupported_response_type",
            "`response_type` must be `code`",
        ));
    }
    if parameters
        .get("response_mode")
        .is_some_and(|mode| mode != "query")
    {
        return Some(("invalid_request", "`response_mode` must be `query`"));
    }
    if challenge.is_none() && public {
        return Some(("invalid_request", "`code_challenge` is missing"));
    }
    if challenge.is_some() && method != "S256" {
        return Some(("invalid_request", "`code_challenge_method` must be S256"));
    }
    if challenge.is_some_and(|challenge| challenge.len() != 43) {
        return Some(("invalid_request", "`code_challenge` is malformed"));
    }
    let refused = idp.options.resource == ResourceParameter::Refused;
    if refused && parameters.get("resource").is_some() {
        return Some(("invalid_target", "`resource` is not supported"));
    }
    None
}

fn session(idp: &Idp, headers: &HeaderMap) -> Option<Session> {
    let id = cookie(headers, SESSION_COOKIE)?;
    let session = idp.store.lock().sessions.get(id).cloned()?;
    (session.expires > idp.clock.unix_seconds()).then_some(session)
}

fn grant(idp: &Idp, request: &Request, session: &Session) -> Response {
    let code = random_string();
    let entry = Code {
        grant: Grant {
            client_id: request.client_id.clone(),
            username: session.username.clone(),
            scope: request.scope.clone(),
            resource: request.resource.clone(),
            nonce: request.nonce.clone(),
            auth_time: session.auth_time,
            family: random_string(),
        },
        redirect_uri: request.redirect_uri_text.clone(),
        challenge: request.challenge.clone(),
        expires: idp.clock.unix_seconds() + idp.options.code_ttl.as_secs(),
        redeemed: false,
    };
    idp.store.lock().codes.insert(code.clone(), entry);
    send(idp, request, &[("code", &code)])
}

fn send_error(idp: &Idp, request: &Request, code: &str, description: &str) -> Response {
    send(
        idp,
        request,
        &[("error", code), ("error_description", description)],
    )
}

/// Redirects to the client, with `state` and `iss` (RFC 9207).
fn send(idp: &Idp, request: &Request, parameters: &[(&str, &str)]) -> Response {
    let mut target = request.redirect_uri.clone();
    target.query_pairs_mut().extend_pairs(parameters);
    if let Some(state) = &request.state {
        target.query_pairs_mut().append_pair("state", state);
    }
    target.query_pairs_mut().append_pair("iss", &idp.issuer);
    (
        [(header::CACHE_CONTROL, "no-store")],
        Redirect::to(target.as_str()),
    )
        .into_response()
}

fn login_page(
    headers: &HeaderMap,
    status: StatusCode,
    request: &Request,
    query: &str,
    username: &str,
    error: Option<&str>,
) -> Response {
    // an earlier form in another tab stays valid
    let csrf = cookie(headers, CSRF_COOKIE).map_or_else(random_string, str::to_owned);
    let form = SignIn {
        client_id: &request.client_id,
        query,
        csrf: &csrf,
        username,
        error,
    };
    (set_cookie(CSRF_COOKIE, &csrf, 3600), page(status, &form)).into_response()
}

fn error_page(text: &str) -> Response {
    page(
        StatusCode::BAD_REQUEST,
        &Message {
            title: "This sign-in cannot go on",
            text,
        },
    )
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value)
}

fn set_cookie(
    name: &str,
    value: &str,
    max_age: u64,
) -> AppendHeaders<Option<(header::HeaderName, HeaderValue)>> {
    let cookie = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax");
    AppendHeaders(
        HeaderValue::from_str(&cookie)
            .ok()
            .map(|value| (header::SET_COOKIE, value)),
    )
}

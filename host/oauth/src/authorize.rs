//! `GET /oauth/authorize` (RFC 6749 section 4.1.1): checks the request and shows the consent
//! page, or goes on to the identity provider if the person agreed before and no other site led here.
//!
//! May be requested any number of times with the same parameters: clients probe it, browsers
//! prefetch it. Errors go to the client's redirect URI only after client and URI are proven.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use url::Url;

use super::{
    browser::{Browser, came_unled},
    client_metadata::DocumentError,
    clients::{Client, Origin, ShownClient, UnknownClient},
    context::{Context, FORM_TTL, TRANSACTION_TTL},
    error::{ErrorCode, PageError},
    grant::{Form, Request, Transaction},
    limits::Peer,
    pages,
    params::Params,
    redirect_uri::{log_refused, log_unregistered},
    reply_to::{ReplyTo, see_other},
    resource,
    seal::{Kind, SealFailed},
    store::{Owner, Standing},
    types::{
        BrowserId, ClientId, ClientKey, CodeChallenge, CodeVerifier, Nonce, OFFLINE,
        State as UpstreamState,
    },
};

/// Longest query that is accepted, in bytes.
const MAX_QUERY_BYTES: usize = 16 * 1_024;
/// Longest `scope` of a client that is remembered as it came, in bytes.
const MAX_ASKED_BYTES: usize = 1_024;
/// Longest `state` of a client, in bytes.
const MAX_STATE_BYTES: usize = 2_048;

/// The refusal of an authorization request: on a page of ours, or at the client's redirect URI.
enum Refused {
    Page(PageError),
    Client {
        reply_to: ReplyTo,
        code: ErrorCode,
        description: &'static str,
        /// True for a client that the operator set up.
        is_known: bool,
    },
}

impl<E: Into<PageError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Page(error.into())
    }
}

impl From<SealFailed> for PageError {
    fn from(error: SealFailed) -> Self {
        tracing::error!(%error, "sign-in failed");
        Self::internal()
    }
}

/// Serves the endpoint.
pub(super) async fn get(
    State(context): State<Arc<Context>>,
    peer: Peer,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    match authorize(
        &context,
        &peer,
        &headers,
        query.as_deref().unwrap_or_default(),
    )
    .await
    {
        Ok(response) => response,
        Err(Refused::Page(error)) => error.into_response(),
        Err(Refused::Client {
            reply_to,
            code,
            description,
            is_known,
        }) => reply_to.early_error(code, description, context.public_url.issuer(), is_known),
    }
}

async fn authorize(
    context: &Context,
    peer: &Peer,
    headers: &HeaderMap,
    query: &str,
) -> Result<Response, Refused> {
    context.authorize_limits.count_peer(peer)?;
    if is_framed(headers) {
        return Err(
            PageError::forbidden("The sign-in page does not open inside another page.").into(),
        );
    }
    let params = (query.len() <= MAX_QUERY_BYTES)
        .then(|| Params::parse(query.as_bytes()))
        .flatten();
    let params = params.ok_or_else(|| PageError::bad_request("The app's request is too large."))?;
    let client = find_client(context, peer, &params).await?;
    let reply_to = reply_to(context, &client, &params)?;
    let request = check(context, &client, reply_to, &params)?;

    let Context { clock, sealer, .. } = context;
    let mut browser = Browser::of(headers, sealer, &context.public_url, clock);
    let ask_again = params.get("prompt").is_ok_and(|prompt| {
        prompt.is_some_and(|prompt| prompt.split(' ').any(|word| word == "consent"))
    });
    let may_skip = context.settings.remember_consent && came_unled(headers) && !ask_again;
    if may_skip && browser.has_agreed(&request.consent(), clock) {
        return Ok(start(context, peer, request, browser.id).await?);
    }
    Ok(show_consent(
        context,
        request,
        ShownClient::of(&client),
        &mut browser,
        false,
    )?)
}

/// The consent page, bound to `browser`.
pub(super) fn show_consent(
    context: &Context,
    request: Request,
    client: ShownClient,
    browser: &mut Browser,
    again: bool,
) -> Result<Response, PageError> {
    let Context { clock, sealer, .. } = context;
    let expires = clock.unix_millis().after(FORM_TTL).seconds();
    let form = Form {
        request,
        client,
        browser: browser.id.clone(),
        expires,
    };
    let sealed = sealer.seal(Kind::Form, &form)?;
    let action = context.public_url.url("/oauth/authorize");
    let (client, request, writes) = (&form.client, &form.request, context.settings.writes);
    let mut page = pages::consent(client, request, &action, &sealed, writes, again);
    if let Some(cookie) = browser.set_cookie(sealer, &context.public_url, clock)? {
        page.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(page)
}

/// Sends the browser to the identity provider. Only after consent.
pub(super) async fn start(
    context: &Context,
    peer: &Peer,
    request: Request,
    browser: BrowserId,
) -> Result<Response, PageError> {
    let state = UpstreamState::random();
    let nonce = Nonce::random();
    let verifier = CodeVerifier::random();
    let scope = upstream_scope(&request.scope, &context.settings.default_scopes);
    let resource = context.public_url.resource();
    let url = context
        .upstream
        .authorize_url(&state, &nonce, &verifier.challenge(), &scope, &resource)
        .await?;
    let owner = Owner {
        network: peer.as_str().to_owned(),
        client: request.client.clone(),
    };
    tracing::info!(client = %request.client, "sign-in goes to the identity provider");
    let transaction = Transaction {
        request,
        browser,
        verifier,
        nonce: Some(nonce),
    };
    let sealed = context.sealer.seal(Kind::Transaction, &transaction)?;
    context
        .store
        .put_transaction(&state.store_key(), sealed, &owner, TRANSACTION_TTL)
        .await?;
    Ok(see_other(&url))
}

/// Adds `offline_access` if it is a default scope: the operator knows that this provider wants it
/// for a refresh token, clients do not.
pub(super) fn upstream_scope(requested: &str, default: &[String]) -> String {
    let wanted = default.iter().any(|scope| scope == OFFLINE);
    if wanted && !requested.split(' ').any(|scope| scope == OFFLINE) {
        return format!("{requested} {OFFLINE}");
    }
    requested.to_owned()
}

/// The scopes that the provider granted, as they are asked for: some providers answer with the last
/// part of a name, such as `read` for `api://app/read`, and do not know that at a refresh.
pub(super) fn upstream_spelling(granted: &str, offered: &[String]) -> String {
    let asked_for = |scope| {
        let same = |full: &&String| {
            let rest = full.strip_suffix(scope);
            rest.is_some_and(|rest| rest.ends_with('/'))
        };
        let known = offered.iter().any(|full| full == scope);
        let full = offered.iter().find(same).filter(|_| !known);
        full.map_or(scope, String::as_str)
    };
    let scopes: Vec<&str> = granted.split(' ').map(asked_for).collect();
    scopes.join(" ")
}

/// Returns whether the browser says that it shows the page inside another one.
fn is_framed(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-dest")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|dest| {
            matches!(
                dest,
                "iframe" | "frame" | "fencedframe" | "object" | "embed"
            )
        })
}

async fn find_client(context: &Context, peer: &Peer, params: &Params) -> Result<Client, PageError> {
    let missing = "The app did not say who it is (one `client_id` is needed).";
    let id = params
        .get("client_id")
        .ok()
        .flatten()
        .ok_or_else(|| PageError::bad_request(missing))?;
    let unknown =
        "This server does not know the app. Remove the connection in your app and add it again.";
    let id = ClientId::parse(id).ok_or_else(|| PageError::bad_request(unknown))?;
    check_client(context, &id.key())?;
    context
        .clients
        .resolve(&id, peer.as_str())
        .await
        .map_err(|error| match error {
            UnknownClient::Unknown => PageError::bad_request(unknown),
            UnknownClient::Document(DocumentError::Busy) => PageError::unavailable(
                "Many apps are looked up at once. Wait a moment, then start again from your app.",
            ),
            UnknownClient::Document(reason) => undescribed(context, &id, reason),
        })
}

/// Refuses a client that the operator blocked, at each step that a person takes.
pub(super) fn check_client(context: &Context, client: &ClientKey) -> Result<(), PageError> {
    match context.store.client_standing(client) {
        Standing::Live => Ok(()),
        Standing::Ended => Err(PageError::forbidden(
            "The people who run this server have blocked this app. Ask them.",
        )),
        Standing::Unknown => Err(PageError::unavailable(
            "Wait a moment, then start again from your app.",
        )),
    }
}

/// The page for a client whose metadata document is not usable: it names who can change that.
fn undescribed(context: &Context, id: &ClientId, reason: DocumentError) -> PageError {
    let url = Url::parse(id.as_str()).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    let Some(hint) = reason.remedy() else {
        return PageError::bad_request(format!(
            "The app's client id {reason}. Tell the people who make the app."
        ));
    };
    if reason == DocumentError::Unreachable && !context.clients.offers_documents() {
        // The log has it from when documents were withdrawn.
        return PageError::bad_request(
            "This server cannot reach the host where the app describes itself. Remove the connection in your app and add it again: it can register itself now. If that does not help, tell the people who run this server: its log has the remedy.",
        );
    }
    tracing::warn!(host, %reason, hint, "client metadata is not available");
    PageError::bad_request(format!(
        "The app's client id {reason}. Tell the people who run this server: its log has the remedy."
    ))
}

fn reply_to(context: &Context, client: &Client, params: &Params) -> Result<ReplyTo, PageError> {
    let missing = "The app did not say where to send you back (one `redirect_uri` is needed).";
    let uri = params
        .get("redirect_uri")
        .ok()
        .flatten()
        .ok_or_else(|| PageError::bad_request(missing))?;
    let foreign =
        "The app asks to send you to an address that it did not register. Nothing was sent there.";
    let redirect_uri = context.rules.check(uri).map_err(|why| {
        log_refused(&[(uri, why)], 0);
        PageError::bad_request(foreign)
    })?;
    if !client.admits(&redirect_uri) {
        log_unregistered(client.key.as_str(), uri);
        return Err(PageError::bad_request(foreign));
    }
    let state = params.get("state").ok().flatten();
    let state = state
        .filter(|state| state.len() <= MAX_STATE_BYTES)
        .map(str::to_owned);
    Ok(ReplyTo {
        redirect_uri,
        state,
    })
}

/// Checks everything else, once the destination of an error is known.
fn check(
    context: &Context,
    client: &Client,
    reply_to: ReplyTo,
    params: &Params,
) -> Result<Request, Refused> {
    let refuse = |code, description| {
        Err(Refused::Client {
            reply_to: reply_to.clone(),
            code,
            description,
            is_known: client.origin == Origin::Configured,
        })
    };
    if params.any_repeated() {
        return refuse(ErrorCode::InvalidRequest, "a parameter is repeated");
    }
    let get = |name| params.get(name).ok().flatten();
    if get("state").is_some() && reply_to.state.is_none() {
        return refuse(
            ErrorCode::InvalidRequest,
            "`state` is longer than 2048 bytes",
        );
    }
    if get("request").is_some() {
        return refuse(
            ErrorCode::RequestNotSupported,
            "request objects are not supported",
        );
    }
    if get("request_uri").is_some() {
        return refuse(
            ErrorCode::RequestUriNotSupported,
            "request objects are not supported",
        );
    }
    match get("response_type") {
        Some("code") => {}
        None => return refuse(ErrorCode::InvalidRequest, "`response_type` is missing"),
        Some(_) => {
            return refuse(
                ErrorCode::UnsupportedResponseType,
                "the only response type is `code`",
            );
        }
    }
    if get("response_mode").is_some_and(|mode| mode != "query") {
        return refuse(
            ErrorCode::InvalidRequest,
            "the only response mode is `query`",
        );
    }
    if get("code_challenge_method") != Some("S256") {
        return refuse(
            ErrorCode::InvalidRequest,
            "PKCE with the method S256 is required",
        );
    }
    let Some(challenge) = get("code_challenge").and_then(CodeChallenge::parse) else {
        return refuse(
            ErrorCode::InvalidRequest,
            "`code_challenge` is not a digest of S256",
        );
    };
    if !resource::is_ours(context, &client.key, params) {
        return refuse(ErrorCode::InvalidTarget, "`resource` is not this server");
    }
    let scope = requested_scope(context, get("scope"));
    let asked = get("scope").filter(|asked| *asked != scope && asked.len() <= MAX_ASKED_BYTES);
    Ok(Request {
        client: client.key.clone(),
        reply_to,
        challenge,
        asked: asked.unwrap_or_default().to_owned(),
        scope,
    })
}

/// The scopes to ask for: of the requested ones those that are offered, since clients name others by
/// habit (RFC 6749 section 3.3); all that are offered if none is left. `offline_access` is accepted
/// from every client, too.
fn requested_scope(context: &Context, asked: Option<&str>) -> String {
    let offered = context.settings.default_scopes.iter().map(String::as_str);
    let asked = || asked.unwrap_or_default().split(' ');
    let mut scopes: Vec<&str> = Vec::new();
    for scope in asked() {
        if offered.clone().any(|known| known == scope) && !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.is_empty() {
        scopes.extend(offered);
    }
    if asked().any(|scope| scope == OFFLINE) && !scopes.contains(&OFFLINE) {
        scopes.push(OFFLINE);
    }
    scopes.join(" ")
}

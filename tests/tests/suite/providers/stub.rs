//! A stub of an identity provider in the shape of a real one: the rules of its sign-in page and its
//! token endpoint, and its tokens with the claims that its page in `host/docs/providers` shows.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use parking_lot::Mutex;
use sandbox::idp::{EmbeddedIdp, Options, Running, SignWith};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::form_urlencoded;

/// The secret of the client that the pages' settings name.
pub(crate) const SECRET: &str = "stub secret: 100%+";

/// Query or form of a request.
pub(crate) type Params = HashMap<String, String>;

/// An error as a provider names it.
pub(crate) struct Refused(pub(crate) &'static str, pub(crate) &'static str);

/// The tokens of an answer.
#[derive(Default)]
pub(crate) struct Tokens {
    /// Claims put over those of the access token of the page; none: opaque.
    pub(crate) access: Option<Value>,
    /// Claims put over those of the ID token; none: no ID token.
    pub(crate) id: Option<Value>,
    /// With a refresh token.
    pub(crate) refresh: bool,
    /// The granted scope, if the answer names it.
    pub(crate) scope: Value,
    /// `expires_in`, if not 3599.
    pub(crate) expires_in: Value,
}

/// One provider.
pub(crate) struct Shape {
    /// The name of its page and of its preset.
    pub(crate) name: &'static str,
    /// Texts of the page, and what stands for them here: `{here}` and `{there}` are two names of
    /// the stub.
    pub(crate) rewrites: &'static [(&'static str, &'static str)],
    /// The issuer, and the base of its endpoints.
    pub(crate) issuer: &'static str,
    pub(crate) endpoints: &'static str,
    /// The place of its document, where `{path}` is the path of the issuer.
    pub(crate) place: &'static str,
    /// Members put over its discovery document.
    pub(crate) document: fn() -> Value,
    /// The error of the sign-in page.
    pub(crate) at_sign_in: fn(&Params) -> Option<Refused>,
    /// The error of a refresh.
    pub(crate) at_refresh: fn(&Params) -> Option<Refused>,
    /// The tokens for a sign-in with these parameters; `true` at a refresh.
    pub(crate) tokens: fn(&Params, bool) -> Tokens,
}

/// A refusal of nothing.
pub(crate) fn accepts(_: &Params) -> Option<Refused> {
    None
}

/// No further members.
pub(crate) fn plain() -> Value {
    json!({})
}

/// True if the scopes of a request hold `scope`.
pub(crate) fn asks(params: &Params, scope: &str) -> bool {
    let scopes = params.get("scope").map(String::as_str).unwrap_or_default();
    scopes.split(' ').any(|one| one == scope)
}

#[derive(Default)]
struct Book {
    /// The sign-ins whose code or refresh token is good.
    grants: HashMap<String, Params>,
    issued: u32,
    requests: Vec<Params>,
    claims: Vec<Value>,
    tokens: Option<fn(&Params, bool) -> Tokens>,
}

/// A running stub.
#[derive(Clone)]
pub(crate) struct Stub {
    shape: &'static Shape,
    here: String,
    there: String,
    client: String,
    keys: Arc<Running>,
    book: Arc<Mutex<Book>>,
    _stop: Arc<DropGuard>,
}

impl Stub {
    /// Starts the provider; `claims` are those of its page, `client` is the id of the client.
    pub(crate) async fn start(shape: &'static Shape, client: &str, claims: Vec<Value>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stopped = CancellationToken::new();
        let stub = Self {
            shape,
            here: format!("http://127.0.0.1:{port}"),
            there: format!("http://localhost:{port}"),
            client: client.to_owned(),
            keys: Arc::new(EmbeddedIdp::start(Options::default()).await.unwrap()),
            book: Arc::default(),
            _stop: Arc::new(stopped.clone().drop_guard()),
        };
        stub.book.lock().claims = claims;
        let router = Router::new()
            .route("/stub/authorize", get(authorize))
            .route("/stub/token", post(token))
            .fallback(document)
            .with_state(stub.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                _ = axum::serve(listener, router) => {}
            }
        });
        stub
    }

    /// A text of the page with the stub's URLs.
    pub(crate) fn rewrite(&self, text: &str) -> String {
        let rewrites = self.shape.rewrites.iter();
        rewrites.fold(text.to_owned(), |text, (from, to)| {
            text.replace(from, &self.fill(to))
        })
    }

    /// Gives other tokens from now on.
    pub(crate) fn give(&self, tokens: fn(&Params, bool) -> Tokens) {
        self.book.lock().tokens = Some(tokens);
    }

    /// Every request to the sign-in page and the token endpoint so far.
    pub(crate) fn requests(&self) -> Vec<Params> {
        self.book.lock().requests.clone()
    }

    /// The URL of the token endpoint.
    pub(crate) fn token_endpoint(&self) -> String {
        format!("{}/stub/token", self.here)
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{here}", &self.here)
            .replace("{there}", &self.there)
    }

    /// The name of its page.
    pub(crate) fn name(&self) -> &'static str {
        self.shape.name
    }

    /// The issuer.
    pub(crate) fn issuer(&self) -> String {
        self.fill(self.shape.issuer)
    }

    fn discovery(&self) -> Value {
        let at = |name: &str| format!("{}/stub/{name}", self.fill(self.shape.endpoints));
        let mut document = json!({
            "issuer": self.issuer(),
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "jwks_uri": self.keys.endpoint_url("jwks"),
        });
        put_over(&mut document, (self.shape.document)());
        document
    }

    /// A token with the claims of the page, as if it were issued now.
    fn sign(&self, number: u32, claims: &Value, over: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = now.as_secs();
        let mut all = claims.clone();
        put_over(
            &mut all,
            json!({ "iss": self.issuer(), "iat": now, "exp": now + 3_600, "number": number }),
        );
        if all.get("nbf").is_some() {
            all["nbf"] = now.into();
        }
        put_over(&mut all, over);
        // Claims that are not those of the page are taken out.
        let mut claims =
            json!({"sub": null, "aud": null, "jti": null, "client_id": null, "scope": null});
        put_over(&mut claims, all);
        let header = json!({ "typ": "JWT" });
        self.keys.mint_with(header, claims, SignWith::Current)
    }

    fn answer(&self, book: &mut Book, grant: Params, again: bool) -> Response {
        let tokens = book.tokens.unwrap_or(self.shape.tokens);
        let tokens = tokens(&grant, again);
        book.issued += 1;
        let number = book.issued;
        let access = match tokens.access {
            Some(over) => self.sign(number, &book.claims[0], over),
            None => format!("opaque-access-token-{number}"),
        };
        let mut answer =
            json!({ "access_token": access, "token_type": "Bearer", "expires_in": 3599 });
        if !tokens.scope.is_null() {
            answer["scope"] = tokens.scope;
        }
        if !tokens.expires_in.is_null() {
            answer["expires_in"] = tokens.expires_in;
        }
        if let Some(over) = tokens.id {
            // The last block of the page shows the ID token, if it shows one.
            let claims = book.claims.last().cloned().unwrap_or_default();
            let mut all = json!({ "aud": self.client, "nonce": null });
            if let (Some(nonce), false) = (grant.get("nonce"), again) {
                all["nonce"] = nonce.clone().into();
            }
            put_over(&mut all, over);
            answer["id_token"] = self.sign(number, &claims, all).into();
        }
        if tokens.refresh {
            let refresh = format!("refresh-token-{number}");
            book.grants.insert(refresh.clone(), grant);
            answer["refresh_token"] = refresh.into();
        }
        Json(answer).into_response()
    }

    /// The client's own credentials, in the header or the form (RFC 6749 section 2.3.1).
    fn knows(&self, headers: &HeaderMap, form: &Params) -> bool {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
            .and_then(|text| String::from_utf8(STANDARD.decode(text).ok()?).ok());
        let decoded = |text: &str| {
            let pair = format!("x={text}");
            let value = form_urlencoded::parse(pair.as_bytes()).next();
            value.map(|(_, value)| value.into_owned())
        };
        match given.as_deref().and_then(|text| text.split_once(':')) {
            Some((id, secret)) => {
                decoded(id).as_ref() == Some(&self.client)
                    && decoded(secret).as_deref() == Some(SECRET)
            }
            None => {
                form.get("client_id") == Some(&self.client)
                    && form.get("client_secret").map(String::as_str) == Some(SECRET)
            }
        }
    }
}

/// Puts the members of `over` over those of `value`; a null takes one out.
fn put_over(value: &mut Value, over: Value) {
    let (Value::Object(value), Value::Object(over)) = (value, over) else {
        panic!("objects")
    };
    put(value, over);
}

fn put(value: &mut Map<String, Value>, over: Map<String, Value>) {
    for (name, member) in over {
        value.insert(name, member);
    }
}

/// The discovery document at its place, by every name of this machine. Elsewhere a page, as many
/// providers answer unknown paths.
async fn document(State(stub): State<Stub>, uri: Uri) -> Response {
    let issuer = stub.issuer();
    let path = issuer.splitn(4, '/').nth(3).unwrap_or_default();
    let place = stub.shape.place.replace("{path}", path).replace("//", "/");
    if uri.path() == place {
        return Json(stub.discovery()).into_response();
    }
    let page = "<!doctype html><title>Sign in</title>";
    ([(header::CONTENT_TYPE, "text/html")], page).into_response()
}

async fn authorize(State(stub): State<Stub>, Query(query): Query<Params>) -> Response {
    let mut book = stub.book.lock();
    book.requests.push(query.clone());
    let back = |pairs: &[(&str, &str)]| {
        let pairs = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .append_pair("state", &query["state"])
            .finish();
        Redirect::to(&format!("{}?{pairs}", query["redirect_uri"])).into_response()
    };
    let known = query.get("client_id") == Some(&stub.client) && query["response_type"] == "code";
    if !known || query["code_challenge_method"] != "S256" {
        return (StatusCode::BAD_REQUEST, "no such client").into_response();
    }
    if !query.contains_key("nonce") {
        let description = ("error_description", "a nonce is required");
        return back(&[("error", "invalid_request"), description]);
    }
    if let Some(Refused(error, description)) = (stub.shape.at_sign_in)(&query) {
        return back(&[("error", error), ("error_description", description)]);
    }
    book.issued += 1;
    let code = format!("code-{}", book.issued);
    book.grants.insert(code.clone(), query.clone());
    back(&[("code", &code)])
}

async fn token(State(stub): State<Stub>, headers: HeaderMap, Form(form): Form<Params>) -> Response {
    let mut book = stub.book.lock();
    book.requests.push(form.clone());
    let refused = |Refused(error, description)| {
        let body = json!({ "error": error, "error_description": description });
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    };
    if !stub.knows(&headers, &form) {
        return refused(Refused("invalid_client", "unknown client"));
    }
    let gone = Refused("invalid_grant", "not known, or used before");
    let again = form["grant_type"] == "refresh_token";
    if again && let Some(why) = (stub.shape.at_refresh)(&form) {
        return refused(why);
    }
    let presented = &form[if again { "refresh_token" } else { "code" }];
    let Some(grant) = book.grants.remove(presented) else {
        return refused(gone);
    };
    if !again {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
        if grant["code_challenge"] != digest || grant["redirect_uri"] != form["redirect_uri"] {
            return refused(gone);
        }
    }
    stub.answer(&mut book, grant, again)
}

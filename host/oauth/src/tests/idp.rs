//! A small identity provider: discovery, a token endpoint that checks what an honest one checks,
//! rotation with reuse detection, and switches for failures.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use url::Url;

use super::param;

/// The behaviour of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mood {
    #[default]
    Good,
    /// 503 for everything.
    Down,
    /// `invalid_grant` for every token request.
    Refusing,
    /// A token answer that is HTML.
    Html,
    /// Opaque tokens of this many bytes, which cannot be compressed.
    Huge(usize),
    /// JWTs with this many groups, each a random UUID.
    Groups(usize),
    /// No refresh token.
    NoRefresh,
    /// A discovery document of another issuer.
    OtherIssuer,
    /// This error for every token request, with a description that quotes all that was sent.
    Quoting(&'static str),
    /// This error at a refresh, with HTTP 400.
    RefusingRefresh(&'static str),
    /// This error at a refresh, with HTTP 200.
    RefusingPolitely(&'static str),
    /// No refresh without these scopes, in any order.
    ScopeAtRefresh(&'static str),
    /// An ID token of another sign-in.
    OtherNonce,
    /// An ID token with the nonce of the sign-in, and a token answer without a lifetime.
    Nonce,
    /// An ID token with the nonce of the sign-in.
    IdToken,
    /// A discovery document whose optional members are not usable.
    OddDocument,
    /// A token answer that names the last part of a scope only.
    ShortScope,
    /// No ID token at a refresh.
    NoIdToken,
    /// No answer to a refresh before [`FakeIdp::go_on`].
    Waiting,
    /// Tokens of another person.
    OtherPerson,
    /// A discovery document that says that each response names the provider.
    NamesItself,
}

#[derive(Default)]
struct Book {
    mood: Mood,
    codes: HashMap<String, (Url, String)>,
    refresh: HashMap<String, String>,
    spent: Vec<String>,
    /// The tokens that it was told to revoke.
    told: Vec<String>,
    issued: u32,
    requests: Vec<(HeaderMap, HashMap<String, String>)>,
    discoveries: u32,
    document: Value,
    fetches: u32,
    /// The nonce of the sign-in whose code was redeemed last.
    nonce: Option<String>,
}

#[derive(Clone)]
pub(crate) struct FakeIdp {
    issuer: String,
    book: Arc<Mutex<Book>>,
    gate: Arc<Notify>,
}

impl FakeIdp {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let idp = Self {
            issuer,
            book: Arc::default(),
            gate: Arc::default(),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/token", post(token))
            .route("/revoke", post(revoke))
            .route("/client.json", get(document))
            .with_state(idp.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        idp
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.book.lock().mood = mood;
    }

    /// Answers one refresh that waits.
    pub(crate) fn go_on(&self) {
        self.gate.notify_one();
    }

    /// The token requests so far.
    pub(crate) fn requests(&self) -> Vec<(HeaderMap, HashMap<String, String>)> {
        self.book.lock().requests.clone()
    }

    pub(crate) fn refreshes(&self) -> usize {
        let of_refresh = |(_, form): &&(HeaderMap, HashMap<String, String>)| {
            form.get("grant_type")
                .is_some_and(|grant| grant == "refresh_token")
        };
        self.book.lock().requests.iter().filter(of_refresh).count()
    }

    pub(crate) fn revoked(&self) -> Vec<String> {
        self.book.lock().spent.clone()
    }

    /// The tokens that it was told to revoke.
    pub(crate) fn told(&self) -> Vec<String> {
        self.book.lock().told.clone()
    }

    pub(crate) fn discoveries(&self) -> u32 {
        self.book.lock().discoveries
    }

    /// Serves `document` at `/client.json`; gives its URL under a name.
    pub(crate) fn serve_document(&self, name: &str, fill: impl FnOnce(&str) -> Value) -> String {
        let url = format!("{}/client.json", self.issuer.replace("127.0.0.1", name));
        self.book.lock().document = fill(&url);
        url
    }

    pub(crate) fn fetches(&self) -> u32 {
        self.book.lock().fetches
    }

    /// `person` signs in; gives the path that the browser is sent back to.
    pub(crate) fn sign_in(&self, location: &Url, person: &str) -> String {
        assert_eq!(
            location.as_str().split('?').next(),
            Some(&*format!("{}/authorize", self.issuer))
        );
        let mut book = self.book.lock();
        book.issued += 1;
        let code = format!("upstream-code-{}", book.issued);
        book.codes
            .insert(code.clone(), (location.clone(), person.to_owned()));
        self.back(location, &[("code", &code), ("iss", &self.issuer)])
    }

    /// The person refuses at the provider.
    pub(crate) fn deny(&self, location: &Url) -> String {
        self.back(
            location,
            &[
                ("error", "access_denied"),
                ("error_description", "no \"thanks\"\r\nSet-Cookie: x=y"),
                ("error_uri", "https://evil.example"),
                ("iss", &self.issuer),
            ],
        )
    }

    /// The provider refuses the sign-in, and says why.
    pub(crate) fn fail(&self, location: &Url, code: &str, why: &str) -> String {
        self.back(location, &[("error", code), ("error_description", why)])
    }

    fn back(&self, location: &Url, pairs: &[(&str, &str)]) -> String {
        let mut url = Url::parse(&param(location, "redirect_uri").unwrap()).unwrap();
        url.query_pairs_mut()
            .extend_pairs(pairs)
            .append_pair("state", &param(location, "state").unwrap());
        format!("{}?{}", url.path(), url.query().unwrap())
    }

    fn issue(&self, book: &mut Book, person: &str) -> Response {
        book.issued += 1;
        let number = book.issued;
        let person = match book.mood {
            Mood::OtherPerson => "mallory",
            _ => person,
        };
        let padding = match book.mood {
            Mood::Huge(bytes) => noise(bytes),
            _ => String::new(),
        };
        let refresh = format!("upstream-refresh-{number}");
        let access = match book.mood {
            Mood::Groups(groups) => jwt_with_groups(person, groups),
            Mood::OtherPerson => jwt_with_groups(person, 1),
            _ => format!("upstream-access-{person}-{number}{padding}"),
        };
        let mut answer = json!({
            "access_token": access,
            "id_token": format!("upstream-id-{person}-{number}"),
            "token_type": "bearer",
            "expires_in": "600",
            "iss": self.issuer,
        });
        let nonce = match book.mood {
            Mood::Nonce | Mood::IdToken | Mood::OtherPerson => book.nonce.clone(),
            Mood::OtherNonce => Some("of another sign-in".to_owned()),
            _ => None,
        };
        if let Some(nonce) = nonce {
            let claims = json!({ "nonce": nonce, "sub": person });
            let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
            answer["id_token"] = format!("e30.{claims}.e30").into();
        }
        if matches!(book.mood, Mood::Nonce | Mood::OtherNonce) {
            answer["expires_in"] = 0.into();
        }
        if book.mood == Mood::ShortScope {
            answer["scope"] = "openid mcp.access".into();
        }
        if book.mood == Mood::NoIdToken {
            answer["id_token"] = Value::Null;
        }
        if book.mood != Mood::NoRefresh {
            book.refresh.insert(refresh.clone(), person.to_owned());
            answer["refresh_token"] = refresh.into();
        }
        Json(answer).into_response()
    }
}

fn refused(code: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": code }))).into_response()
}

fn quoting(code: &str, requests: &[(HeaderMap, HashMap<String, String>)]) -> Response {
    let Some((headers, form)) = requests.last() else {
        return StatusCode::IM_A_TEAPOT.into_response();
    };
    let mut said = "AADSTS7000215: not a client\r\nthat is known:".to_owned();
    for name in ["code", "code_verifier", "refresh_token", "client_secret"] {
        if let Some(value) = form.get(name) {
            said = format!(
                "{said} {name} {value}, {}...",
                &value[..value.len().min(12)]
            );
        }
    }
    let basic = headers.get(header::AUTHORIZATION);
    let basic = basic
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let body = json!({ "error": code, "error_description": format!("{said} {basic}") });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

async fn discovery(State(idp): State<FakeIdp>) -> Response {
    let mut book = idp.book.lock();
    book.discoveries += 1;
    let issuer = match book.mood {
        Mood::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mood::OtherIssuer => "https://other.example",
        _ => &idp.issuer,
    };
    let at = |path: &str| format!("{}/{path}", idp.issuer);
    if book.mood == Mood::OddDocument {
        return Json(json!({
            "issuer": issuer,
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "revocation_endpoint": 5,
            "userinfo_endpoint": "none",
            "jwks_uri": null,
            "scopes_supported": "openid",
        }))
        .into_response();
    }
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "revocation_endpoint": at("revoke"),
        "authorization_response_iss_parameter_supported": book.mood == Mood::NamesItself,
    }))
    .into_response()
}

async fn revoke(State(idp): State<FakeIdp>, Form(form): Form<HashMap<String, String>>) {
    let mut book = idp.book.lock();
    book.spent.push(form["token"].clone());
    book.told.push(form["token"].clone());
}

async fn document(State(idp): State<FakeIdp>) -> Response {
    let mut book = idp.book.lock();
    book.fetches += 1;
    Json(book.document.clone()).into_response()
}

/// The answer of a provider that does not refresh.
fn refused_refresh(mood: Mood, form: &HashMap<String, String>) -> Option<Response> {
    let sorted = |scopes: &str| {
        let mut scopes: Vec<_> = scopes.split(' ').map(str::to_owned).collect();
        scopes.sort_unstable();
        scopes
    };
    match (mood, form.get("scope")) {
        (Mood::RefusingRefresh(code), _) => Some(refused(code)),
        (Mood::RefusingPolitely(code), _) => Some(Json(json!({ "error": code })).into_response()),
        (Mood::ScopeAtRefresh(_), None) => Some(refused("invalid_resource")),
        (Mood::ScopeAtRefresh(wanted), Some(asked)) => {
            (sorted(wanted) != sorted(asked)).then(|| refused("invalid_target"))
        }
        _ => None,
    }
}

async fn token(
    State(idp): State<FakeIdp>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let waits = {
        let mut book = idp.book.lock();
        book.requests.push((headers, form.clone()));
        book.mood == Mood::Waiting && form["grant_type"] == "refresh_token"
    };
    if waits {
        idp.gate.notified().await;
    }
    let mut book = idp.book.lock();
    match book.mood {
        Mood::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mood::Refusing => return refused("invalid_grant"),
        Mood::Quoting(code) => return quoting(code, &book.requests),
        Mood::Html => return ([(header::CONTENT_TYPE, "text/html")], "<p>hello").into_response(),
        _ => {}
    }
    if form["grant_type"] == "refresh_token"
        && let Some(refusal) = refused_refresh(book.mood, &form)
    {
        return refusal;
    }
    if form["grant_type"] == "refresh_token" {
        let presented = &form["refresh_token"];
        if book.spent.contains(presented) {
            // Reuse: as strict providers do, the whole session is gone.
            book.refresh.clear();
            return refused("invalid_grant");
        }
        let Some(person) = book.refresh.remove(presented) else {
            return refused("invalid_grant");
        };
        book.spent.push(presented.clone());
        return idp.issue(&mut book, &person);
    }
    let Some((location, person)) = book.codes.remove(&form["code"]) else {
        return refused("invalid_grant");
    };
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    if param(&location, "code_challenge").as_deref() != Some(&*digest)
        || param(&location, "redirect_uri").as_ref() != form.get("redirect_uri")
    {
        return refused("invalid_grant");
    }
    book.nonce = param(&location, "nonce");
    idp.issue(&mut book, &person)
}

/// Characters of a token that look random, the same at each call.
fn noise(length: usize) -> String {
    let digits = (0_u64..).flat_map(|block| Sha256::digest(block.to_be_bytes()));
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    digits
        .map(|byte| char::from(alphabet[usize::from(byte % 64)]))
        .take(length)
        .collect()
}

/// A JWT as Entra ID makes one, signed by nobody.
fn jwt_with_groups(person: &str, groups: usize) -> String {
    let groups: Vec<String> = (0..groups)
        .map(|number| {
            let digest = Sha256::digest(number.to_be_bytes());
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            format!(
                "{}-{}-{}-{}-{}",
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..32]
            )
        })
        .collect();
    let claims =
        json!({ "iss": "https://idp.example/", "aud": "api", "sub": person, "groups": groups });
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "k" });
    format!("{}.{}.{}", part(&header), part(&claims), noise(342))
}

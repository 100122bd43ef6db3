//! The proxy as a whole, in process: real requests to the router, a real HTTP identity provider
//! on loopback behind it, a clock that the test moves.

mod apps;
mod attacks;
mod browser;
mod consent;
mod documents;
mod ends;
mod flow;
mod idp;
mod leaks;
mod operated;
mod operator;
mod refresh;
mod refresh_at_provider;
mod refresh_scope;
mod relay;
mod replicas;
mod requests;
mod secrets;
mod shares;
mod strangers;
mod trial;

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use foundation::{client_address::ClientAddress, clock::Clock, public_url::PublicUrl};
use futures::future::BoxFuture;
use http_body_util::BodyExt;
use outbound::Lookup;
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::ServiceExt;
use url::{Url, form_urlencoded};

pub(super) use self::idp::{FakeIdp, Mood};
use self::{browser::Jar, trial::Answers};
use super::{
    KeySource, Opened, Proxy, Settings, Tried, UpstreamAuth, UpstreamSettings, UpstreamToken,
    client_metadata::Documents,
    context::Context,
    store::{MAX_TRANSACTIONS, MemoryStore, Store},
};

pub(super) const ISSUER: &str = "https://mcp.example.com";
pub(super) const RESOURCE: &str = "https://mcp.example.com/mcp";
const REDIRECT: &str = "http://127.0.0.1:33418/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Every name is on loopback, where the tests' servers are.
struct Loopback;

impl Lookup for Loopback {
    fn lookup(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<std::net::IpAddr>>> {
        Box::pin(async { Ok(vec![[127, 0, 0, 1].into()]) })
    }
}

/// The settings of a proxy under test, and its public URL.
pub(super) struct Setup {
    settings: Settings,
    pub(super) public_url: PublicUrl,
}

impl std::ops::Deref for Setup {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl std::ops::DerefMut for Setup {
    fn deref_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }
}

struct World {
    idp: FakeIdp,
    clock: Clock,
    context: Arc<Context>,
    trial: Arc<Answers>,
    router: Router,
}

/// An answer of the proxy.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/json",
            "{}",
            self.body
        );
        serde_json::from_str(&self.body).unwrap()
    }

    fn error(&self) -> String {
        self.json()["error"].as_str().unwrap().to_owned()
    }

    fn location(&self) -> Url {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        Url::parse(self.headers[header::LOCATION].to_str().unwrap()).unwrap()
    }

    /// A parameter of the redirect, which must be there at most once.
    fn param(&self, name: &str) -> Option<String> {
        param(&self.location(), name)
    }

    fn is_page(&self, status: StatusCode) -> bool {
        self.status == status
            && self.headers[header::CONTENT_TYPE] == "text/html; charset=utf-8"
            && !self.headers.contains_key(header::LOCATION)
    }
}

fn param(url: &Url, name: &str) -> Option<String> {
    let values: Vec<_> = url
        .query_pairs()
        .filter(|(key, _)| key == name)
        .map(|(_, v)| v.into_owned())
        .collect();
    assert!(values.len() <= 1, "{name} more than once in {url}");
    values.into_iter().next()
}

fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Setup)) -> Self {
        Self::with_store(change, |clock| {
            Arc::new(MemoryStore::new(clock, MAX_TRANSACTIONS))
        })
        .await
    }

    async fn with_store(
        change: impl FnOnce(&mut Setup),
        store: impl FnOnce(Clock) -> Arc<dyn Store>,
    ) -> Self {
        let idp = FakeIdp::start().await;
        let clock = Clock::manual(UNIX_EPOCH + Duration::from_secs(1_900_000_000));
        Self::beside(idp, clock, change, store)
    }

    /// A proxy with an existing provider and clock.
    fn beside(
        idp: FakeIdp,
        clock: Clock,
        change: impl FnOnce(&mut Setup),
        store: impl FnOnce(Clock) -> Arc<dyn Store>,
    ) -> Self {
        let mut setup = Setup {
            settings: settings(&idp),
            public_url: PublicUrl::parse(ISSUER).unwrap(),
        };
        change(&mut setup);
        let Setup {
            settings,
            public_url,
        } = setup;
        let own = clock.clone();
        let store = store(own.clone());
        let documents = Documents::guarded(
            &settings.client_metadata,
            Arc::new(Loopback),
            |_| true,
            "http",
        )
        .unwrap();
        let trial = Answers::new(Tried::Served);
        let context = Context::new(settings, public_url, own, store, documents, trial.clone());
        let context = Arc::new(context.unwrap());
        let router = Proxy {
            context: Arc::clone(&context),
        }
        .router();
        Self {
            idp,
            clock,
            context,
            trial,
            router,
        }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        self.send_from("192.0.2.1", request).await
    }

    async fn send_from(&self, peer: &str, mut request: Request<Body>) -> Answer {
        let address = ClientAddress::new(peer.parse().unwrap());
        request.extensions_mut().insert(address);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn post_json(&self, path: &str, body: &Value) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(encode(form)))
            .unwrap();
        self.send(request).await
    }

    /// A client as `mcp-remote` and the SDKs register one.
    async fn register(&self, name: &str) -> String {
        let answer = self
            .post_json(
                "/oauth/register",
                &json!({
                    "client_name": name,
                    "redirect_uris": [REDIRECT],
                    "grant_types": ["authorization_code", "refresh_token"],
                    "response_types": ["code"],
                    "token_endpoint_auth_method": "none",
                    "application_type": "native",
                }),
            )
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.json()["client_id"].as_str().unwrap().to_owned()
    }

    /// Everything up to the code, in `jar`'s browser, with the person approving.
    async fn code(&self, client: &str, jar: &mut Jar) -> String {
        let back = self.sign_in(client, jar).await;
        back.param("code")
            .unwrap_or_else(|| panic!("no code in {}", back.location()))
    }

    async fn sign_in(&self, client: &str, jar: &mut Jar) -> Answer {
        let page = jar.authorize(self, &good_request(client)).await;
        let upstream = if page.status == StatusCode::SEE_OTHER {
            page
        } else {
            jar.decide(self, &page, "approve").await
        };
        let callback = self.idp.sign_in(&upstream.location(), "alice");
        jar.get(self, &callback).await
    }

    async fn redeem(&self, client: &str, code: &str) -> Answer {
        self.post_form("/oauth/token", &redemption(client, code))
            .await
    }

    async fn refresh(&self, client: &str, token: &str) -> Answer {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", client),
            ("resource", RESOURCE),
        ];
        self.post_form("/oauth/token", &form).await
    }

    /// Signs in and redeems the code.
    async fn tokens(&self, client: &str) -> Value {
        let code = self.code(client, &mut Jar::default()).await;
        let answer = self.redeem(client, &code).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    }

    /// The provider's token within one of ours, if it opens.
    async fn open(&self, token: &str) -> Option<String> {
        use secrecy::ExposeSecret;
        match self
            .context
            .tokens
            .open(&SecretString::from(token.to_owned()))
            .await
        {
            Opened::Token { token, .. } => Some(token.expose_secret().to_owned()),
            Opened::Invalid => None,
            Opened::Unknown => panic!("it is not known what ended"),
            Opened::NotOurs => panic!("not one of ours"),
        }
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {value}"))
        .to_owned()
}

fn redemption<'a>(client: &'a str, code: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", REDIRECT),
        ("client_id", client),
        ("resource", RESOURCE),
    ]
}

fn good_request(client: &str) -> Vec<(&str, &str)> {
    vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", REDIRECT),
        ("state", "the client's state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("scope", "openid profile"),
        ("resource", RESOURCE),
    ]
}

fn settings(idp: &FakeIdp) -> Settings {
    let upstream = UpstreamSettings {
        client_id: "our-upstream-id".to_owned(),
        client_secret: Some(SecretString::from("our-upstream-secret".to_owned())),
        auth: UpstreamAuth::Basic,
        authorize_endpoint: None,
        token_endpoint: None,
        issuer: Some(idp.issuer().to_owned()),
        discovery_url: None,
        allow_http: false,
        authorize_params: Vec::new(),
        token_params: Vec::new(),
        forward_resource: false,
        token: UpstreamToken::AccessToken,
        offline_access: true,
        api_scopes: Vec::new(),
    };
    let key = "00".repeat(31) + "01";
    Settings::new(upstream, KeySource::Given(SecretString::from(key)))
}

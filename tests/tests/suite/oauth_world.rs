//! What the sign-in tests share: a server with the proxy on, a client, a browser without a screen.

use integration_tests::{Server, ServerBuilder, mcp::http_client, until};
use reqwest::{Response, header};
use sandbox::idp::{Client, Options, PUBLIC_CLIENT};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::world::World;

/// The key that seals tokens in these tests.
pub(crate) const KEY: &str = "5f0e1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7";
/// Where the client listens; nobody does, the browser below stops there.
pub(crate) const REDIRECT: &str = "http://127.0.0.1:9/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Turns the proxy on.
pub(crate) fn with_proxy(builder: ServerBuilder) -> ServerBuilder {
    builder
        .env("OIDC_CLIENT_ID", PUBLIC_CLIENT)
        .env("OAUTH_TOKEN_KEYS", KEY)
}

/// A world whose server signs people in.
pub(crate) async fn start() -> World {
    start_with(|builder| builder).await
}

/// The same with more settings.
pub(crate) async fn start_with(adapt: impl FnOnce(ServerBuilder) -> ServerBuilder) -> World {
    let world = World::with(Options::default(), |builder| adapt(with_proxy(builder))).await;
    admit(&world);
    world
}

/// Waits for the store: nobody signs in until it has said what was revoked.
pub(crate) async fn until_the_store_answers(server: &Server) {
    until("the store answers", async || {
        let ready = http_client().get(server.url("/ready")).send().await;
        let parts: Value = ready.unwrap().json().await.unwrap();
        parts["parts"]["store"] == "ok"
    })
    .await;
}

/// Tells the provider where the server is.
pub(crate) fn admit(world: &World) {
    let callback = world.server.url("/oauth/callback");
    world
        .idp
        .register(Client::public(PUBLIC_CLIENT).redirect(callback));
}

/// An MCP client that registered itself.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) id: String,
    base: String,
}

impl App {
    pub(crate) async fn register(world: &World, redirect: &str) -> Self {
        Self::register_at(&world.server, redirect).await
    }

    pub(crate) async fn register_at(server: &Server, redirect: &str) -> Self {
        Self::at(server.url(""), redirect).await
    }

    /// One that registered itself at `base`.
    pub(crate) async fn at(base: String, redirect: &str) -> Self {
        let asked = json!({
            "client_name": "Claude Code",
            "redirect_uris": [redirect],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        });
        let answer = http_client()
            .post(format!("{base}/oauth/register"))
            .json(&asked)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
        let registered: Value = answer.json().await.unwrap();
        Self {
            id: registered["client_id"].as_str().unwrap().to_owned(),
            base,
        }
    }

    /// The URL that the client opens in the person's browser.
    pub(crate) fn authorize_url(&self, redirect: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", &*self.id),
                ("redirect_uri", redirect),
                ("state", "app-state-0123456789"),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
                ("resource", &*format!("{}/mcp", self.base)),
            ])
            .finish();
        format!("{}/oauth/authorize?{query}", self.base)
    }

    /// Redeems the code in the URL that the browser was sent to.
    pub(crate) async fn redeem(&self, back: &Url, redirect: &str) -> Value {
        assert_eq!(
            param(back, "iss").unwrap(),
            self.base,
            "the issuer, byte for byte"
        );
        assert_eq!(param(back, "state").unwrap(), "app-state-0123456789");
        let code = param(back, "code").unwrap_or_else(|| panic!("no code in {back}"));
        let (status, answer) = self
            .token(&[
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("code_verifier", VERIFIER),
                ("redirect_uri", redirect),
            ])
            .await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Redeems a code that was used.
    pub(crate) async fn redeem_again(&self, code: &str) {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", VERIFIER),
        ];
        let (status, answer) = self.token(&form).await;
        assert_eq!((status, text(&answer, "error")), (400, "invalid_grant"));
    }

    pub(crate) async fn refresh(&self, token: &str) -> (u16, Value) {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)])
            .await
    }

    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let mut form = form.to_vec();
        form.push(("client_id", &self.id));
        self.post("/oauth/token", &form).await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let request = http_client()
            .post(format!("{}{path}", self.base))
            .form(&form);
        let answer = request.send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json().await.unwrap_or_default(),
        )
    }
}

pub(crate) fn param(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// A browser without a screen: cookies, redirects, forms.
#[derive(Default, Clone)]
pub(crate) struct Browser {
    cookies: Vec<(String, String)>,
}

/// Where a visit ended.
pub(crate) enum Visit {
    /// On a page.
    Page { status: u16, url: Url, body: String },
    /// At the client's redirect URI.
    Back(Url),
}

impl Visit {
    pub(crate) fn back(self) -> Url {
        match self {
            Self::Back(url) => url,
            Self::Page { status, url, body } => panic!("at {url} with {status}: {body}"),
        }
    }
}

impl Browser {
    /// Opens `url`, approves, signs in as `person`; stops at the client's redirect URI.
    pub(crate) async fn sign_in(&mut self, url: &str, person: &str) -> Url {
        let visit = self.open(url).await;
        self.finish(visit, person).await
    }

    /// Goes on from a page of ours or of the provider.
    pub(crate) async fn finish(&mut self, mut visit: Visit, person: &str) -> Url {
        loop {
            let (url, body) = match visit {
                Visit::Back(url) => return url,
                Visit::Page {
                    status: 200,
                    url,
                    body,
                } => (url, body),
                Visit::Page { status, url, body } => panic!("at {url} with {status}: {body}"),
            };
            let password = format!("{person}-password");
            visit = if body.contains("name=\"password\"") {
                let csrf = hidden(&body, "csrf");
                let form = [
                    ("csrf", &*csrf),
                    ("username", person),
                    ("password", &password),
                    ("action", "sign-in"),
                ];
                self.submit(&url, &form).await
            } else {
                let request = hidden(&body, "request");
                self.submit(&url, &[("request", &request), ("decision", "approve")])
                    .await
            };
        }
    }

    pub(crate) async fn open(&mut self, url: &str) -> Visit {
        let url = Url::parse(url).unwrap();
        self.open_from("none", url).await
    }

    /// Opens `url` as the browser says of `site`: by itself, or from a page there.
    pub(crate) async fn open_from(&mut self, site: &str, url: Url) -> Visit {
        let request = self.with_cookies(http_client().get(url.clone()));
        let answer = request.header("sec-fetch-site", site).send().await.unwrap();
        self.arrive(url, answer).await
    }

    /// Posts a form to the page's own URL.
    pub(crate) async fn submit(&mut self, url: &Url, form: &[(&str, &str)]) -> Visit {
        let target = if url.path() == "/oauth/authorize" {
            url.join("/oauth/authorize").unwrap()
        } else {
            url.clone()
        };
        let request = self
            .with_cookies(http_client().post(target.clone()))
            .form(&form);
        let answer = request
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .unwrap();
        self.arrive(target, answer).await
    }

    fn with_cookies(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        if pairs.is_empty() {
            request
        } else {
            request.header(header::COOKIE, pairs.join("; "))
        }
    }

    async fn arrive(&mut self, mut url: Url, mut answer: Response) -> Visit {
        loop {
            for cookie in answer.headers().get_all(header::SET_COOKIE) {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.cookies.retain(|(known, _)| known != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
            let status = answer.status().as_u16();
            if !answer.status().is_redirection() {
                return Visit::Page {
                    status,
                    url,
                    body: answer.text().await.unwrap(),
                };
            }
            let location = answer.headers()[header::LOCATION]
                .to_str()
                .unwrap()
                .to_owned();
            url = url.join(&location).unwrap();
            if url.as_str().starts_with(REDIRECT) {
                return Visit::Back(url);
            }
            answer = self
                .with_cookies(http_client().get(url.clone()))
                .send()
                .await
                .unwrap();
        }
    }
}

/// The value of a hidden field.
pub(crate) fn hidden(body: &str, name: &str) -> String {
    let after = body.split(&format!("name=\"{name}\" value=\"")).nth(1);
    let value = after.and_then(|rest| rest.split('"').next());
    value
        .unwrap_or_else(|| panic!("no {name} in {body}"))
        .to_owned()
}

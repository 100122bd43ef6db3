//! The pages in `host/docs/providers`, executed: the settings of each page start the real server
//! against a stub of that provider, and a person signs in, calls a tool and refreshes.

mod shapes;
mod stub;
mod traps;

use std::{fs, path::Path};

use integration_tests::{
    Server, ServerBuilder, StubDataHub, artifacts::workspace_root, mcp::http_client, until,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::{
    shapes::SHAPES,
    stub::{SECRET, Shape, Stub},
};
use crate::oauth_world::{App, Browser, KEY, REDIRECT, Visit, hidden, param, text};

/// The folder of the pages.
const PAGES: &str = "host/docs/providers";
/// The folder of secrets on the pages.
const SECRETS: &str = "/run/secrets/";

/// A page: its settings, block by block, and the claims that it shows.
struct Page {
    settings: Vec<Vec<(String, String)>>,
    claims: Vec<Value>,
}

impl Page {
    fn read(name: &str) -> Self {
        let path = workspace_root().join(PAGES).join(format!("{name}.md"));
        let page = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path:?}: {why}"));
        let settings = blocks(&page, "sh").map(|block| {
            let pairs = block.lines().filter(|line| !line.starts_with('#'));
            pairs
                .map(|line| line.split_once('=').unwrap_or_else(|| panic!("{line}")))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        });
        let claims = blocks(&page, "json").map(|block| serde_json::from_str(block).unwrap());
        Self {
            settings: settings.collect(),
            claims: claims.collect(),
        }
    }

    fn setting(&self, name: &str) -> Option<&str> {
        let all = self.settings.iter().flatten();
        let mut values = all.filter(|(known, _)| known == name);
        values.next().map(|(_, value)| value.as_str())
    }
}

/// The fenced blocks of a language.
fn blocks<'a>(page: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let start = format!("\n```{language}\n");
    let parts: Vec<&str> = page.split(&*start).skip(1).collect();
    parts
        .into_iter()
        .map(|part| part.split("\n```").next().unwrap())
}

/// A provider, a DataHub, and the server of the page between them.
struct Place {
    stub: Stub,
    datahub: StubDataHub,
    server: Server,
    _secrets: TempDir,
}

/// The end of a sign-in.
struct SignedIn {
    app: App,
    tokens: Value,
}

impl Place {
    /// Starts the server with the page's settings; `blocks` of them count.
    async fn start(
        shape: &'static Shape,
        blocks: usize,
        adapt: impl FnOnce(ServerBuilder, &Stub) -> ServerBuilder,
    ) -> Self {
        let page = Page::read(shape.name);
        let client = page.setting("OIDC_CLIENT_ID").unwrap();
        let stub = Stub::start(shape, client, page.claims.clone()).await;
        let datahub = StubDataHub::start().await.unwrap();
        let secrets = tempfile::tempdir().unwrap();
        for (name, secret) in [("oidc-client-secret", SECRET), ("oauth-token-keys", KEY)] {
            fs::write(secrets.path().join(name), secret).unwrap();
        }
        let mut builder = Server::builder().env("LOG_LEVEL", "debug");
        for (name, value) in page.settings.iter().take(blocks).flatten() {
            let value = match name.as_str() {
                // The server's own address is a URL of this machine.
                "PUBLIC_URL" => continue,
                "DATAHUB_GMS_URL" => datahub.url(),
                _ => rewrite(&stub, secrets.path(), value),
            };
            builder = builder.env(name, value);
        }
        if page.setting("OIDC_ISSUER_URL").is_none() {
            // The page relies on the issuer that the preset knows.
            builder = builder.env("OIDC_ISSUER_URL", stub.issuer());
        }
        let server = adapt(builder, &stub).start().unwrap();
        Self {
            stub,
            datahub,
            server,
            _secrets: secrets,
        }
    }

    /// Registers a client and signs in; the error is the page or the answer at which it ended.
    async fn sign_in(&self, scope: Option<&str>) -> Result<SignedIn, String> {
        let app = App::at(self.server.url(""), REDIRECT).await;
        let mut browser = Browser::default();
        let mut url = app.authorize_url(REDIRECT);
        if let Some(scope) = scope {
            url = format!("{url}&scope={}", scope.replace(' ', "+"));
        }
        let mut visit = browser.open(&url).await;
        loop {
            visit = match visit {
                Visit::Back(url) if param(&url, "code").is_some() => {
                    let tokens = app.redeem(&url, REDIRECT).await;
                    return Ok(SignedIn { app, tokens });
                }
                Visit::Back(url) => return Err(url.to_string()),
                Visit::Page {
                    status: 200,
                    url,
                    body,
                } if body.contains("name=\"request\"") => {
                    let request = hidden(&body, "request");
                    let form = [("request", &*request), ("decision", "approve")];
                    browser.submit(&url, &form).await
                }
                Visit::Page { status, body, .. } => return Err(format!("{status}: {body}")),
            };
        }
    }

    /// Calls a tool; gives the token that DataHub saw.
    async fn call(&self, token: &str) -> Result<String, u16> {
        let mcp = self.server.mcp();
        let reply = mcp.call(Some(token), "search", json!({"query": "*"})).await;
        match reply.unwrap().status {
            200 => {
                let seen = self.datahub.seen();
                let bearer = seen.iter().rev().find_map(|request| {
                    let value = request.headers.get("authorization")?.to_str().ok()?;
                    value.strip_prefix("Bearer ").map(str::to_owned)
                });
                Ok(bearer.unwrap())
            }
            status => Err(status),
        }
    }

    /// Asserts that nobody gets in, at the sign-in or with the first call, and that a page or the log
    /// gives the reason.
    async fn refuses(&self, reason: &str) {
        let page = match self.sign_in(None).await {
            Err(page) => page,
            Ok(signed_in) => {
                let token = text(&signed_in.tokens, "access_token").to_owned();
                assert_eq!(self.call(&token).await, Err(401));
                String::new()
            }
        };
        if !page.contains(reason) {
            self.logs(reason).await;
        }
    }

    /// Waits until the log has `words`: it is written behind the answers.
    async fn logs(&self, words: &str) {
        until(words, async || self.server.output().contains(words)).await;
    }
}

fn rewrite(stub: &Stub, secrets: &Path, value: &str) -> String {
    let secrets = format!("{}/", secrets.display());
    stub.rewrite(value).replace(SECRETS, &secrets)
}

/// Signs in with the page's settings, calls, refreshes and calls again.
async fn walk(shape: &'static Shape, blocks: usize) -> Place {
    let place = Place::start(shape, blocks, |builder, _| builder).await;
    let signed_in = place.sign_in(None).await;
    let SignedIn { app, tokens } = signed_in.unwrap_or_else(|why| {
        let output = place.server.output();
        panic!("{}: {why}\n{output}", shape.name)
    });
    let first = place.call(text(&tokens, "access_token")).await;
    let first = first.unwrap_or_else(|status| {
        let output = place.server.output();
        panic!("{}: {status}\n{output}", shape.name)
    });
    assert_eq!(first.split('.').count(), 3, "{}: a JWT", shape.name);
    let (status, fresh) = app.refresh(text(&tokens, "refresh_token")).await;
    let output = place.server.output();
    assert_eq!(status, 200, "{}: {fresh}\n{output}", shape.name);
    let second = place.call(text(&fresh, "access_token")).await;
    assert_ne!(second, Ok(first), "{}: another token", shape.name);
    assert!(second.is_ok(), "{}: {second:?}", shape.name);
    place
}

#[tokio::test]
async fn the_settings_of_each_page_sign_people_in() {
    for shape in SHAPES {
        let place = walk(shape, 1).await;
        let sign_in = &place.stub.requests()[0];
        assert!(sign_in["nonce"].len() >= 16, "{}", shape.name);
        assert!(!sign_in.contains_key("resource"), "{}", shape.name);
    }
}

#[tokio::test]
async fn each_preset_has_a_page_that_is_executed() {
    let mut executed: Vec<_> = SHAPES.iter().map(|shape| shape.name).collect();
    let mut presets = datahub_mcp::config::Preset::ALL.map(|preset| preset.name());
    executed.sort_unstable();
    presets.sort_unstable();
    assert_eq!(executed, presets);
    let folder = fs::read_dir(workspace_root().join(PAGES)).unwrap();
    let mut pages: Vec<_> = folder
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort_unstable();
    assert_eq!(pages, presets.map(|name| format!("{name}.md")));
    for preset in presets {
        let page = Page::read(preset);
        assert_eq!(page.setting("OIDC_PROVIDER"), Some(preset));
        assert!(!page.claims.is_empty(), "{preset}: no token");
    }
}

/// A request to the token endpoint of the stub without this server.
async fn ask(place: &Place, form: &[(&str, &str)]) -> (u16, Value) {
    let page = Page::read(place.stub.name());
    let mut form = form.to_vec();
    form.push(("client_id", page.setting("OIDC_CLIENT_ID").unwrap()));
    form.push(("client_secret", SECRET));
    let request = http_client().post(place.stub.token_endpoint()).form(&form);
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

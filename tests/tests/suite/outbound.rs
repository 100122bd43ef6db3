//! Outgoing connections: those to DataHub, of the validator and of the sign-in obey the same
//! settings.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use integration_tests::{Server, ServerBuilder, StubDataHub, mcp::http_client, until};
use sandbox::idp::{EmbeddedIdp, Options, PUBLIC_CLIENT, Running};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    oauth_world::{App, Browser, KEY, REDIRECT, Visit, hidden},
    world::World,
};

const OIDC: &str = "/realms/x/.well-known/openid-configuration";
const INSERTED: &str = "/.well-known/openid-configuration/realms/x";
const OUTSIDE: &str = "https://sso.example.com/realms/x";

/// A proxy that connects to nothing and records the request heads.
struct DeadProxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl DeadProxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let record = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0; 4096];
                let length = stream.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                record.lock().unwrap().push(head);
                let answer = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n";
                let _gone = stream.write_all(answer).await;
            }
        });
        Self { port, heads }
    }

    fn url(&self) -> String {
        format!("http://user:canary-password@127.0.0.1:{}", self.port)
    }

    fn was_asked_for(&self, host: &str) -> bool {
        let heads = self.heads.lock().unwrap();
        heads
            .iter()
            .any(|head| head.starts_with(&format!("CONNECT {host}:443 ")))
    }
}

/// A server in front of a provider: `answer` gets the path.
async fn front(answer: impl Fn(&str) -> Response + Clone + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(move |uri: Uri| async move { answer(uri.path()) });
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn no() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

fn page() -> Response {
    (
        [(header::CONTENT_TYPE, "text/html")],
        "<html>sign in</html>",
    )
        .into_response()
}

fn document(members: &Value) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, members.to_string()).into_response()
}

/// The discovery document of the embedded provider.
async fn described(idp: &Running) -> Value {
    let url = format!("{}/.well-known/openid-configuration", idp.issuer());
    let answer = http_client().get(url).send().await.unwrap();
    answer.json().await.unwrap()
}

fn signing_in(datahub: &StubDataHub) -> ServerBuilder {
    Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("OIDC_AUDIENCE", "datahub-mcp")
        .env("OIDC_CLIENT_ID", PUBLIC_CLIENT)
        .env("OAUTH_TOKEN_KEYS", KEY)
}

/// Signs in as far as the provider's page, or the page with the reason for a failure.
async fn to_the_provider(world: &World) -> (u16, String, String) {
    let app = App::register(world, REDIRECT).await;
    let mut browser = Browser::default();
    let Visit::Page { url, body, .. } = browser.open(&app.authorize_url(REDIRECT)).await else {
        panic!("nobody was asked for consent");
    };
    let request = hidden(&body, "request");
    let form = [("request", &*request), ("decision", "approve")];
    match browser.submit(&url, &form).await {
        Visit::Page { status, url, body } => (status, url.to_string(), body),
        Visit::Back(url) => (302, url.to_string(), String::new()),
    }
}

/// The status of a request with a token that the embedded provider signed for another issuer.
async fn accepted(world: &World, issuer: &str) -> u16 {
    let token = world.idp.mint(json!({ "iss": issuer }));
    integration_tests::status(&world.server.mcp(), &token).await
}

/// Runs a server whose DataHub, validator and sign-in are three hosts behind `proxy`, and sends one
/// request that needs each. Returns the output.
async fn ask_all(proxy: &DeadProxy, adapt: impl FnOnce(ServerBuilder) -> ServerBuilder) -> String {
    let idp = EmbeddedIdp::start(Options::default()).await.unwrap();
    let datahub = StubDataHub::start().await.unwrap();
    let builder = signing_in(&datahub)
        .env("DATAHUB_GMS_URL", "https://datahub.example.com/api/gms")
        .env("OIDC_ISSUER_URL", "https://signin.example.com")
        .env(
            "TOKEN_VALIDATOR_OPT_ISSUER_URL",
            "https://validator.example.com",
        )
        .env("RUST_LOG", "trace");
    let server = adapt(builder).start().unwrap();
    let world = World {
        idp,
        datahub,
        server,
    };
    let (_, at, _) = to_the_provider(&world).await;
    assert!(!at.contains("signin.example.com"), "{at}");
    let ready = world.server.mcp().http().get(world.server.url("/ready"));
    assert_eq!(ready.send().await.unwrap().status(), 503);
    until("the validator has tried to fetch keys", async || {
        world.server.output().contains("keys cannot be fetched")
    })
    .await;
    let (_, output) = world.server.stop().unwrap();
    assert!(
        !output.contains("canary-password"),
        "a password shows:\n{output}"
    );
    // One that was given up before it asked for anything has no head.
    let heads = proxy.heads.lock().unwrap();
    for head in heads.iter().filter(|head| !head.is_empty()) {
        // "user:canary-password" in base64.
        let credentials = "dXNlcjpjYW5hcnktcGFzc3dvcmQ=";
        assert!(head.contains(credentials), "{head}");
        assert!(!output.contains(credentials), "a password shows:\n{output}");
    }
    output
}

const HOSTS: [&str; 3] = [
    "datahub.example.com",
    "validator.example.com",
    "signin.example.com",
];

#[tokio::test]
async fn all_three_go_through_the_proxy_that_counts() {
    for (variable, isolation) in [
        ("HTTPS_PROXY", "in-process"),
        ("https_proxy", "in-process"),
        ("ALL_PROXY", "in-process"),
        ("OUTBOUND_PROXY", "in-process"),
        ("HTTPS_PROXY", "process"),
        ("OUTBOUND_PROXY", "process"),
    ] {
        let (proxy, other) = tokio::join!(DeadProxy::start(), DeadProxy::start());
        ask_all(&proxy, |builder| {
            let builder = builder.env("PLUGIN_ISOLATION", isolation);
            match variable {
                "OUTBOUND_PROXY" => builder.env("HTTPS_PROXY", other.url()),
                _ => builder.env("HTTP_PROXY", other.url()),
            }
            .env(variable, proxy.url())
        })
        .await;
        for host in HOSTS {
            assert!(proxy.was_asked_for(host), "{variable} {isolation}: {host}");
        }
        assert!(other.heads.lock().unwrap().is_empty(), "{variable}");
    }
}

#[tokio::test]
async fn hosts_that_are_excepted_go_through_no_proxy() {
    for list in ["*", "example.com", "other, .example.com:443"] {
        let proxy = DeadProxy::start().await;
        ask_all(&proxy, |builder| {
            builder
                .env("HTTPS_PROXY", proxy.url())
                .env("no_proxy", list)
        })
        .await;
        assert!(proxy.heads.lock().unwrap().is_empty(), "{list}");
    }
}

#[tokio::test]
async fn this_machine_is_asked_directly_whatever_the_proxy() {
    let proxy = DeadProxy::start().await;
    let world = World::with(Options::default(), |builder| {
        ["OUTBOUND_PROXY", "HTTP_PROXY", "http_proxy", "ALL_PROXY"]
            .into_iter()
            .fold(builder, |builder, name| builder.env(name, proxy.url()))
    })
    .await;
    let token = world.idp.access_token("editor");
    assert_eq!(
        integration_tests::status(&world.server.mcp(), &token).await,
        200
    );
    assert!(proxy.heads.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_bundle_or_a_proxy_that_cannot_be_used_stops_the_start_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let (empty, text) = (file("empty.pem", ""), file("text.pem", "hello"));
    let datahub = StubDataHub::start().await.unwrap();
    let settings = || signing_in(&datahub).env("OIDC_ISSUER_URL", "https://idp.example.com");
    for (name, named) in [
        ("OUTBOUND_CA_FILE", "`OUTBOUND_CA_FILE`"),
        ("SSL_CERT_FILE", "`SSL_CERT_FILE`"),
        ("TOKEN_VALIDATOR_OPT_CA_FILE", "`ca_file`"),
    ] {
        for (path, why) in [
            ("/nowhere/ca.pem", "No such file"),
            (&*empty, "is empty"),
            (&*text, "holds no PEM certificate"),
        ] {
            let refusal = settings().env(name, path).refuse().unwrap();
            refusal.assert_says(&[named, path, why]);
            let errors = refusal.text.lines().filter(|line| !line.starts_with('{'));
            assert_eq!(errors.count(), 1, "{}", refusal.text);
        }
    }
    for name in [
        "OUTBOUND_PROXY",
        "HTTPS_PROXY",
        "all_proxy",
        "TOKEN_VALIDATOR_OPT_PROXY",
    ] {
        let refusal = settings()
            .env(name, "socks5://u:canary@proxy:1080")
            .refuse();
        let refusal = refusal.unwrap();
        let named = name.strip_prefix("TOKEN_VALIDATOR_OPT_").unwrap_or(name);
        assert!(
            refusal.text.contains(named) || refusal.text.contains("`proxy`"),
            "{refusal:?}"
        );
        refusal.assert_says(&["not an HTTP proxy"]);
        assert!(!refusal.text.contains("canary"), "{refusal:?}");
    }
}

#[tokio::test]
async fn both_halves_say_that_an_issuer_differs_by_a_slash() {
    let idp = EmbeddedIdp::start(Options::default()).await.unwrap();
    let datahub = StubDataHub::start().await.unwrap();
    let slash = format!("{}/", idp.issuer());
    let mut members = described(&idp).await;
    members["issuer"] = slash.clone().into();
    idp.set_discovery(members.as_object().unwrap().clone());
    let server = signing_in(&datahub)
        .env("OIDC_ISSUER_URL", idp.issuer())
        .start()
        .unwrap();
    let world = World {
        idp,
        datahub,
        server,
    };
    let (status, ..) = to_the_provider(&world).await;
    assert_ne!(
        status, 200,
        "nobody is sent to a provider whose tokens are refused"
    );
    assert_ne!(accepted(&world, &slash).await, 200);
    let why = format!(
        "names the issuer `{slash}`, but `{}` is configured: they differ only in the slash at the end",
        world.idp.issuer()
    );
    until("both halves have said why", async || {
        world.server.output().matches(&why).count() >= 2
    })
    .await;
}

#[tokio::test]
async fn both_halves_find_a_document_that_is_moved_or_in_the_last_place() {
    type Door = fn(&str, &Value) -> Response;
    let doors: [(&str, Door); 3] = [
        ("moved within the origin", |path, members| match path {
            OIDC => [(header::LOCATION, "/auth/doc")].into_response().moved(),
            "/auth/doc" => document(members),
            _ => no(),
        }),
        ("a page in the first place", |path, members| match path {
            INSERTED => document(members),
            _ => page(),
        }),
        ("moved to a page elsewhere", |path, members| match path {
            INSERTED => document(members),
            _ => [(header::LOCATION, "https://login.example.com/")]
                .into_response()
                .moved(),
        }),
    ];
    for (name, door) in doors {
        let idp = EmbeddedIdp::start(Options::default()).await.unwrap();
        let datahub = StubDataHub::start().await.unwrap();
        let members = Arc::new(Mutex::new(described(&idp).await));
        let served = Arc::clone(&members);
        let front = front(move |path| door(path, &served.lock().unwrap())).await;
        let issuer = format!("{front}/realms/x");
        {
            let mut members = members.lock().unwrap();
            members["issuer"] = issuer.clone().into();
            // Signing in needs none of these.
            members["revocation_endpoint"] = "http://10.0.0.1/revoke".into();
            members["introspection_endpoint"] = 7.into();
        }
        let server = signing_in(&datahub)
            .env("OIDC_ISSUER_URL", &issuer)
            .start()
            .unwrap();
        let world = World {
            idp,
            datahub,
            server,
        };
        crate::oauth_world::admit(&world);
        let (status, at, body) = to_the_provider(&world).await;
        assert_eq!(status, 200, "{name}: {at} {body}");
        assert!(at.starts_with(world.idp.issuer()), "{name}: {at}");
        assert_eq!(accepted(&world, &issuer).await, 200, "{name}");
    }
}

/// Turns a response into a redirect.
trait Moved {
    fn moved(self) -> Response;
}

impl Moved for Response {
    fn moved(mut self) -> Response {
        *self.status_mut() = StatusCode::FOUND;
        self
    }
}

#[tokio::test]
async fn the_place_to_look_is_not_the_issuer_that_is_checked() {
    let idp = EmbeddedIdp::start(Options::default()).await.unwrap();
    let datahub = StubDataHub::start().await.unwrap();
    let mut members = described(&idp).await;
    members["issuer"] = OUTSIDE.into();
    let front = front(move |path| match path {
        OIDC => document(&members),
        _ => no(),
    })
    .await;
    let inside = format!("{front}/realms/x");
    let server = signing_in(&datahub)
        .env("OIDC_ISSUER_URL", OUTSIDE)
        .env("OAUTH_ISSUER_URL", &inside)
        .start()
        .unwrap();
    let world = World {
        idp,
        datahub,
        server,
    };
    crate::oauth_world::admit(&world);
    let (status, at, body) = to_the_provider(&world).await;
    assert_eq!(status, 200, "{at} {body}");
    assert!(at.starts_with(world.idp.issuer()), "{at}");
    assert_eq!(accepted(&world, OUTSIDE).await, 200);
    for other in [
        &*inside,
        "https://sso.example.com/realms/x/",
        world.idp.issuer(),
    ] {
        assert_eq!(accepted(&world, other).await, 401, "{other}");
    }
}

#[tokio::test]
async fn one_switch_allows_plain_http_to_the_provider_for_both_halves() {
    let datahub = StubDataHub::start().await.unwrap();
    let settings = || signing_in(&datahub).env("OIDC_ISSUER_URL", "http://192.0.2.1:8080/realms/x");
    let refusal = settings().refuse().unwrap();
    refusal.assert_says(&["OIDC_ISSUER_URL", "plain HTTP", "OUTBOUND_ALLOW_HTTP=true"]);
    for switch in ["OUTBOUND_ALLOW_HTTP", "TOKEN_VALIDATOR_OPT_ALLOW_HTTP"] {
        let server = settings().env(switch, "true").start();
        assert!(server.is_ok(), "{switch}");
    }
}

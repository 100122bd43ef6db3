//! `datahub-mcp doctor`: a deployment as it should be, and broken ones, each with its remedy.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use integration_tests::{artifacts, mcp::http_client, until};
use sandbox::{
    datahub::{self, EmbeddedDataHub},
    idp::{self, EmbeddedIdp, PUBLIC_CLIENT},
};
use serde_json::{Value, json};
use tokio::io::AsyncBufReadExt;
use url::Url;

use crate::oauth_world::{Browser, KEY, Visit, hidden, param};

/// The settings of one run.
type Settings = BTreeMap<&'static str, String>;

/// What `doctor` printed.
struct Examined {
    status: i32,
    checks: Vec<Value>,
    text: String,
}

impl Examined {
    /// The first check of this name with this status.
    fn find(&self, name: &str, status: &str) -> &Value {
        let found = self
            .checks
            .iter()
            .find(|check| check["check"] == name && check["status"] == status);
        found.unwrap_or_else(|| panic!("no {status} of {name} in {}", self.text))
    }

    /// Asserts that this check failed, saw this, and names this remedy.
    fn assert_fails(&self, name: &str, seen: &str, fix: &str) {
        let check = self.find(name, "fail");
        let text = |member: &str| check[member].as_str().unwrap().to_owned();
        assert!(text("seen").contains(seen), "no {seen} in {check:#}");
        assert!(text("fix").contains(fix), "no {fix} in {check:#}");
        assert_eq!(self.status, 1, "{}", self.text);
    }
}

fn command(settings: &Settings, args: &[&str]) -> Command {
    let mut command = Command::new(artifacts().server());
    command.env_clear().envs(settings).args(args);
    command
}

async fn run(settings: &Settings, args: &[&str]) -> Output {
    let mut command = command(settings, args);
    command.stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

async fn examine(settings: &Settings) -> Examined {
    let output = run(settings, &["doctor", "--json"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("panicked"), "{errors}");
    let checks: Vec<Value> =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{errors}"));
    for check in &checks {
        let members: Vec<_> = check.as_object().unwrap().keys().collect();
        assert_eq!(members, ["check", "status", "seen", "fix"]);
        assert_eq!(check["status"] == "ok", check["fix"].is_null(), "{check}");
    }
    Examined {
        status: output.status.code().unwrap(),
        checks,
        text,
    }
}

struct World {
    idp: idp::Running,
    datahub: datahub::Running,
}

impl World {
    async fn start() -> Self {
        Self::with(idp::Options::default(), datahub::Options::default()).await
    }

    async fn with(idp: idp::Options, datahub: datahub::Options) -> Self {
        Self {
            idp: EmbeddedIdp::start(idp).await.unwrap(),
            datahub: EmbeddedDataHub::start(datahub).await.unwrap(),
        }
    }

    /// Settings of a server that signs people in.
    fn settings(&self) -> Settings {
        [
            ("DATAHUB_GMS_URL", self.datahub.url()),
            ("DATAHUB_MCP_PORT", "0".to_owned()),
            ("OIDC_ISSUER_URL", self.idp.issuer().to_owned()),
            ("OIDC_AUDIENCE", self.idp.audience().to_owned()),
            ("OIDC_CLIENT_ID", PUBLIC_CLIENT.to_owned()),
            ("OAUTH_TOKEN_KEYS", KEY.to_owned()),
            (
                "OAUTH_DEFAULT_SCOPE",
                "openid profile email offline_access".to_owned(),
            ),
        ]
        .into()
    }
}

/// A server on loopback that gives every request the same answer.
async fn stub(answer: impl Fn(&str) -> Response + Clone + Send + Sync + 'static) -> String {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(move |request: Request| {
        let answer = answer(request.uri().path());
        async move { answer }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_deployment_as_it_should_be_has_no_failure_and_no_warning() {
    let world = World::start().await;
    let examined = examine(&world.settings()).await;
    let others: Vec<_> = examined
        .checks
        .iter()
        .filter(|c| c["status"] != "ok")
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(examined.status, 0);
    for (name, seen) in [
        ("settings", "valid"),
        ("proxy", "every connection is direct"),
        ("certificates", "authorities are trusted"),
        ("datahub", "DataHub 1.6.0"),
        ("datahub-authentication", "refused with 401"),
        ("provider", "/.well-known/openid-configuration"),
        ("issuer", world.idp.issuer()),
        ("keys", "1 of 1 keys"),
        ("sign-in", "PKCE with S256"),
        ("client-authentication", "none"),
        ("scope", "openid profile email offline_access"),
        ("refresh", "`offline_access` is asked for"),
        ("audience", world.idp.audience()),
        ("upstream-token", "the access token"),
        ("validators", "`oidc:oidc` loads"),
        ("store", "memory"),
        ("sealing-key", "OAUTH_TOKEN_KEYS"),
        ("port", "a free port"),
        ("clock", "as that of"),
    ] {
        let found = examined.find(name, "ok")["seen"].as_str().unwrap();
        assert!(found.contains(seen), "{name}: no {seen} in {found}");
    }
    let lines = run(&world.settings(), &["doctor"]).await;
    let lines = String::from_utf8(lines.stdout).unwrap();
    assert!(lines.contains("\nok    datahub "), "{lines}");
    assert!(lines.ends_with(" 0 warnings, 0 failed\n"), "{lines}");
    assert!(!lines.contains(KEY) && !examined.text.contains(KEY));
}

#[tokio::test]
async fn an_issuer_that_differs_by_a_slash_is_told_apart() {
    for (path, configured) in [("", "/"), ("/o/app/", "/o/app"), ("/", "")] {
        let options = idp::Options {
            issuer_path: path.to_owned(),
            ..idp::Options::default()
        };
        let world = World::with(options, datahub::Options::default()).await;
        let mut settings = world.settings();
        let issuer = world.idp.issuer().strip_suffix(path).unwrap().to_owned() + configured;
        settings.insert("OIDC_ISSUER_URL", issuer);
        let fix = format!("set `OIDC_ISSUER_URL` to `{}`", world.idp.issuer());
        let examined = examine(&settings).await;
        examined.assert_fails("issuer", "only in the slash at the end", &fix);
    }
}

#[tokio::test]
async fn an_issuer_with_a_wrong_path_leads_to_the_right_one() {
    let options = idp::Options {
        issuer_path: "/realms/shop".to_owned(),
        ..idp::Options::default()
    };
    let world = World::with(options, datahub::Options::default()).await;
    let base = world.idp.issuer().strip_suffix("/realms/shop").unwrap();
    for wrong in ["/auth/realms/shop", "/realms/shop/protocol/openid-connect"] {
        let mut settings = world.settings();
        settings.insert("OIDC_ISSUER_URL", format!("{base}{wrong}"));
        let fix = format!("set `OIDC_ISSUER_URL` to `{}`", world.idp.issuer());
        let examined = examine(&settings).await;
        examined.assert_fails("provider", "answers 404", &fix);
        assert!(examined.text.contains(&format!("{wrong}/.well-known/")));
    }
    let mut settings = world.settings();
    settings.insert("OIDC_ISSUER_URL", format!("{base}/realms/other"));
    let examined = examine(&settings).await;
    examined.assert_fails("provider", "no discovery document", "set `OIDC_ISSUER_URL`");
}

#[tokio::test]
async fn authentication_that_is_off_at_datahub_is_a_failure() {
    let options = datahub::Options {
        authentication: false,
        ..datahub::Options::default()
    };
    let world = World::with(idp::Options::default(), options).await;
    examine(&world.settings()).await.assert_fails(
        "datahub-authentication",
        "authentication is off at DataHub (METADATA_SERVICE_AUTH_ENABLED)",
        "METADATA_SERVICE_AUTH_ENABLED=true",
    );
}

#[tokio::test]
async fn an_answer_of_graphql_to_a_made_up_token_is_a_failure() {
    let world = World::start().await;
    let error = json!({"errors": [{"message": "Failed to get", "extensions": {"code": 500}}]});
    let hub = stub(move |path| match path {
        "/config" => axum::Json(json!({"noCode": "true"})).into_response(),
        _ => axum::Json(error.clone()).into_response(),
    });
    let mut settings = world.settings();
    settings.insert("DATAHUB_GMS_URL", hub.await);
    let examined = examine(&settings).await;
    let fix = "METADATA_SERVICE_AUTH_ENABLED=true";
    examined.assert_fails("datahub-authentication", "probably off at DataHub", fix);
}

#[tokio::test]
async fn a_shared_token_that_datahub_refuses_is_a_failure() {
    let world = sign_in_world(idp::Options::default()).await;
    let mut settings = world.settings();
    settings.insert("DATAHUB_GMS_TOKEN", world.datahub.token("viewer").unwrap());
    let examined = examine(&settings).await;
    examined.find("shared-token", "ok");
    settings.insert("DATAHUB_GMS_TOKEN", "no-longer-good".to_owned());
    let examined = examine(&settings).await;
    examined.assert_fails("shared-token", "refuses", "`DATAHUB_GMS_TOKEN`");
    assert!(
        !examined.text.contains("no-longer-good"),
        "{}",
        examined.text
    );
}

#[tokio::test]
async fn a_server_that_is_not_datahub_is_not_taken_for_one() {
    let world = World::start().await;
    let page = stub(|_| ([(header::CONTENT_TYPE, "text/html")], "<html>hello").into_response());
    let json = stub(|_| axum::Json(json!({"status": "ok"})).into_response());
    let nothing = stub(|_| StatusCode::NOT_FOUND.into_response());
    let sign_in = stub(|_| (StatusCode::FOUND, [(header::LOCATION, "/login")]).into_response());
    for url in [page.await, json.await, nothing.await, sign_in.await] {
        let mut settings = world.settings();
        settings.insert("DATAHUB_GMS_URL", url);
        let examined = examine(&settings).await;
        examined.assert_fails("datahub", "it is not DataHub", "set `DATAHUB_GMS_URL`");
    }
}

#[tokio::test]
async fn a_store_that_is_down_and_a_port_that_is_taken_are_failures() {
    let world = World::start().await;
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut settings = world.settings();
    settings.insert(
        "OAUTH_STORE_URL",
        "redis://me:hunter2@127.0.0.1:1/0".to_owned(),
    );
    settings.insert("DATAHUB_MCP_PORT", port.to_string());
    let examined = examine(&settings).await;
    examined.assert_fails("store", "Redis cannot be reached", "`OAUTH_STORE_URL`");
    examined.assert_fails("port", "already taken", "`DATAHUB_MCP_PORT`");
    assert!(!examined.text.contains("hunter2"), "{}", examined.text);
}

#[tokio::test]
async fn a_port_at_which_the_server_runs_is_no_problem() {
    let world = crate::world::World::start().await;
    let mut settings = World::start().await.settings();
    let port = world.server.address().port();
    settings.insert("DATAHUB_MCP_PORT", port.to_string());
    let examined = examine(&settings).await;
    let seen = examined.find("port", "ok")["seen"].to_string();
    assert!(seen.contains("answers `/health`"), "{seen}");
}

#[tokio::test]
async fn a_clock_that_is_off_is_a_failure() {
    for (date, seen) in [
        ("Sun, 06 Nov 1994 08:49:37 GMT", "ahead of that of datahub"),
        ("Wed, 06 Nov 2080 08:49:37 GMT", "behind that of datahub"),
    ] {
        let world = World::start().await;
        let hub = stub(move |path| {
            let date = [(header::DATE, date)];
            match path {
                "/config" => (date, axum::Json(json!({"noCode": "true"}))).into_response(),
                _ => (StatusCode::UNAUTHORIZED, date).into_response(),
            }
        });
        let mut settings = world.settings();
        settings.insert("DATAHUB_GMS_URL", hub.await);
        let examined = examine(&settings).await;
        examined.assert_fails("clock", seen, "NTP");
        examined.find("clock", "ok");
    }
}

#[tokio::test]
async fn tokens_that_nobody_could_use_are_foreseen() {
    let world = World::start().await;
    let mut settings = world.settings();
    settings.insert("OAUTH_UPSTREAM_TOKEN", "id_token".to_owned());
    settings.insert("OIDC_AUDIENCE", "another".to_owned());
    let refused = examine(&settings).await;
    assert_eq!(refused.status, 64, "{}", refused.text);
    let fix = refused.find("settings", "fail")["fix"].to_string();
    assert!(fix.contains(&format!("`{PUBLIC_CLIENT}`")), "{fix}");
    settings.insert("OIDC_AUDIENCE", PUBLIC_CLIENT.to_owned());
    settings.insert("TOKEN_VALIDATOR_OPT_ALLOW_ID_TOKENS", "false".to_owned());
    let examined = examine(&settings).await;
    examined.assert_fails("upstream-token", "told to refuse them", "ALLOW_ID_TOKENS");
}

#[tokio::test]
async fn settings_that_cannot_be_used_end_with_64_and_service_links_are_named() {
    let world = World::start().await;
    let mut settings = world.settings();
    settings.insert("OAUTH_CLIENT_AUTH", "basic".to_owned());
    settings.insert("TOOLS_SCOPES", "write=a".to_owned());
    let examined = examine(&settings).await;
    assert_eq!(examined.status, 64);
    assert_eq!(examined.checks.len(), 2, "{}", examined.text);
    assert!(examined.text.contains("OIDC_CLIENT_SECRET") && examined.text.contains("TOOL_SCOPES"));

    let mut settings = world.settings();
    settings.insert("DATAHUB_GMS_PORT", "tcp://10.0.0.1:8080".to_owned());
    settings.insert("PUBLIC_URL", "http://datahub-mcp:8000".to_owned());
    settings.remove("OIDC_CLIENT_ID");
    settings.remove("OAUTH_TOKEN_KEYS");
    let examined = examine(&settings).await;
    assert_eq!(examined.status, 0, "{}", examined.text);
    let fix = examined.find("settings", "warn")["fix"].to_string();
    assert!(fix.contains("enableServiceLinks: false"), "{fix}");
    let fix = examined.find("public-url", "warn")["fix"].to_string();
    assert!(fix.contains("PUBLIC_URL"), "{fix}");
}

#[tokio::test]
async fn neighbours_that_never_answer_hold_nothing_up() {
    let world = World::start().await;
    // Takes connections, by the backlog alone.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = silent.local_addr().unwrap();
    let mut settings = world.settings();
    settings.insert("DATAHUB_GMS_URL", format!("http://{address}"));
    settings.insert("OIDC_ISSUER_URL", format!("http://{address}"));
    settings.insert("OAUTH_STORE_URL", format!("redis://{address}/0"));
    let started = Instant::now();
    let examined = examine(&settings).await;
    assert!(started.elapsed() < Duration::from_secs(30));
    examined.assert_fails("datahub", "did not answer in time", "`DATAHUB_GMS_URL`");
    examined.assert_fails("provider", "did not answer in time", "`OIDC_ISSUER_URL`");
    examined.assert_fails("store", "Redis cannot be reached", "`OAUTH_STORE_URL`");
    examined.find("port", "ok");
}

#[tokio::test]
async fn a_validator_that_ends_its_process_is_a_failure_and_no_more() {
    let world = World::start().await;
    for how in ["exit", "segfault"] {
        let mut settings = world.settings();
        settings.insert("TOKEN_VALIDATOR_FACTORY", "hostile:dies".to_owned());
        settings.insert("TOKEN_VALIDATOR_OPT_AT", "health".to_owned());
        settings.insert("TOKEN_VALIDATOR_OPT_HOW", how.to_owned());
        let examined = examine(&settings).await;
        let fix = "`PLUGIN_ISOLATION=process`";
        examined.assert_fails("validators", "ends the process that loads it", fix);
        examined.find("datahub", "ok");
    }
}

/// A doctor that waits for a person, and what it has said so far.
struct SignIn {
    child: tokio::process::Child,
    lines: tokio::io::Lines<tokio::io::BufReader<tokio::process::ChildStdout>>,
    said: String,
}

impl SignIn {
    fn start(settings: &Settings) -> Self {
        let args = ["doctor", "--sign-in", "--callback-port", "0"];
        let mut command = tokio::process::Command::from(command(settings, &args));
        let mut child = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        Self {
            child,
            lines: tokio::io::BufReader::new(stdout).lines(),
            said: String::new(),
        }
    }

    /// The URL that the person is to open.
    async fn url(&mut self) -> Url {
        loop {
            let line = self.lines.next_line().await.unwrap();
            let line = line.unwrap_or_else(|| panic!("no URL in {}", self.said));
            self.said.push_str(&line);
            self.said.push('\n');
            if line.starts_with("http") {
                return Url::parse(&line).unwrap();
            }
        }
    }

    /// All that it said, and its exit status.
    async fn end(mut self) -> (i32, String) {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            self.said.push_str(&line);
            self.said.push('\n');
        }
        (self.child.wait().await.unwrap().code().unwrap(), self.said)
    }
}

/// A world in which any loopback port may be come back to, and whose DataHub trusts the provider.
async fn sign_in_world(idp: idp::Options) -> World {
    let idp = EmbeddedIdp::start(idp).await.unwrap();
    let verifier = idp.public_jwk();
    let keys = json!({"keys": [verifier]}).to_string();
    let datahub = EmbeddedDataHub::start(datahub::Options {
        people: idp.people().iter().map(datahub::Person::from).collect(),
        trusted_issuers: vec![datahub::TrustedIssuer {
            issuer: idp.issuer().to_owned(),
            audience: None,
            jwks: datahub::Jwks::Function(std::sync::Arc::new(move || keys.clone())),
        }],
        ..datahub::Options::default()
    });
    let datahub = datahub.await.unwrap();
    World { idp, datahub }
}

/// Tells the provider the redirect URI of `url`, and signs the editor in.
async fn sign_in(world: &World, url: &Url) -> Visit {
    let redirect = param(url, "redirect_uri").unwrap();
    assert!(redirect.starts_with("http://127.0.0.1:"), "{redirect}");
    assert!(redirect.ends_with("/oauth/callback"), "{redirect}");
    let client = idp::Client::public(PUBLIC_CLIENT).redirect(redirect);
    world.idp.register(client);
    let mut browser = Browser::default();
    let Visit::Page { url, body, .. } = browser.open(url.as_str()).await else {
        panic!("no page at {url}");
    };
    let form = [
        ("csrf", &*hidden(&body, "csrf")),
        ("username", "editor"),
        ("password", "editor-password"),
        ("action", "sign-in"),
    ];
    browser.submit(&url, &form).await
}

#[tokio::test]
async fn a_sign_in_by_hand_shows_each_hop_and_no_token() {
    let world = sign_in_world(idp::Options::default()).await;
    let settings = world.settings();
    let mut doctor = SignIn::start(&settings);
    let url = doctor.url().await;
    for name in ["state", "nonce", "code_challenge"] {
        assert!(param(&url, name).is_some_and(|value| value.len() >= 43));
    }
    assert_eq!(param(&url, "code_challenge_method").unwrap(), "S256");

    // Who does not know the state changes nothing.
    let redirect = param(&url, "redirect_uri").unwrap();
    for query in [
        "",
        "?code=x",
        "?code=x&state=y",
        "?error=access_denied&state=y",
    ] {
        let answer = http_client().get(format!("{redirect}{query}")).send().await;
        assert_eq!(answer.unwrap().status(), 400, "{query}");
    }
    let visit = sign_in(&world, &url).await;
    let Visit::Page {
        status,
        url: back,
        body,
    } = visit
    else {
        panic!("not at the doctor's page");
    };
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("the rest is in the terminal"), "{body}");
    let code = param(&back, "code").unwrap();

    let (status, said) = doctor.end().await;
    assert_eq!(status, 0, "{said}");
    let issuer = world.idp.issuer();
    for line in [
        "ok    provider ".to_owned(),
        "ok    callback                a code came, with our state".to_owned(),
        "an access token, an ID token, a refresh token; expires_in ".to_owned(),
        format!("; iss {issuer}; aud {}; scope ", world.idp.audience()),
        format!("; iss {issuer}; aud {PUBLIC_CLIENT}; "),
        "works; scopes are not needed; a new refresh token came".to_owned(),
        "`oidc:oidc` accepts the token".to_owned(),
        "answers as a person of its own".to_owned(),
        "no setting is to be changed for this provider".to_owned(),
    ] {
        assert!(said.contains(&line), "no {line} in {said}");
    }
    assert!(!said.contains(&code) && !said.contains("eyJ"), "{said}");
    assert!(
        !said.contains("editor") && !said.contains("email_verified"),
        "{said}"
    );
}

#[tokio::test]
async fn opaque_access_tokens_lead_to_the_id_token() {
    let world = sign_in_world(idp::Options {
        access_tokens: idp::AccessTokens::Opaque,
        ..idp::Options::default()
    })
    .await;
    let mut settings = world.settings();
    settings.insert("OIDC_AUDIENCE", "another".to_owned());
    let mut doctor = SignIn::start(&settings);
    let url = doctor.url().await;
    sign_in(&world, &url).await;
    let (status, said) = doctor.end().await;
    assert_eq!(status, 1, "{said}");
    for line in [
        "access-token            opaque, ",
        "FAIL  validators ",
        "\n  OAUTH_UPSTREAM_TOKEN=id_token\n",
        &format!("\n  OIDC_AUDIENCE={PUBLIC_CLIENT}\n"),
    ] {
        assert!(said.contains(line), "no {line} in {said}");
    }

    // With these settings the same provider is right, as far as its own tokens go.
    settings.insert("OAUTH_UPSTREAM_TOKEN", "id_token".to_owned());
    settings.insert("OIDC_AUDIENCE", PUBLIC_CLIENT.to_owned());
    let mut doctor = SignIn::start(&settings);
    let url = doctor.url().await;
    sign_in(&world, &url).await;
    let (_, said) = doctor.end().await;
    assert!(said.contains("`oidc:oidc` accepts the token"), "{said}");
    assert!(said.contains("no setting is to be changed"), "{said}");
}

#[tokio::test]
async fn a_sign_in_without_a_client_or_with_json_is_refused() {
    let world = World::start().await;
    let mut settings = world.settings();
    let both = run(&settings, &["doctor", "--sign-in", "--json"]).await;
    assert_eq!(both.status.code(), Some(64));
    settings.remove("OIDC_CLIENT_ID");
    settings.remove("OAUTH_TOKEN_KEYS");
    let output = run(&settings, &["doctor", "--sign-in"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("set `OIDC_CLIENT_ID`"), "{said}");
}

/// A Redis with a password, which forgets when memory is short; killed when dropped. `None`, and a word
/// about it, where Redis is not installed.
async fn forgetful_redis(directory: &std::path::Path) -> Option<(tokio::process::Child, String)> {
    let socket = directory.join("redis.sock").display().to_string();
    let child = tokio::process::Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--unixsocket", &socket])
        .args(["--requirepass", "hunter2", "--dir"])
        .arg(directory)
        .args(["--maxmemory-policy", "allkeys-lru"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let Ok(child) = child else {
        test_support::skipped("redis-server");
        return None;
    };
    let listens = async || std::os::unix::net::UnixStream::connect(&socket).is_ok();
    until("redis listens", listens).await;
    Some((child, socket))
}

#[tokio::test]
async fn a_redis_is_asked_for_its_password_and_what_it_forgets() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_redis, socket)) = forgetful_redis(directory.path()).await else {
        return;
    };
    let world = World::start().await;
    let mut settings = world.settings();
    settings.insert("OAUTH_STORE_URL", format!("unix://{socket}?pass=hunter2"));
    let examined = examine(&settings).await;
    assert_eq!(examined.status, 0, "{}", examined.text);
    let seen = examined.find("store", "ok")["seen"].to_string();
    assert!(seen.contains("answers and runs scripts"), "{seen}");
    let warning = examined.find("store", "warn").to_string();
    assert!(
        warning.contains("`allkeys-lru`") && warning.contains("noeviction"),
        "{warning}"
    );
    assert!(!examined.text.contains("hunter2"), "{}", examined.text);
    for wrong in ["", "?pass=swordfish"] {
        settings.insert("OAUTH_STORE_URL", format!("unix://{socket}{wrong}"));
        let examined = examine(&settings).await;
        examined.assert_fails("store", "refuses user or password", "`OAUTH_STORE_URL`");
        assert!(!examined.text.contains("swordfish"), "{}", examined.text);
    }
}

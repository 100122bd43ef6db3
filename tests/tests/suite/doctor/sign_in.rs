//! `datahub-mcp doctor --sign-in`, with a browser that signs a person in.

use std::process::Stdio;

use integration_tests::mcp::http_client;
use sandbox::idp::{self, PUBLIC_CLIENT};
use tokio::io::AsyncBufReadExt;
use url::Url;

use super::{Settings, World, command, run, sign_in_world};
use crate::oauth_world::{Browser, Visit, hidden, param};

/// A doctor that waits for a person, and what it has said so far.
pub(super) struct SignIn {
    child: tokio::process::Child,
    lines: tokio::io::Lines<tokio::io::BufReader<tokio::process::ChildStdout>>,
    said: String,
}

impl SignIn {
    pub(super) fn start(settings: &Settings) -> Self {
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
    pub(super) async fn url(&mut self) -> Url {
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
    pub(super) async fn end(mut self) -> (i32, String) {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            self.said.push_str(&line);
            self.said.push('\n');
        }
        (self.child.wait().await.unwrap().code().unwrap(), self.said)
    }
}

/// Tells the provider the redirect URI of `url`, and signs the editor in.
async fn sign_in(world: &World, url: &Url) -> Visit {
    let redirect = param(url, "redirect_uri").unwrap();
    assert!(redirect.starts_with("http://127.0.0.1:"), "{redirect}");
    assert!(redirect.ends_with("/oauth/callback"), "{redirect}");
    let client = idp::Client::public(PUBLIC_CLIENT).redirect(redirect);
    world.idp.register(client);
    visit(url).await
}

/// Signs the editor in at `url`.
pub(super) async fn visit(url: &Url) -> Visit {
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

#[tokio::test]
async fn wrong_requests_and_silent_connections_do_not_end_the_wait() {
    let world = sign_in_world(idp::Options::default()).await;
    let mut doctor = SignIn::start(&world.settings());
    let url = doctor.url().await;
    let redirect = param(&url, "redirect_uri").unwrap();
    let place = Url::parse(&redirect).unwrap();
    let address = format!("127.0.0.1:{}", place.port().unwrap());
    // More than may be open at a time; a browser connects ahead of time, too.
    let mut silent = Vec::new();
    for _ in 0..80 {
        silent.push(tokio::net::TcpStream::connect(&address).await.unwrap());
    }
    let client = http_client();
    let wrong = futures::future::join_all((0..120).map(|n| {
        let asked = client.get(format!("{redirect}?code=x&state={n}")).send();
        async move { asked.await.unwrap().status() }
    }));
    assert!(wrong.await.iter().all(|status| *status == 400));
    for (path, status) in [("/favicon.ico", 404), ("/", 404)] {
        let answer = client.get(format!("http://{address}{path}")).send().await;
        assert_eq!(answer.unwrap().status(), status, "{path}");
    }
    let long = format!("{redirect}?code={}&state=x", "x".repeat(60_000));
    let answer = client.get(long).send().await;
    assert!(answer.is_err() || answer.unwrap().status().is_client_error());
    // Who only looks does not use the answer up, with our state either.
    let state = param(&url, "state").unwrap();
    let looked = client.head(format!("{redirect}?code=x&state={state}"));
    assert_eq!(looked.send().await.unwrap().status(), 405);

    let Visit::Page { status, .. } = sign_in(&world, &url).await else {
        panic!("not at the doctor's page");
    };
    assert_eq!(status, 200);
    let (status, said) = doctor.end().await;
    assert_eq!(status, 0, "{said}");
    drop(silent);
}

#[tokio::test]
async fn a_token_for_another_audience_leads_to_the_setting() {
    let world = sign_in_world(idp::Options::default()).await;
    let mut settings = world.settings();
    settings.insert("OIDC_AUDIENCE", "another".to_owned());
    let mut doctor = SignIn::start(&settings);
    let url = doctor.url().await;
    sign_in(&world, &url).await;
    let (status, said) = doctor.end().await;
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("the token is for another audience"), "{said}");
    let setting = format!("\n  OIDC_AUDIENCE={}\n", world.idp.audience());
    assert!(said.contains(&setting), "{said}");
}

#[tokio::test]
async fn a_token_without_an_audience_is_judged_as_the_validator_does() {
    let world = sign_in_world(idp::Options {
        audience: String::new(),
        ..idp::Options::default()
    })
    .await;
    let mut settings = world.settings();
    settings.insert("OIDC_AUDIENCE", "mcp".to_owned());
    let walk = async |settings: &Settings| {
        let mut doctor = SignIn::start(settings);
        let url = doctor.url().await;
        sign_in(&world, &url).await;
        doctor.end().await
    };
    let (status, said) = walk(&settings).await;
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("; no aud; "), "{said}");
    assert!(said.contains("`aud` is missing"), "{said}");
    for setting in [
        "\n  OIDC_AUDIENCE_CLAIM=client_id\n".to_owned(),
        format!("\n  OIDC_AUDIENCE={PUBLIC_CLIENT}\n"),
    ] {
        assert!(said.contains(&setting), "no {setting} in {said}");
    }
    settings.insert("OIDC_AUDIENCE_CLAIM", "client_id".to_owned());
    settings.insert("OIDC_AUDIENCE", PUBLIC_CLIENT.to_owned());
    let (_, said) = walk(&settings).await;
    assert!(said.contains("`oidc:oidc` accepts the token"), "{said}");
    let judged = format!("judged by client_id: {PUBLIC_CLIENT}");
    assert!(said.contains(&judged), "{said}");
    assert!(said.contains("no setting is to be changed"), "{said}");
}

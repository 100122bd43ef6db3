//! `datahub-mcp doctor`: a deployment as it should be, and broken ones, each with its remedy.

mod datahub;
mod deployment;
mod network;
mod provider;
mod sandbox_binary;
mod secrets;
mod sign_in;
mod store;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use axum::{Router, extract::Request, response::Response};
use integration_tests::artifacts;
use sandbox::{
    datahub::{EmbeddedDataHub, Jwks, Options as DataHubOptions, Person, Running, TrustedIssuer},
    idp::{self, EmbeddedIdp, PUBLIC_CLIENT},
};
use serde_json::{Value, json};

use crate::oauth_world::KEY;

/// The settings of one run.
type Settings = BTreeMap<&'static str, String>;

/// What `doctor` printed.
struct Examined {
    status: i32,
    checks: Vec<Value>,
    text: String,
}

impl Examined {
    /// The check of this id, which has this status.
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
    let ids: BTreeSet<_> = checks.iter().map(|check| check["check"].as_str()).collect();
    assert_eq!(ids.len(), checks.len(), "an id twice in {text}");
    Examined {
        status: output.status.code().unwrap(),
        checks,
        text,
    }
}

struct World {
    idp: idp::Running,
    datahub: Running,
}

impl World {
    async fn start() -> Self {
        Self::with(idp::Options::default(), DataHubOptions::default()).await
    }

    async fn with(idp: idp::Options, datahub: DataHubOptions) -> Self {
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

/// A world in which any loopback port may be come back to, and whose DataHub trusts the provider.
async fn sign_in_world(idp: idp::Options) -> World {
    let idp = EmbeddedIdp::start(idp).await.unwrap();
    let verifier = idp.public_jwk();
    let keys = json!({"keys": [verifier]}).to_string();
    let datahub = EmbeddedDataHub::start(DataHubOptions {
        people: idp.people().iter().map(Person::from).collect(),
        trusted_issuers: vec![TrustedIssuer {
            issuer: idp.issuer().to_owned(),
            audience: None,
            jwks: Jwks::Function(Arc::new(move || keys.clone())),
        }],
        ..DataHubOptions::default()
    });
    let datahub = datahub.await.unwrap();
    World { idp, datahub }
}
